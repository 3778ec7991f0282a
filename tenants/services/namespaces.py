"""Dispatch namespaces: groups of workers that are reached by dispatching. Workers in them are changed by the services of workers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.bindings import BINDING_COUNT, ENVIRONMENT_TYPES, Binding, resolve
from tenants.errors import BindingInvalid, BindingUnsupported, FieldInvalid, NamespaceInUse, NameTaken
from tenants.models import Deployment, DeploymentVersion, Namespace, Tenant, Version, Worker
from tenants.names import check_namespace_name, qualified
from tenants.services.quotas import quota_require
from tenants.services.support import AUTHOR_CHARACTERS, audit, namespace_of, tenant_lock

# How far promotion may lead: longer chains are a mistake.
CHAIN_MOST = 16
DISPATCH = "dispatch_namespace"


@transaction.atomic
def namespace_create(*, tenant: Tenant, name: str, promotes_to: str | None = None, actor: Actor) -> Namespace:
    """A new, empty namespace. Raises `NamespaceNameInvalid`, `NameTaken`, `QuotaExceeded`, or `NamespaceNotFound` (of `promotes_to`)."""
    check_namespace_name(name)
    tenant = tenant_lock(tenant)
    if Namespace.objects.filter(tenant=tenant, name=name).exists():
        raise NameTaken(f"There is a namespace called {name!r}.", field="name")
    quota_require(tenant=tenant, namespaces=1)
    author = actor.email[:AUTHOR_CHARACTERS]
    following = namespace_of(tenant, promotes_to) if promotes_to is not None else None
    namespace = Namespace.objects.create(tenant=tenant, name=name, promotes_to=following, author=author, editor=author)
    audit(tenant=tenant, actor=actor, action="namespace_create", target=name, promotes_to=promotes_to)
    epoch.bump(reason=f"namespace {name}")
    return namespace


@transaction.atomic
def namespace_rename(*, tenant: Tenant, name: str, new_name: str, actor: Actor) -> Namespace:
    """Give a namespace another name.

    Raises `NamespaceNotFound`, `NamespaceNameInvalid`, `NameTaken`, or `NamespaceInUse` where a version that is newest or live binds it by
    the old name: it would find nothing any more.
    """
    check_namespace_name(new_name)
    tenant = tenant_lock(tenant)
    namespace = namespace_of(tenant, name)
    if new_name == name:
        return namespace
    if Namespace.objects.filter(tenant=tenant, name=new_name).exists():
        raise NameTaken(f"There is a namespace called {new_name!r}.", field="name")
    if users := users_of(namespace):
        raise NamespaceInUse(f"The namespace {name!r} is bound by {', '.join(users[:5])}: change the bindings first.", workers=users[:100])
    namespace.name = new_name
    _save(namespace, actor, "name")
    audit(tenant=tenant, actor=actor, action="namespace_rename", target=new_name, before=name)
    epoch.bump(reason=f"namespace {new_name}")
    return namespace


@transaction.atomic
def namespace_promotes_to(*, tenant: Tenant, name: str, promotes_to: str | None, actor: Actor) -> Namespace:
    """Say which environment comes after this one (None: none does). Raises `NamespaceNotFound`, or `FieldInvalid` for a circle."""
    tenant = tenant_lock(tenant)
    namespace = namespace_of(tenant, name)
    following = namespace_of(tenant, promotes_to) if promotes_to is not None else None
    at, steps = following, 0
    while at is not None:
        steps += 1
        if at.pk == namespace.pk or steps > CHAIN_MOST:
            raise FieldInvalid(f"Promotion from {name!r} to {promotes_to!r} would lead in a circle.", field="promotes_to")
        at = at.promotes_to
    before = namespace.promotes_to.name if namespace.promotes_to else None
    namespace.promotes_to = following
    _save(namespace, actor, "promotes_to")
    audit(tenant=tenant, actor=actor, action="namespace_promotes_to", target=name, before=before, after=promotes_to)
    return namespace


@transaction.atomic
def namespace_bindings_update(*, tenant: Tenant, name: str, changes: Mapping[str, Mapping[str, Any] | None], actor: Actor) -> Namespace:
    """Change the environment's own variables, secrets and services (None removes one). What is promoted into it from now on gets them.

    Raises `NamespaceNotFound` or `BindingInvalid`, naming the binding.
    """
    tenant = tenant_lock(tenant)
    namespace = namespace_of(tenant, name)
    kept = {binding["name"]: binding for binding in namespace.bindings}
    for binding in _environment([{**change, "name": key} for key, change in changes.items() if change is not None], tenant):
        kept[binding["name"]] = binding
    for key, change in changes.items():
        if change is None:
            kept.pop(key, None)
    if len(kept) > BINDING_COUNT:
        raise BindingInvalid(f"An environment may have {BINDING_COUNT} bindings.", field="bindings", limit=BINDING_COUNT)
    namespace.bindings = list(kept.values())
    _save(namespace, actor, "bindings")
    audit(tenant=tenant, actor=actor, action="namespace_bindings_update", target=name, names=sorted(changes))
    return namespace


@transaction.atomic
def namespace_delete(*, tenant: Tenant, name: str, actor: Actor) -> None:
    """Remove a namespace and every worker in it, at once: dispatching to them fails from then on. Raises `NamespaceNotFound`."""
    tenant = tenant_lock(tenant)
    namespace = namespace_of(tenant, name)
    workers = Worker.objects.filter(namespace=namespace).count()
    versions = Version.objects.filter(worker__namespace=namespace).count()
    # Through the queryset: a version's own delete() refuses.
    Namespace.objects.filter(pk=namespace.pk).delete()
    audit(tenant=tenant, actor=actor, action="namespace_delete", target=name, tag=namespace.tag, workers=workers, versions=versions)
    epoch.bump(reason=f"namespace {name}")


@transaction.atomic
def namespace_workers_delete(
    *, tenant: Tenant, name: str, with_tags: Collection[str], without_tags: Collection[str] = (), actor: Actor
) -> list[str]:
    """Remove the namespace's workers that have all of `with_tags` and none of `without_tags`; their names.

    Raises `NamespaceNotFound`, or `FieldInvalid` when no tag is named: that would be all of them.
    """
    if not with_tags and not without_tags:
        raise FieldInvalid("Name a tag: to remove all workers, delete the namespace.", field="tags")
    tenant = tenant_lock(tenant)
    namespace = namespace_of(tenant, name)
    leaving = dict(workers_in(namespace, with_tags, without_tags).values_list("pk", "name"))
    Worker.objects.filter(pk__in=leaving).delete()
    names = sorted(leaving.values())
    for worker_name in names:
        audit(tenant=tenant, actor=actor, action="worker_delete", target=qualified(name, worker_name), by_tags=sorted(with_tags))
    epoch.bump(reason=f"namespace {name}")
    return names


def workers_in(namespace: Namespace, with_tags: Collection[str] = (), without_tags: Collection[str] = ()) -> QuerySet[Worker]:
    """The namespace's workers; with tags named, only those that have all of `with_tags` and none of `without_tags`."""
    found = Worker.objects.filter(namespace=namespace)
    if not with_tags and not without_tags:
        return found
    wanted, unwanted = set(with_tags), set(without_tags)
    tagged = found.values_list("pk", "tags")
    return found.filter(pk__in=[pk for pk, tags in tagged if wanted <= set(tags) and unwanted.isdisjoint(tags)])


