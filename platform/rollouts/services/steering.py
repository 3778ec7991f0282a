"""What people do with a rollout under way: pause, resume, approve, abort."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from rollouts import selectors
from rollouts.errors import RolloutStateWrong
from rollouts.judging import Watch
from rollouts.models import Counting, Rollout, State
from rollouts.services.freezing import require_thawed
from rollouts.services.moving import brief, enter, event, live_of, locked, take_back, told
from rollouts.tallies import Tallied
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.names import check_text
from tenants.services.support import check_revision, tenant_lock

REASON_CHARACTERS = 500


def rollout_pause(
    *, tenant: Tenant, worker_name: str, rollout_id: uuid.UUID, reason: str = "", expected: int | None = None, actor: Actor
) -> Rollout:
    """Stop the clock; traffic stays as it is, and guards go on watching. Raises `RolloutStateWrong` unless it runs or waits."""

    def pause(rollout: Rollout) -> None:
        _require(rollout, State.RUNNING, State.WAITING)
        before = brief(rollout)
        rollout.state, rollout.holding = State.PAUSED, "Paused by hand."
        event(rollout, "paused", f"Paused by {_who(actor)}", reason=reason)
        told(rollout, actor, "rollout_pause", before=before, reason=reason)

    return _steer(tenant, worker_name, rollout_id, reason, expected, pause)


def rollout_resume(
    *, tenant: Tenant, worker_name: str, rollout_id: uuid.UUID, reason: str = "", expected: int | None = None, actor: Actor
) -> Rollout:
    """Go on with a paused rollout. Guards that had found something begin anew: who resumes has taken that on.

    Raises `RolloutStateWrong` unless it is paused, or `RolloutsFrozen`.
    """

    def resume(rollout: Rollout) -> None:
        _require(rollout, State.PAUSED)
        require_thawed(rollout.tenant)
        before, plan = brief(rollout), rollout.planned
        old = Counting.objects.get(rollout=rollout, version=rollout.old_version)
        known = Tallied.from_json(old.history)
        known.merge(Tallied.from_json(old.total))
        for number, guard in enumerate(plan.guards):
            if Watch.from_json(guard, rollout.guards[number]).fails(plan):
                rollout.guards[number] = {"evidence": Watch.begin(guard, known).evidence.as_json()}
        gate = rollout.planned.stages[0].gate if rollout.stage < 0 else "automatic"
        rollout.state = State.WAITING if gate == "approval" else State.RUNNING
        rollout.holding, rollout.looked = "", timezone.now()
        event(rollout, "resumed", f"Resumed by {_who(actor)}", reason=reason)
        told(rollout, actor, "rollout_resume", before=before, reason=reason)

    return _steer(tenant, worker_name, rollout_id, reason, expected, resume)


def rollout_approve(
    *, tenant: Tenant, worker_name: str, rollout_id: uuid.UUID, reason: str = "", expected: int | None = None, actor: Actor
) -> Rollout:
    """Let the next stage begin. Raises `RolloutStateWrong` unless the rollout waits for that, or `RolloutsFrozen`."""

    def approve(rollout: Rollout) -> None:
        _require(rollout, State.WAITING)
        require_thawed(rollout.tenant)
        event(rollout, "approved", f"Approved by {_who(actor)}", reason=reason)
        told(rollout, actor, "rollout_approve", before=brief(rollout), reason=reason)
        enter(rollout, rollout.stage + 1, actor=actor, now=timezone.now())

    return _steer(tenant, worker_name, rollout_id, reason, expected, approve)


def rollout_abort(
    *, tenant: Tenant, worker_name: str, rollout_id: uuid.UUID, reason: str, expected: int | None = None, actor: Actor
) -> Rollout:
    """End it and deploy what was live before, for a reason. Not even a freeze stands in the way.

    Raises `RolloutStateWrong` or `FieldInvalid`.
    """
    check_text(reason, field="reason", limit=REASON_CHARACTERS, least=1)

    def abort(rollout: Rollout) -> None:
        _require(rollout, State.RUNNING, State.WAITING, State.PAUSED)
        text = f"v{rollout.new_number} was taken back by {_who(actor)}: {reason}"
        take_back(rollout, State.ABORTED, "rollout_abort", text=text, actor=actor, now=timezone.now(), reason=reason)

    return _steer(tenant, worker_name, rollout_id, reason, expected, abort)


@transaction.atomic
def _steer(  # noqa: PLR0917 - of this module only
    tenant: Tenant, worker_name: str, rollout_id: uuid.UUID, reason: str, expected: int | None, step: Callable[[Rollout], None]
) -> Rollout:
    check_text(reason, field="reason", limit=REASON_CHARACTERS)
    tenant = tenant_lock(tenant)
    found = selectors.rollout_get(tenant=tenant, worker_name=worker_name, rollout_id=rollout_id)
    rollout = locked(tenant, found.pk)
    check_revision(rollout.revision, expected)
    live = live_of(rollout)
    if rollout.active and (live is None or str(live.uuid) != rollout.deployment):
        raise RolloutStateWrong("Something else was deployed meanwhile: that stands, and this rollout is over.", state=str(rollout.state))
    step(rollout)
    return rollout


def _require(rollout: Rollout, *states: State) -> None:
    if rollout.state not in states:
        raise RolloutStateWrong(f"The rollout is {rollout.get_state_display().lower()}.", state=str(rollout.state))


def _who(actor: Actor) -> str:
    return actor.email or str(actor)
