"""From a host name to a worker: what the gateway asks when it meets a name it does not know yet."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from tenants.errors import VersionNotFound, WorkerNotFound
from tenants.grants import overrides_of, plan_of
from tenants.limits import EffectiveLimits, effective
from tenants.models import WHOLE, Deployment, DeploymentVersion, Tenant, Version, VersionAlias, Worker
from tenants.names import is_alias, is_worker_name, split_name
from tenants.rollout import RouteCohort, RouteVersion, WorkerRoute, newest_first

_HOST = re.compile(r"[a-z0-9_.-]{1,253}")
_PREVIEW = re.compile(r"([0-9a-f]{8})-([a-z0-9_][a-z0-9_-]{0,62})\.([a-z0-9-]{1,63})")
# Hyphens of a host's first label that are looked at: it has no more than 63 characters.
_CUTS_MOST = 63
# The few columns of a version that routing needs (never the bindings).
_VERSION = ("number", "tag", "created", "limits")


def route_lookup(hostname: str) -> WorkerRoute | None:
    """Where `hostname` (lower case, no port) leads: `{worker}.{tenant}.{base}`, or a host name of a tenant's own. Five queries at most."""
    name = hostname.removesuffix(".")
    if not _HOST.fullmatch(name):
        return None
    suffix = f".{settings.HOSTEL.base_domain}"
    if name.endswith(suffix):
        worker_name, _, slug = name.removesuffix(suffix).partition(".")
        if not slug or "." in slug:
            return None
        return _route(Worker.objects.filter(tenant__slug=slug, namespace=None, name=worker_name, subdomain_enabled=True))
    return _route(Worker.objects.filter(namespace=None, domains__hostname=name))


def preview_lookup(hostname: str) -> WorkerRoute | None:
    """Where a version's own host name leads: `{first 8 hex digits of its id}-{worker}.{tenant}.{base}`, or `{alias}-{worker}.…`.

    None unless the worker has previews switched on and exactly one of its versions begins so; the route then has that version alone.
    """
    own = hostname.removesuffix(f".{settings.HOSTEL.base_domain}")
    found = _PREVIEW.fullmatch(own)
    if found is None:
        return _alias_route(*own.rpartition(".")[::2]) if own != hostname else None
    named = Worker.objects.select_related("tenant", "namespace").filter(tenant__slug=found[3], namespace=None, name=found[2])
    worker = named.filter(previews_enabled=True).first()
    if worker is None:
        return None
    # The range of ids that begin so: a comparison both databases can use an index for.
    first, last = (uuid.UUID(found[1] + digit * 24) for digit in "0f")
    versions = list(Version.objects.filter(worker=worker, pk__range=(first, last)).only(*_VERSION)[:2])
    if len(versions) != 1:
        return None
    return _route_to(worker, str(versions[0].pk), [(versions[0], WHOLE)])


def route_of_worker(*, tenant: Tenant | int, worker_name: str) -> WorkerRoute | None:
    """The same for a worker by name (a service or dispatch binding of the tenant's): whether it has a host name does not matter.

    A worker in a namespace is named `namespace:name`.
    """
    place = split_name(worker_name)
    if place is None:
        return None
    namespace, name = place
    where = {"namespace__name": namespace} if namespace else {"namespace": None}
    return _route(Worker.objects.filter(tenant=tenant, name=name, **where))


def route_version(*, worker_id: int, version_id: str) -> RouteVersion | None:
    """One stored version of a worker, in its deployment or not, with what a request to it needs; None where there is none (any more)."""
    worker = Worker.objects.select_related("tenant", "namespace").filter(pk=worker_id).first()
    try:
        pk = uuid.UUID(version_id)
    except ValueError:
        return None
    version = Version.objects.filter(worker=worker, pk=pk).only(*_VERSION).first() if worker is not None else None
    return None if worker is None or version is None else _route_to(worker, None, [(version, 0)]).versions[0]


def _alias_route(label: str, slug: str) -> WorkerRoute | None:
    """Where `{alias}-{worker}` of a tenant leads; of several that it may be, the one with the longest alias."""
    cuts = [at for at, character in enumerate(label) if character == "-"][:_CUTS_MOST]
    places = {(label[:at], label[at + 1 :]) for at in cuts if is_alias(label[:at]) and is_worker_name(label[at + 1 :])}
    if not places:
        return None
    aliases = VersionAlias.objects.select_related("worker__tenant", "worker__namespace", "version").filter(
        tenant__slug=slug,
        worker__namespace=None,
        worker__previews_enabled=True,
        name__in={alias for alias, _ in places},
        worker__name__in={name for _, name in places},
    )
    fitting = [alias for alias in aliases if (alias.name, alias.worker.name) in places]
    if not fitting:
        return None
    alias = max(fitting, key=lambda one: len(one.name))
    return _route_to(alias.worker, str(alias.version_id), [(alias.version, WHOLE)])


