"""What a flag serves in an environment: changed, killed, restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from flags.documents import Document
from flags.errors import FlagInvalid
from flags.models import AUTHOR_CHARACTERS, Flag, FlagEnvironment, FlagState
from flags.services.shaping import FIELDS, shaped
from flags.services.support import all_environments, check_reason, environment_of, flag_of, note, put_flag, shown
from tenants import epoch
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.services.support import audit, check_revision, tenant_lock


@transaction.atomic
def flag_state_update(
    *, tenant: Tenant, key: str, environment: str, changes: Mapping[str, Any], reason: str = "", expected: int | None = None, actor: Actor
) -> FlagState:
    """Change what `changes` names of a flag's state: `enabled`, `off`, `serve`, `rules`, `prerequisites`, `layer`, `from`, `until`.

    Whoever has a variant whose share does not shrink keeps it. Raises `FlagNotFound`, `FlagEnvironmentNotFound`, `FlagInvalid`,
    `ChangedMeanwhile`.
    """
    tenant = tenant_lock(tenant)
    check_reason(reason)
    flag, place = flag_of(tenant, key), environment_of(tenant, environment)
    state = _state(flag, place)
    check_revision(state.revision, expected)
    if unknown := sorted(name for name in changes if name not in (*FIELDS, "enabled")):
        raise FlagInvalid(f"A state has no field {unknown[0][:60]!r}.", field=unknown[0][:60])
    before = shown(state)
    if "enabled" in changes:
        if type(changes["enabled"]) is not bool:
            raise FlagInvalid("“enabled” is true or false.", field="enabled")
        state.enabled = changes["enabled"]
    given = {name: value for name, value in changes.items() if name != "enabled"}
    state.document = shaped(state.document, given, document=Document.of(place), key=key)
    if shown(state) == before:
        return state
    _touch(state, actor)
    put_flag(place, flag, state)
    state.save()
    _told(state, "flag_update", before, actor=actor, reason=reason)
    return state


@transaction.atomic
def flag_kill(*, tenant: Tenant, key: str, environment: str | None = None, reason: str = "", actor: Actor) -> list[FlagState]:
    """Switch a flag off at once, in one environment or all; everybody gets its `off` variant. What was there is kept for `flag_restore`.

    Needs nothing but the database. Raises `FlagNotFound`, `FlagEnvironmentNotFound`. Returns the states that it changed.
    """
    return _switch(tenant, key, environment, killed=True, reason=reason, actor=actor)


@transaction.atomic
def flag_restore(*, tenant: Tenant, key: str, environment: str | None = None, reason: str = "", actor: Actor) -> list[FlagState]:
    """Take the kill switch back. Raises `FlagNotFound`, `FlagEnvironmentNotFound`. Returns the states that it changed."""
    return _switch(tenant, key, environment, killed=False, reason=reason, actor=actor)


def _switch(tenant: Tenant, key: str, environment: str | None, *, killed: bool, reason: str, actor: Actor) -> list[FlagState]:
    tenant = tenant_lock(tenant)
    check_reason(reason)
    flag = flag_of(tenant, key)
    places = all_environments(tenant) if environment is None else [environment_of(tenant, environment)]
    changed = []
    for place in places:
        state = _state(flag, place)
        if state.killed == killed:
            continue
        before = shown(state)
        state.killed = killed
        _touch(state, actor)
        # Whatever is wrong with a flag, it can be switched off.
        put_flag(place, flag, state, check=False)
        state.save()
        _told(state, "flag_kill" if killed else "flag_restore", before, actor=actor, reason=reason)
        changed.append(state)
    return changed


def _state(flag: Flag, environment: FlagEnvironment) -> FlagState:
    return FlagState.objects.select_related("flag", "environment").get(flag=flag, environment=environment)


def _touch(state: FlagState, actor: Actor) -> None:
    state.revision += 1
    state.editor, state.modified = actor.email[:AUTHOR_CHARACTERS], timezone.now()


def _told(state: FlagState, action: str, before: dict[str, Any], *, actor: Actor, reason: str) -> None:
    flag, environment = state.flag, state.environment
    after = shown(state)
    note(flag, actor=actor, action=action, environment=environment.name, before=before, after=after, reason=reason)
    Flag.objects.filter(pk=flag.pk).update(modified=state.modified, editor=state.editor)
    audit(
        tenant=flag.tenant,
        actor=actor,
        action=action,
        target=flag.key,
        before=_brief(before),
        after=_brief(after),
        reason=reason,
        environment=environment.name,
        revision=state.revision,
    )
    epoch.bump(reason=f"flag {flag.key}")


def _brief(state: dict[str, Any]) -> dict[str, Any]:
    """Without the pieces of buckets, which say nothing to people and may be many."""
    return _without_pieces(state)  # type: ignore[no-any-return]  # an object stays one


def _without_pieces(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_pieces(inner) for name, inner in value.items() if name != "pieces"}
    return [_without_pieces(inner) for inner in value] if isinstance(value, list) else value