def users_of(namespace: Namespace) -> list[str]:
    """Qualified names of the tenant's workers whose newest or live versions bind the namespace."""
    newest = Deployment.objects.filter(worker=OuterRef("worker")).order_by("-pk").values("pk")[:1]
    live = DeploymentVersion.objects.filter(deployment__in=Deployment.objects.filter(tenant=namespace.tenant_id, pk=Subquery(newest)))
    current = Q(number=F("worker__last_version_number")) | Q(pk__in=live.values("version"))
    # Bindings are JSON text: the kind's name stands in it, or there is no such binding.
    found = Version.objects.filter(current, tenant=namespace.tenant_id, bindings__contains=DISPATCH)
    binding = found.select_related("worker__namespace")
    return sorted({version.worker.qualified_name for version in binding if _binds(version, namespace)})


def _binds(version: Version, namespace: Namespace) -> bool:
    return any(binding["type"] == DISPATCH and binding["namespace"] == namespace.name for binding in version.bindings)


def _save(namespace: Namespace, actor: Actor, *changed: str) -> None:
    namespace.editor, namespace.modified = actor.email[:AUTHOR_CHARACTERS], timezone.now()
    namespace.save(update_fields=[*changed, "editor", "modified"])


def _environment(sent: list[Mapping[str, Any]], tenant: Tenant) -> list[Binding]:
    for binding in sent:
        if (kind := binding.get("type")) not in ENVIRONMENT_TYPES:
            known = ", ".join(sorted(ENVIRONMENT_TYPES))
            raise BindingUnsupported(
                f"An environment can hold bindings of the types {known}, not {str(kind)[:40]!r}.",
                field="bindings.type",
                binding=str(binding["name"])[:80],
            )
    return resolve(sent, tenant=tenant, base=None).bindings
