"""Environments of flags: made, copied, removed."""

from __future__ import annotations

import re

from django.db import transaction

from flags.documents import Document, empty_document, flag_document, layer_document, segment_document
from flags.errors import FlagInUse, FlagInvalid
from flags.models import Flag, FlagEnvironment, FlagLayer, FlagSegment, FlagState
from flags.services.support import environment_of
from tenants import epoch
from tenants.actor import Actor
from tenants.errors import NameTaken, QuotaExceeded
from tenants.models import Tenant
from tenants.services.support import audit, tenant_lock

# Every tenant has these until it changes them. Requests of a worker are evaluated in the first one unless a binding names another.
DEFAULTS = ("production", "staging", "development")
MOST = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def environments_ensure(tenant: Tenant) -> None:
    """Make the rows of the default environments, if the tenant has none yet. In a transaction, under the tenant's lock."""
    if not FlagEnvironment.objects.filter(tenant=tenant).exists():
        FlagEnvironment.objects.bulk_create(
            FlagEnvironment(tenant=tenant, name=name, position=number, ruleset=empty_document(name)) for number, name in enumerate(DEFAULTS)
        )


@transaction.atomic
def environment_create(*, tenant: Tenant, name: str, copy_of: str | None = None, actor: Actor) -> FlagEnvironment:
    """A new environment. Every flag is there: as in `copy_of`, or switched off.

    Raises `FlagInvalid`, `NameTaken`, `QuotaExceeded`, or `FlagEnvironmentNotFound` (of `copy_of`).
    """
    tenant = tenant_lock(tenant)
    environments_ensure(tenant)
    if not _NAME.fullmatch(name):
        raise FlagInvalid("A name has 1 to 63 lower-case letters, digits, hyphens and underscores.", field="name", limit=63)
    there = FlagEnvironment.objects.filter(tenant=tenant)
    if there.filter(name=name).exists():
        raise NameTaken(f"There is an environment called {name!r}.", field="name")
    if there.count() >= MOST:
        raise QuotaExceeded(f"A tenant may have {MOST} environments of flags.", field="name", limit=MOST)
    source = environment_of(tenant, copy_of) if copy_of is not None else None
    made = FlagEnvironment.objects.create(tenant=tenant, name=name, position=there.count(), ruleset=empty_document(name))
    states = {state.flag_id: state for state in FlagState.objects.filter(environment=source)} if source else {}
    document = Document.of(made)
    for segment in FlagSegment.objects.filter(tenant=tenant):
        document.put("segments", segment.key, segment_document(segment))
    for layer in FlagLayer.objects.filter(tenant=tenant):
        document.put("layers", layer.key, layer_document(layer))
    new = []
    for flag in Flag.objects.filter(tenant=tenant).order_by("key"):
        found = states.get(flag.pk)
        if found is not None:
            state = FlagState(enabled=found.enabled, killed=found.killed, document=found.document)
        else:
            state = FlagState(document=default_document(flag))
        state.tenant, state.flag, state.environment, state.editor = tenant, flag, made, actor.email
        new.append(state)
        document.put("flags", flag.key, flag_document(flag, state))
    FlagState.objects.bulk_create(new, batch_size=500)
    document.save(made)
    audit(tenant=tenant, actor=actor, action="flag_environment_create", target=name, copy_of=copy_of)
    epoch.bump(reason=f"flag environment {name}")
    return made


@transaction.atomic
def environment_delete(*, tenant: Tenant, name: str, actor: Actor) -> None:
    """Remove an environment with every flag's state in it. Raises `FlagEnvironmentNotFound`, or `FlagInUse` for the last one."""
    tenant = tenant_lock(tenant)
    environments_ensure(tenant)
    environment = environment_of(tenant, name)
    if FlagEnvironment.objects.filter(tenant=tenant).count() == 1:
        raise FlagInUse("A tenant keeps one environment of flags at least.")
    FlagEnvironment.objects.filter(pk=environment.pk).delete()
    audit(tenant=tenant, actor=actor, action="flag_environment_delete", target=name, revision=environment.revision)
    epoch.bump(reason=f"flag environment {name}")


def default_document(flag: Flag) -> dict[str, object]:
    """What a new flag is ready to serve when it is switched on: `on` of a boolean, the first variant of others; `off` until then."""
    names = list(flag.variants)
    off = next((name for name, value in flag.variants.items() if value is False), names[0])
    on = next((name for name, value in flag.variants.items() if value is True), names[0])
    return {"off": off, "serve": {"variant": on}, "rules": [], "prerequisites": []}
