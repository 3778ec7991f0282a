"""From the spool to rows, exactly once.

Owns the one transaction that stores what a stretch of a segment adds up to together with how far that segment has been read: a reader that
is killed anywhere leaves both or neither. One such transaction runs at a time, whoever runs it, so that sums may be read, added to and
written, and chunks are numbered in the order they appear. Must not be on a request's path.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models import F

from sandbox.worker.record import InvocationRecord
from telemetry import chunks, consumers, ledger
from telemetry.frames import Owner, Segment, SegmentDamaged
from telemetry.models import MINUTE, STEPS, Chunk, Loss, Rollup
from telemetry.models import Segment as SegmentRow
from telemetry.tally import Place, Tally, by_hour, by_minute, coarser
from tenants import selectors
from tenants.models import Tenant, Worker

log = structlog.get_logger(__name__)

# Records of one transaction, about.
RECORDS: Final = 5_000
# Any number that nothing else locks (PostgreSQL's advisory locks).
_LOCK: Final = 0x686F7374656C
_IDENTITY: Final = ("tenant", "worker_id", "step", "at", "version", "variant")
_VERSION_CHARACTERS: Final = 64


class Reading:
    """One segment on its way into the database. Close it."""

    def __init__(self, path: Path) -> None:
        """Open it; raises `OSError`, `SegmentDamaged`."""
        self.path = path
        self.file = Segment(path)

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def offset(self) -> int:
        """How far it has been read."""
        return SegmentRow.objects.filter(name=self.path.name).values_list("offset", flat=True).first() or 0

    def step(self, offset: int) -> tuple[int, int]:
        """Store some of what follows `offset`; how many records that was (0: there is nothing yet) and how far it has been read then.

        Raises `SegmentDamaged`, `DatabaseError`.
        """
        head = self.file.head
        records: list[tuple[Owner, InvocationRecord]] = []
        lost: Counter[str] = Counter()
        end = offset
        try:
            for batch, behind in self.file.batches(offset):
                records += batch.records
                lost.update(batch.lost)
                end = behind
                if len(records) >= RECORDS:
                    break
        except SegmentDamaged:
            if end == offset:
                raise
            # What is whole comes first; the next step meets the damage again.
        if head is None or end == offset:
            return 0, offset
        # Outside of the transaction: this is what takes the time.
        minutes = by_minute((_short(owner), record) for owner, record in records)
        with transaction.atomic():
            _alone()
            row, _ = SegmentRow.objects.get_or_create(name=self.path.name, defaults={"node": head.node})
            if row.offset != offset:
                # Another reader was here: nothing of this is new to it.
                return 0, row.offset
            _store(records, minutes, lost, node=head.node, prefix=head.prefix)
            SegmentRow.objects.filter(pk=row.pk).update(offset=end, seen=int(time.time()))
        return len(records), end


def _store(
    records: list[tuple[Owner, InvocationRecord]], minutes: dict[tuple[Place, int], Tally], lost: Counter[str], *, node: str, prefix: str
) -> None:
    tenants = set(Tenant.objects.filter(pk__in={owner.tenant_id for owner, _ in records}).values_list("pk", flat=True))
    gone = sum(owner.tenant_id not in tenants for owner, _ in records)
    if gone:
        # Deleted with all that was theirs: there is nobody left to count for.
        lost["tenant_gone"] += gone
        records = [noted for noted in records if noted[0].tenant_id in tenants]
        minutes = {key: tally for key, tally in minutes.items() if key[0].tenant_id in tenants}
    for step in STEPS:
        _rollups_add(minutes if step == MINUTE else coarser(minutes, step), step)
    now = time.time()
    ledger.usage_add(hours=by_hour(minutes), names={owner.worker_id: owner.worker for owner, _ in records}, now=now)
    Chunk.objects.bulk_create(_chunks(records, node=node, prefix=prefix, now=int(now)))
    lost.update(consumers.consume(records))
    losses_add(node=node, lost=lost)


def _rollups_add(tallies: dict[tuple[Place, int], Tally], step: int) -> None:
    """Merge `tallies` into the rows there are."""
    if not tallies:
        return
    places = {
        "tenant_id__in": {place.tenant_id for place, _ in tallies},
        "worker_id__in": {place.worker_id for place, _ in tallies},
        "at__in": {at for _, at in tallies},
    }
    totals = dict(tallies)
    for row in Rollup.objects.filter(step=step, **places):
        key = (Place(row.tenant_id, row.worker_id, row.version, row.variant), row.at)
        if key in totals:
            totals[key] = Tally.of_row(row)
            totals[key].merge(tallies[key])
    rows = [Rollup(**place._asdict(), step=step, at=at, **total.columns()) for (place, at), total in totals.items()]
    Rollup.objects.bulk_create(rows, update_conflicts=True, unique_fields=_IDENTITY, update_fields=_COLUMNS)


def _chunks(records: Iterable[tuple[Owner, InvocationRecord]], *, node: str, prefix: str, now: int) -> list[Chunk]:
    by_worker: dict[tuple[int, int], list[chunks.Kept]] = {}
    for owner, record in records:
        by_worker.setdefault((owner.tenant_id, owner.worker_id), []).append((owner.version, record))
    settings = dict(Worker.objects.filter(pk__in={worker_id for _, worker_id in by_worker}).values_list("pk", "observability"))
    default = selectors.plan_default()
    tenants = Tenant.objects.filter(pk__in={tenant_id for tenant_id, _ in by_worker}).select_related("plan")
    keeping = {tenant.pk for tenant in tenants if (tenant.plan or default).log_retention_days}
    return [
        chunks.made(
            portion,
            node=node,
            tenant_id=tenant_id,
            worker_id=worker_id,
            process=prefix,
            kept=tenant_id in keeping and _keeps(settings.get(worker_id)),
            now=now,
        )
        for (tenant_id, worker_id), found in by_worker.items()
        for portion in chunks.chunks_of(found)
    ]


def _keeps(observability: object) -> bool:
    """Whether a worker's settings let its records be kept; they do unless they say no."""
    if not isinstance(observability, dict):
        return True
    logs = observability.get("logs")
    of_logs = logs if isinstance(logs, dict) else {}
    return not any(value is False for value in (observability.get("enabled"), of_logs.get("enabled"), of_logs.get("persist")))


def losses_add(*, node: str, lost: Counter[str]) -> None:
    """Count records that are gone. In the caller's transaction."""
    for reason, count in lost.items():
        if not Loss.objects.filter(node=node, reason=reason[:40]).update(count=F("count") + count):
            Loss.objects.create(node=node, reason=reason[:40], count=count)


def damaged(path: Path) -> None:
    """Put a segment aside that cannot be read on, and own up to it."""
    with transaction.atomic():
        _alone()
        row = SegmentRow.objects.filter(name=path.name).first()
        losses_add(node=row.node if row else "", lost=Counter({SegmentDamaged.code: 1}))
        path.rename(path.with_suffix(".damaged"))
    log.error("a segment of the spool is damaged; what follows in it is lost", segment=path.name, offset=row.offset if row else 0)


def _alone() -> None:
    """Wait until nobody else is storing; lasts as long as the transaction. On SQLite every transaction that writes is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _short(owner: Owner) -> Owner:
    if len(owner.version) <= _VERSION_CHARACTERS:
        return owner
    return Owner(owner.tenant_id, owner.worker_id, owner.worker, owner.version[:_VERSION_CHARACTERS])


_COLUMNS: Final = tuple(Tally().columns())
