"""From one state of a rollout to the next: deployments, events, audit.

Owns the steps that people and the clock share. Each is called in a transaction that holds the tenant's and the rollout's rows, and leaves
the row saved. Must not decide whether a step is due.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from rollouts import words
from rollouts.models import Event, Rollout, State
from rollouts.plans import WHOLE
from tenants import epoch
from tenants.actor import Actor
from tenants.cohorts import still_there
from tenants.errors import VersionNotFound
from tenants.models import Deployment, Tenant, Version
from tenants.services.deployments import deploy, live_shares
from tenants.services.support import audit

SOURCE: Final = "rollout"
ANNOTATION: Final = "hostel/rollout"


def locked(tenant: Tenant, pk: int) -> Rollout:
    """The rollout, ours until the transaction ends; the tenant's row comes first, as in every service."""
    Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).values_list("pk").first()
    return Rollout.objects.select_for_update(no_key=True, of=("self",)).select_related("worker", "worker__namespace", "tenant").get(pk=pk)


def brief(rollout: Rollout) -> dict[str, Any]:
    """The rollout as events have it, before and after."""
    stage = rollout.current
    return {"state": str(rollout.state), "stage": rollout.stage, "percent": stage.percent if stage else 0}


def event(rollout: Rollout, kind: str, text: str, **data: Any) -> None:
    """Add a line to the timeline."""
    Event.objects.create(rollout=rollout, kind=kind, text=text, data=data)


def told(rollout: Rollout, actor: Actor, action: str, *, before: Mapping[str, Any], reason: str = "", **data: Any) -> None:
    """Save the row and record the event, of which webhooks are told."""
    rollout.revision += 1
    rollout.save()
    audit(
        tenant=rollout.tenant,
        actor=actor,
        action=action,
        target=rollout.worker.qualified_name,
        before=dict(before),
        after=brief(rollout),
        reason=reason,
        rollout=str(rollout.uuid),
        versions={"new": rollout.new_number, "old": rollout.old_number},
        **data,
    )


def live_of(rollout: Rollout) -> Deployment | None:
    """The worker's live deployment."""
    return Deployment.objects.filter(worker_id=rollout.worker_id).order_by("-pk").first()


def shares_at(rollout: Rollout, weight: int) -> dict[str, int]:
    """Version id -> weight where the new version has `weight`. What had none before keeps it, until all is the new version's."""
    if weight == WHOLE:
        return {rollout.new_version: WHOLE}
    idle = {version: 0 for version, share in rollout.before.items() if not share}
    return {**idle, rollout.new_version: weight, rollout.old_version: WHOLE - weight}


def serve(rollout: Rollout, shares: Mapping[str, int], *, actor: Actor, message: str) -> None:
    """Make `shares` the live deployment. Raises `VersionNotFound` where a version that is to serve has gone."""
    found = {str(version.pk): version for version in Version.objects.filter(worker_id=rollout.worker_id, pk__in=map(uuid.UUID, shares))}
    for version, weight in shares.items():
        if weight and version not in found:
            raise VersionNotFound(f"The version {version} has gone.")
    before, live = live_shares(rollout.worker), live_of(rollout)
    weights = {found[version].pk: weight for version, weight in shares.items() if version in found}
    made = deploy(
        rollout.worker,
        [(found[str(version)], weight) for version, weight in weights.items()],
        actor=actor,
        source=SOURCE,
        message=message,
        annotations={ANNOTATION: str(rollout.uuid)},
        cohorts=still_there(live.cohorts or [] if live is not None else [], weights),
    )
    rollout.deployment = str(made.uuid)
    rollout.worker.modified = timezone.now()
    rollout.worker.save(update_fields=["modified"])
    audit(
        tenant=rollout.tenant,
        actor=actor,
        action="deployment_create",
        target=rollout.worker.qualified_name,
        before=before,
        after=dict(shares),
        deployment=rollout.deployment,
        rollout=str(rollout.uuid),
    )
    epoch.bump(reason=f"worker {rollout.worker.name}")


def enter(rollout: Rollout, number: int, *, actor: Actor, now: datetime) -> None:
    """Begin a stage; the last one completes the rollout. Where a version has gone, the rollout has failed."""
    before, stage = brief(rollout), rollout.planned.stages[number]
    text = f"v{rollout.new_number} gets {words.weight(stage.weight)}"
    try:
        serve(rollout, shares_at(rollout, stage.weight), actor=actor, message=f"Rollout: {text}")
    except VersionNotFound as error:
        end(rollout, State.FAILED, "rollout_fail", text=error.message, actor=actor, now=now)
        return
    rollout.stage, rollout.stage_started, rollout.watched, rollout.looked = number, now, 0.0, now
    rollout.counted = {
        **rollout.counted,
        "base": rollout.counted.get("sums", {"new": 0, "old": 0}),
        "new": 0,
        "old": 0,
        "restart": number > 0,
    }
    rollout.holding = ""
    rollout.state = State.RUNNING
    event(rollout, "stage", text, stage=number, weight=stage.weight)
    told(rollout, actor, "rollout_advance", before=before)
    if stage.weight == WHOLE:
        text = f"v{rollout.new_number} serves everybody, after {words.span((now - rollout.created).total_seconds())}"
        end(rollout, State.COMPLETED, "rollout_complete", text=text, actor=actor, now=now)


def take_back(rollout: Rollout, state: State, action: str, *, text: str, actor: Actor, now: datetime, reason: str = "") -> None:
    """Deploy what was live before the rollout, code and configuration of it, and end."""
    if rollout.stage >= 0:
        try:
            serve(rollout, rollout.before, actor=actor, message=f"Rollout taken back: {text}"[:1_000])
        except VersionNotFound as error:
            # There is nothing to go back to: somebody must look at it.
            end(rollout, State.FAILED, "rollout_fail", text=f"{text}; but it cannot be taken back. {error.message}", actor=actor, now=now)
            return
    end(rollout, state, action, text=text, actor=actor, now=now, reason=reason)


def end(rollout: Rollout, state: State, action: str, *, text: str, actor: Actor, now: datetime, reason: str = "") -> None:
    """The rollout is over."""
    before = brief(rollout)
    rollout.state, rollout.ended, rollout.holding = state, now, ""
    rollout.verdict, rollout.reason = text, reason
    event(rollout, str(state), text, reason=reason)
    told(rollout, actor, action, before=before, reason=reason, verdict=text)
