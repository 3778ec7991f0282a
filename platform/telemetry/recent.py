"""The last hour of many workers at once, for lists: counts, requests by minute, the CPU's tail.

Owns one query over the minutes' roll-ups, of one tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from telemetry.models import HOUR, MINUTE, Rollup
from telemetry.sketch import Sketch
from tenants.models import Tenant

MINUTES: Final = HOUR // MINUTE
P99: Final = 0.99


@dataclass(slots=True)
class Recent:
    """What a worker did in the last hour; `minutes` has the requests of each minute, oldest first."""

    invocations: int = 0
    requests: int = 0
    errors: int = 0
    minutes: list[int] = field(default_factory=lambda: [0] * MINUTES)
    cpu: Sketch = field(default_factory=Sketch)

    @property
    def error_share(self) -> float | None:
        """The part that failed; None where nothing happened."""
        return self.errors / self.invocations if self.invocations else None

    @property
    def cpu_p99_us(self) -> float | None:
        """What 99 of 100 invocations stay under, in microseconds."""
        return self.cpu.quantile(P99)

    @property
    def per_minute(self) -> float:
        """Requests a minute over the hour."""
        return self.requests / MINUTES


def recent_by_worker(*, tenant: Tenant, worker_ids: Sequence[int], now: float) -> dict[int, Recent]:
    """By the worker's row id; workers that did nothing are left out. `now` is seconds since 1970."""
    end = int(now // MINUTE * MINUTE) + MINUTE
    rows = Rollup.objects.filter(tenant=tenant, step=MINUTE, at__gte=end - HOUR, at__lt=end, worker_id__in=worker_ids)
    found: dict[int, Recent] = {}
    for row in rows.only("worker_id", "at", "invocations", "requests", "errors", "cpu"):
        one = found.setdefault(row.worker_id, Recent())
        one.invocations += row.invocations
        one.requests += row.requests
        one.errors += row.errors
        one.minutes[(row.at - end + HOUR) // MINUTE] += row.requests
        one.cpu.merge(Sketch.decode(row.cpu))
    return found
