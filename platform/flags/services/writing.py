"""Flags themselves: made, changed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from flags.documents import Document, flag_document
from flags.errors import FlagInUse, FlagInvalid
from flags.evaluation.result import TYPES
from flags.evaluation.values import read_variants
from flags.models import AUTHOR_CHARACTERS, Flag, FlagState
from flags.services.environments import default_document, environments_ensure
from flags.services.support import (
    all_environments,
    check_description,
    check_flag,
    check_key,
    check_reason,
    flag_of,
    note,
    prerequisites_of,
    put_flag,
)
from tenants import epoch
from tenants.actor import Actor
from tenants.errors import NameTaken
from tenants.models import Tenant, Version
from tenants.services.quotas import quota_require
from tenants.services.support import audit, check_revision, tenant_lock, worker_find

_BOOLEAN: Final = {"on": True, "off": False}


@transaction.atomic
def flag_create(
    *,
    tenant: Tenant,
    key: str,
    type: str = "boolean",  # noqa: A002 - what it is called everywhere
    variants: Mapping[str, Any] | None = None,
    description: str = "",
    public: bool = False,
    permanent: bool = False,
    actor: Actor,
) -> Flag:
    """A new flag, switched off in every environment. A boolean one has the variants `on` and `off` unless it is given others.

    Raises `FlagInvalid`, `NameTaken`, `QuotaExceeded`.
    """
    tenant = tenant_lock(tenant)
    environments_ensure(tenant)
    check_key(key)
    if type not in TYPES:
        raise FlagInvalid(f"The type must be one of {', '.join(TYPES)}.", field="type")
    if Flag.objects.filter(tenant=tenant, key=key).exists():
        raise NameTaken(f"There is a flag {key!r}.", field="key")
    quota_require(tenant=tenant, flags=1)
    author = actor.email[:AUTHOR_CHARACTERS]
    flag = Flag(tenant=tenant, key=key, type=type, public=public, permanent=permanent, author=author, editor=author)
    flag.description = check_description(description)
    flag.variants = _variants(tenant, _BOOLEAN if variants is None and type == "boolean" else variants, type)
    flag.save(force_insert=True)
    for environment in all_environments(tenant):
        state = FlagState.objects.create(
            tenant=tenant, flag=flag, environment=environment, document=default_document(flag), editor=flag.editor
        )
        put_flag(environment, flag, state)
    note(flag, actor=actor, action="flag_create", after=_shown(flag))
    audit(tenant=tenant, actor=actor, action="flag_create", target=key, after=_shown(flag))
    epoch.bump(reason=f"flag {key}")
    return flag


@transaction.atomic
def flag_update(
    *,
    tenant: Tenant,
    key: str,
    variants: Mapping[str, Any] | None = None,
    description: str | None = None,
    public: bool | None = None,
    permanent: bool | None = None,
    reason: str = "",
    expected: int | None = None,
    actor: Actor,
) -> Flag:
    """Change what is the same in all environments. A variant that some environment serves cannot be taken away.

    Raises `FlagNotFound`, `FlagInvalid`, `ChangedMeanwhile`.
    """
    tenant = tenant_lock(tenant)
    check_reason(reason)
    flag = flag_of(tenant, key)
    check_revision(flag.revision, expected)
    before = _shown(flag)
    flag.description = flag.description if description is None else check_description(description)
    flag.public = flag.public if public is None else public
    flag.permanent = flag.permanent if permanent is None else permanent
    flag.variants = flag.variants if variants is None else _variants(tenant, variants, flag.type)
    if _shown(flag) == before:
        return flag
    flag.revision += 1
    flag.editor, flag.modified = actor.email[:AUTHOR_CHARACTERS], timezone.now()
    flag.save()
    if variants is not None:
        _put_everywhere(tenant, flag)
    after = _shown(flag)
    note(flag, actor=actor, action="flag_update", before=before, after=after, reason=reason)
    audit(tenant=tenant, actor=actor, action="flag_update", target=key, before=before, after=after, reason=reason)
    epoch.bump(reason=f"flag {key}")
    return flag


@transaction.atomic
def flag_delete(*, tenant: Tenant, key: str, reason: str = "", actor: Actor) -> None:
    """Remove a flag with its history: whoever asks for it gets their own default from then on.

    Raises `FlagNotFound`, or `FlagInUse` while it is another flag's prerequisite.
    """
    tenant = tenant_lock(tenant)
    check_reason(reason)
    flag = flag_of(tenant, key)
    for environment in all_environments(tenant):
        document = Document.of(environment)
        users = sorted(other for other, found in document.naming('"prerequisites":[{') if key in prerequisites_of(found))
        if users:
            raise FlagInUse(f"It is a prerequisite of {', '.join(users[:5])} ({environment.name}).", flags=users[:100])
        document.put("flags", key, None)
        document.save(environment)
    before = _shown(flag)
    Flag.objects.filter(pk=flag.pk).delete()
    audit(tenant=tenant, actor=actor, action="flag_delete", target=key, before=before, reason=reason)
    epoch.bump(reason=f"flag {key}")


def _put_everywhere(tenant: Tenant, flag: Flag) -> None:
    states = {state.environment_id: state for state in FlagState.objects.filter(flag=flag)}
    for environment in all_environments(tenant):
        state = states[environment.pk]
        document = Document.of(environment)
        value = flag_document(flag, state)
        try:
            check_flag(document, flag.key, value)
            _check_users(document, flag)
        except FlagInvalid as error:
            # What is wrong is not where they were looking: say in which environment.
            raise FlagInvalid(f"In {environment.name}: {error.message}", field="variants", environment=environment.name) from None
        document.put("flags", flag.key, value)
        document.save(environment)


def _check_users(document: Document, flag: Flag) -> None:
    """Raise `FlagInvalid` where another flag asks for a variant that is no more."""
    for other, found in document.naming('"prerequisites":[{'):
        for one in found["prerequisites"]:
            if one["flag"] == flag.key and not set(one["variants"]) <= set(flag.variants):
                raise FlagInvalid(f"{other!r} has a variant of it as a prerequisite that would be gone.", field="variants")


def _variants(tenant: Tenant, sent: Any, kind: Any) -> dict[str, Any]:
    found = read_variants(sent, kind)
    if kind == "version":
        for name, value in found.items():
            worker = worker_find(tenant, value["worker"])
            if worker is None or not Version.objects.filter(tenant=tenant, worker=worker, pk=value["version"]).exists():
                raise FlagInvalid(f"The worker {value['worker'][:127]!r} has no version {value['version']}.", field=f"variants.{name}")
    return found


def _shown(flag: Flag) -> dict[str, Any]:
    return {
        "type": flag.type,
        "variants": flag.variants,
        "description": flag.description,
        "public": flag.public,
        "permanent": flag.permanent,
    }