def run_route(*, tenant_id: int, worker_name: str, version_id: str | None) -> WorkerRoute | None:
    """The worker (`namespace:name`) with one version of it alone, deployed or not.

    Without a version its `versions` are empty, and the worker need not exist: its limits and its place are what a run of a draft needs.
    None for a tenant that does not exist. Raises `WorkerNotFound` or `VersionNotFound`.
    """
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    place = split_name(worker_name)
    if tenant is None or place is None:
        return None
    namespace, name = place
    where = {"namespace__name": namespace} if namespace else {"namespace": None}
    worker = Worker.objects.select_related("tenant", "namespace").filter(tenant=tenant, name=name, **where).first()
    if version_id is None:
        return _route_to(worker or Worker(tenant=tenant, name=name), None, [])
    if worker is None:
        raise WorkerNotFound
    version = Version.objects.filter(worker=worker, pk=uuid.UUID(version_id)).only(*_VERSION).first()
    if version is None:
        raise VersionNotFound
    return _route_to(worker, None, [(version, WHOLE)])


def _route(workers: QuerySet[Worker]) -> WorkerRoute | None:
    worker = workers.select_related("tenant", "namespace").first()
    if worker is None:
        return None
    deployment = Deployment.objects.filter(worker=worker).order_by("-pk").only("uuid", "cohorts").first()
    if deployment is None:
        return _route_to(worker, None, [])
    entries = DeploymentVersion.objects.filter(deployment=deployment).select_related("version")
    wanted = entries.only("weight", "deployment_id", *(f"version__{name}" for name in _VERSION))
    return _route_to(worker, str(deployment.uuid), [(entry.version, entry.weight) for entry in wanted], deployment.cohorts or ())


def _route_to(
    worker: Worker, deployment_id: str | None, shares: Sequence[tuple[Version, int]], cohorts: Sequence[Mapping[str, Any]] = ()
) -> WorkerRoute:
    tenant = worker.tenant
    plan, overrides, now = plan_of(tenant), overrides_of(tenant, worker), timezone.now()

    def granted(version: Version | None) -> EffectiveLimits:
        asked = version.limits if version is not None else None
        return effective(plan=plan.limits, tenant=tenant.limits, worker=worker.limits, version=asked, overrides=overrides, now=now)

    of_worker = granted(None)
    versions = [
        RouteVersion(
            id=str(version.pk),
            number=version.number,
            tag=version.tag,
            created=version.created.isoformat(),
            weight=weight,
            limits=(granted(version) if version.limits else of_worker).limits,
        )
        for version, weight in shares
    ]
    return WorkerRoute(
        tenant_id=tenant.pk,
        tenant_slug=tenant.slug,
        account_id=tenant.account_id,
        suspended=tenant.suspended_at is not None,
        worker_id=worker.pk or 0,
        worker_name=worker.name,
        namespace=worker.namespace.name if worker.namespace else "",
        worker_tag=worker.tag,
        mode="fresh" if worker.mode == Worker.Mode.FRESH else "reuse",
        deployment_id=deployment_id,
        versions=newest_first(versions),
        logpush=worker.logpush,
        tail_consumers=tuple(worker.tail_consumers),
        cpu_weight=plan.cpu_weight,
        internet=plan.internet_allowed,
        quotas=of_worker.request_quotas(),
        quota_headers=plan.quota_headers,
        sticky=worker.sticky,
        trusts_headers=worker.version_headers == "trusted",
        cohorts=tuple(_cohort(cohort, {version.id: version for version in versions}) for cohort in cohorts),
        expires=of_worker.expires.timestamp() if of_worker.expires is not None else None,
    )


def _cohort(kept: Mapping[str, Any], versions: Mapping[str, RouteVersion]) -> RouteCohort:
    """A kept cohort (tenants.cohorts); each of its versions is an entry of the deployment, so `versions` has it."""
    shares = [replace(versions[key], weight=weight) for key, weight in kept["versions"].items() if key in versions]
    rules = [(kind, rule[kind], frozenset(rule["values"])) for rule in kept["rules"] for kind in ("header", "cookie") if kind in rule]
    return RouteCohort(kept["name"], newest_first(shares), tuple(rules))
