"""What is removed, and when.

Owns the ages and sizes: minutes, hours and days of roll-ups, chunks of records by age and by each tenant's bytes. The ledger is never cut.
Every removal is small and may be repeated by any number of processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Min, QuerySet, Sum

from telemetry.models import DAY, HOUR, MINUTE, Chunk, Rollup, Segment
from tenants import selectors
from tenants.models import Plan

# Of roll-ups, in days, by step.
ROLLUP_DAYS: Final = {MINUTE: 2, HOUR: 60, DAY: 800}
# A tail that reconnects finds what it missed for this long, whatever else is kept (seconds).
TAIL_SECONDS: Final = 900
# Rows of one removal: a transaction that takes long would keep the spool waiting.
_ROWS: Final = 2_000
_DAMAGED_DAYS: Final = 7


def clean(*, now: float) -> int:
    """Remove what is too old or too much; how many rows."""
    removed = 0
    for step, days in ROLLUP_DAYS.items():
        removed += _some(Rollup.objects.filter(step=step, at__lt=now - days * DAY))
    removed += _expired(Chunk.objects.filter(tenant__plan=None), selectors.plan_default().log_retention_days, now)
    for plan in Plan.objects.all():
        removed += _expired(Chunk.objects.filter(tenant__plan=plan), plan.log_retention_days, now)
    removed += _some(Chunk.objects.filter(kept=False, stored__lt=now - TAIL_SECONDS))
    return removed + _over_budget(settings.HOSTEL.log_bytes_per_tenant)


def segments_forget(*, node: str, folder: Path, now: float) -> None:
    """Forget segments of this machine whose file is gone, and files that were put aside long ago."""
    for row in Segment.objects.filter(node=node, seen__lt=now - HOUR):
        if not (folder / row.name).exists():
            row.delete()
    for path in folder.glob("*.damaged"):
        if path.stat().st_mtime < now - _DAMAGED_DAYS * DAY:
            path.unlink(missing_ok=True)


def _expired(chunks: QuerySet[Chunk], days: int, now: float) -> int:
    """Remove what the plan keeps no longer; what a tail may come back for stays that long in any case."""
    return _some(chunks.filter(stored__lt=now - max(days * DAY, TAIL_SECONDS)))


def _over_budget(most: int) -> int:
    """Remove the oldest chunks of tenants that keep more than `most` bytes."""
    removed = 0
    for row in Chunk.objects.values("tenant").annotate(bytes=Sum("size")).filter(bytes__gt=most):
        excess, last = row["bytes"] - most, None
        oldest = Chunk.objects.filter(tenant=row["tenant"]).order_by("pk").values_list("pk", "size")
        for pk, size in oldest[:_ROWS]:
            last, excess = pk, excess - size
            if excess <= 0:
                break
        if last is not None:
            removed += Chunk.objects.filter(tenant=row["tenant"], pk__lte=last).delete()[0]
    return removed


def _some(rows: QuerySet[Any]) -> int:
    first = rows.aggregate(first=Min("pk"))["first"]
    if first is None:
        return 0
    picked = list(rows.order_by("pk").values_list("pk", flat=True)[:_ROWS])
    return int(rows.model._default_manager.filter(pk__in=picked).delete()[0])  # noqa: SLF001 - Django's own name for it
