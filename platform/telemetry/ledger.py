"""The usage ledger: what can be billed from.

Owns the hours' parts (see `telemetry.models.Usage`) and the sums of what is in them. Written in the transaction that reads the spool, so
every record is in it exactly once. Must not know prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import F, Sum

from telemetry.models import DAY, HOUR, Usage
from telemetry.tally import SUMS
from tenants.models import Tenant

# An hour's first part is closed this long after the hour: a spool is read within seconds, so little comes later.
GRACE_SECONDS: Final = 900
_KIB_MS_PER_GIB_S: Final = 1024 * 1024 * 1000
MILLI: Final = 1_000


def part_of(hour: int, now: float) -> int:
    """Which part of `hour` is open at `now`: 0 until the hour is closed, then one for each hour that has begun since."""
    late = now - (hour + HOUR + GRACE_SECONDS)
    return 0 if late < 0 else int(late // HOUR) + 1


def usage_add(*, hours: Mapping[tuple[int, int, int], list[int]], names: Mapping[int, str], now: float) -> None:
    """Add sums by (tenant, worker, hour); `names` are the workers' names. In the caller's transaction, which nobody else may be in."""
    for (tenant_id, worker_id, hour), sums in sorted(hours.items()):
        added = dict(zip(SUMS, sums, strict=True))
        part = part_of(hour, now)
        updated = Usage.objects.filter(tenant_id=tenant_id, worker_id=worker_id, hour=hour, part=part).update(
            **{name: F(name) + value for name, value in added.items()}
        )
        if not updated:
            Usage.objects.create(tenant_id=tenant_id, worker_id=worker_id, worker=names[worker_id][:100], hour=hour, part=part, **added)


def month_of(text: str) -> tuple[int, int]:
    """From when to when (seconds since 1970) the month `YYYY-MM` goes, UTC; raises ValueError."""
    first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()), int(following.timestamp())


def usage_totals(*, tenant: Tenant, start: int, end: int) -> dict[str, Any]:
    """What the tenant used from `start` to before `end`."""
    return _shown(_of(tenant, start, end).aggregate(**_sums()))


def usage_by_day(*, tenant: Tenant, start: int, end: int) -> list[dict[str, Any]]:
    """The same by UTC day, oldest first; days without any are left out."""
    rows = _of(tenant, start, end).annotate(day=F("hour") - F("hour") % DAY).values("day").annotate(**_sums()).order_by("day")
    return [{"day": datetime.fromtimestamp(row["day"], UTC).date().isoformat(), **_shown(row)} for row in rows]


def usage_by_worker(*, tenant: Tenant, start: int, end: int) -> list[dict[str, Any]]:
    """The same by worker, by name; a worker that was deleted and made again is two."""
    rows = _of(tenant, start, end).values("worker", "worker_id").annotate(**_sums()).order_by("worker", "worker_id")
    return [{"worker": row["worker"], "worker_id": row["worker_id"], **_shown(row)} for row in rows]


def usage_hours(*, tenant: Tenant, start: int, end: int) -> list[dict[str, Any]]:
    """The ledger itself: every row, oldest first."""
    return [
        {
            "hour": datetime.fromtimestamp(row.hour, UTC).isoformat().replace("+00:00", "Z"),
            "part": row.part,
            "worker": row.worker,
            "worker_id": row.worker_id,
            **_shown({f"sum_{name}": getattr(row, name) for name in SUMS}),
        }
        for row in _of(tenant, start, end).order_by("hour", "worker", "worker_id", "part").iterator()
    ]


def _of(tenant: Tenant, start: int, end: int) -> Any:
    return Usage.objects.filter(tenant=tenant, hour__gte=start, hour__lt=end)


def _sums() -> dict[str, Sum]:
    return {f"sum_{name}": Sum(name, default=0) for name in SUMS}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Sums in the units that are billed: CPU milliseconds with three decimals, memory in GiB seconds."""
    sums = {name: int(row[f"sum_{name}"]) for name in SUMS}
    return {
        "requests": sums["requests"],
        "invocations": sums["invocations"],
        "cpu_ms": sums["cpu_us"] / MILLI,
        "gib_seconds": round(sums["memory_kib_ms"] / _KIB_MS_PER_GIB_S, 9),
        "subrequests": sums["subrequests"],
        "request_bytes": sums["request_bytes"],
        "response_bytes": sums["response_bytes"],
        "egress_bytes": sums["egress_bytes"],
    }
