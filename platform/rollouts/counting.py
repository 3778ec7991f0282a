"""From the spool to rollouts: what telemetry reads is counted here too, in the same transaction, hence exactly once.

Owns the two ends of that: the records of workers with a rollout under way, and how far each machine has been read. Must not judge.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

from rollouts.models import ACTIVE, Counting, Horizon, Rollout
from rollouts.plans import Guard
from rollouts.tallies import Tallied, counts
from sandbox.worker.record import InvocationRecord
from telemetry.frames import Owner
from tenants import background

TICK: Final = "rollouts_tick"
# A gateway writes what ended at most this long ago (docs/telemetry.md promises 200 ms).
_BEHIND: Final = timedelta(seconds=1)
# Between two looks at one machine's horizon.
LOOK_SECONDS: Final = 2.0
# A machine that was not heard of for so long has gone for good.
FORGOTTEN: Final = timedelta(hours=1)


def counted(records: Sequence[tuple[Owner, InvocationRecord]]) -> None:
    """Count what concerns rollouts; called in the transaction that stores `records`."""
    workers = {owner.worker_id for owner, _ in records}
    for rollout in Rollout.objects.filter(state__in=ACTIVE, worker_id__in=workers):
        began = rollout.created.timestamp() * 1000
        guards = rollout.planned.guards
        found = _added(
            (
                (owner.version, record)
                for owner, record in records
                # What began before the rollout says nothing of it: an old backlog, a slow request.
                if owner.worker_id == rollout.worker_id and owner.tenant_id == rollout.tenant_id and record.started_ms >= began
            ),
            {rollout.new_version, rollout.old_version},
            guards,
        )
        for version, tallied in found.items():
            row = Counting.objects.select_for_update().filter(rollout=rollout, version=version).first()
            if row is None:
                continue
            pending = Tallied.from_json(row.pending)
            pending.merge(tallied)
            row.pending = pending.as_json()
            row.save(update_fields=["pending"])


def _added(records: Iterable[tuple[str, InvocationRecord]], versions: set[str], guards: tuple[Guard, ...]) -> dict[str, Tallied]:
    found: dict[str, Tallied] = defaultdict(Tallied)
    for version, record in records:
        if version in versions and counts(record, version):
            found[version].add(record, guards)
    return found


class Reader:
    """Notes how far this machine's spool has been read, and has rollouts looked after, while there are any."""

    def __init__(self) -> None:
        """Nothing noted yet."""
        self._looked = 0.0

    def read(self, node: str, began: float) -> None:
        """Everything that lay in the spool at `began` (seconds since 1970) is stored. Outside of any transaction."""
        now = time.monotonic()
        if 0 <= now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if not Rollout.objects.filter(state__in=ACTIVE).exists():
            return
        until = datetime.fromtimestamp(began, UTC) - _BEHIND
        Horizon.objects.update_or_create(node=node, defaults={"until": until})
        background.request(kind=TICK, payload={}, idempotency_key=TICK)


def counted_until(now: datetime | None = None) -> datetime | None:
    """Until when everything has been counted on every machine that was heard of lately; None where nothing is known."""
    since = (now or timezone.now()) - FORGOTTEN
    return Horizon.objects.filter(until__gte=since).order_by("until").values_list("until", flat=True).first()


reader = Reader()
