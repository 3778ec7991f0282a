"""Starting a rollout: from what is live now to a version, by a plan.

Owns the checks of what is live and the history of the old version.
"""

from __future__ import annotations

import time
import uuid
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from rollouts import words
from rollouts.counting import TICK
from rollouts.errors import RolloutImpossible, RolloutInvalid, RolloutUnderWay
from rollouts.judging import Watch
from rollouts.models import ACTIVE, Counting, Rollout, State
from rollouts.plans import WHOLE, Plan
from rollouts.services.freezing import require_thawed
from rollouts.services.moving import enter, event, told
from rollouts.tallies import Tallied
from telemetry.models import MINUTE, Rollup
from telemetry.tally import Tally
from tenants import background, selectors
from tenants.actor import Actor
from tenants.errors import VersionNotFound
from tenants.models import Deployment, Tenant, Version, Worker
from tenants.names import check_text
from tenants.services.gating import gate
from tenants.services.quotas import quota_require
from tenants.services.support import AUTHOR_CHARACTERS, tenant_lock, worker_of

MESSAGE_CHARACTERS: Final = 1_000
HISTORY_SECONDS: Final = 3_600


def rollout_start(*, tenant: Tenant, worker_name: str, version_id: uuid.UUID | str, plan: Plan, message: str = "", actor: Actor) -> Rollout:
    """Take the version to the worker's visitors in the plan's stages; the first one begins at once unless its gate says otherwise.

    Raises `WorkerNotFound`, `VersionNotFound`, `RolloutUnderWay` (who comes second is told of the first), `RolloutImpossible`,
    `RolloutInvalid`, `RolloutsFrozen`, `RequestTestsFailed` (where the worker lets nothing else be deployed), `DeploymentsExceeded` or
    `TenantSuspended`. Not to be called in a transaction.
    """
    check_text(message, field="message", limit=MESSAGE_CHARACTERS)
    worker = worker_of(tenant, worker_name)
    new = selectors.version_get(tenant=tenant, worker=worker, version_id=version_id)
    # Outside of the transaction: it may have to run tests.
    gate(tenant=tenant, worker=worker, weights={new.pk: WHOLE}, actor=actor)
    try:
        return _start(tenant, worker_name, version_id, plan, message, actor)
    except IntegrityError:
        raise RolloutUnderWay from None


@transaction.atomic
def _start(tenant: Tenant, worker_name: str, version_id: uuid.UUID | str, plan: Plan, message: str, actor: Actor) -> Rollout:  # noqa: PLR0917
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    new = selectors.version_get(tenant=tenant, worker=worker, version_id=version_id)
    require_thawed(tenant)
    if (other := Rollout.objects.filter(worker=worker, state__in=ACTIVE).first()) is not None:
        raise RolloutUnderWay(f"v{other.new_number} is being rolled out: abort that first, or wait.", rollout=str(other.uuid))
    quota_require(tenant=tenant, worker=worker, deployments_per_hour=1)
    live, old = replaced(worker, new)
    shares = {str(entry.version_id): entry.weight for entry in live.entries.all()}
    if shares.get(str(new.pk), 0) > plan.stages[0].weight:
        has = words.weight(shares[str(new.pk)])
        raise RolloutInvalid(
            f"v{new.number} has {has} of the traffic already: the first stage cannot have less.", field="stages[0].percent"
        )
    now = timezone.now()
    rollout = Rollout.objects.create(
        tenant=tenant,
        worker=worker,
        new_version=str(new.pk),
        new_number=new.number,
        old_version=str(old.pk),
        old_number=old.number,
        plan=plan.as_json(),
        before=shares,
        deployment=str(live.uuid),
        looked=now,
        author=actor.email[:AUTHOR_CHARACTERS],
        message=message,
    )
    history = _history(worker, str(old.pk))
    watches = [Watch.begin(guard, history) for guard in plan.guards]
    rollout.guards = [{"evidence": watch.evidence.as_json()} for watch in watches]
    Counting.objects.create(rollout=rollout, version=rollout.new_version)
    Counting.objects.create(rollout=rollout, version=rollout.old_version, history=history.as_json())
    first = plan.stages[0]
    rollout.state = State.WAITING if first.gate == "approval" else State.RUNNING
    rollout.holding = "The first stage waits for an approval." if first.gate == "approval" else ""
    event(rollout, "started", f"v{new.number} is to replace v{old.number}", message=message)
    told(rollout, actor, "rollout_start", before={}, plan=plan.as_json())
    if first.gate == "automatic":
        enter(rollout, 0, actor=actor, now=now)
    background.request(kind=TICK, payload={}, idempotency_key=TICK)
    return rollout


def replaced(worker: Worker, new: Version) -> tuple[Deployment, Version]:
    """The live deployment, and the version of it that `new` would replace. Raises `RolloutImpossible`."""
    live = Deployment.objects.filter(worker=worker).order_by("-pk").prefetch_related("entries__version").first()
    if live is None:
        raise RolloutImpossible("Nothing is deployed yet, so there is nothing to compare with: deploy the version.")
    serving = [entry for entry in live.entries.all() if entry.weight]
    others = [entry.version for entry in serving if entry.version_id != new.pk]
    if not others:
        raise RolloutImpossible(f"v{new.number} serves everybody already.")
    if len(others) > 1:
        named = ", ".join(f"v{version.number}" for version in sorted(others, key=lambda version: version.number))
        raise RolloutImpossible(f"Several versions serve ({named}): deploy one of them with all the traffic first.")
    if others[0].worker_id != worker.pk:
        raise VersionNotFound
    return live, others[0]


def _history(worker: Worker, version: str) -> Tallied:
    """What roll-ups know of the version's last hour."""
    since = int(time.time()) - HISTORY_SECONDS
    total = Tally()
    for row in Rollup.objects.filter(tenant_id=worker.tenant_id, worker_id=worker.pk, version=version, step=MINUTE, at__gte=since):
        total.merge(Tally.of_row(row))
    return Tallied.of_totals(total)
