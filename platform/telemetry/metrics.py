"""What roll-ups say: series, totals and percentiles.

Owns the reading of roll-ups by time. Merging is exact, so a total over any time, worker and version is as good as its parts. Every question
is of one tenant, but the operator's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from telemetry.models import DAY, HOUR, MINUTE, Loss, Rollup
from telemetry.sketch import Sketch
from telemetry.tally import ROLLUP_SUMS, Tally
from tenants.errors import FieldInvalid
from tenants.models import Tenant, Worker

STEP_NAMES: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY}
# Points of one series, at most.
POINTS: Final = 1_500
_QUANTILES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@dataclass(frozen=True, slots=True)
class Span:
    """From when to before when (seconds since 1970, whole steps), and in which steps."""

    start: int
    end: int
    step: int

    @classmethod
    def of(cls, start: float, end: float, step: str | None) -> Span:
        """The span around `start` and `end`, in named steps or the finest that gives few enough points. Raises `FieldInvalid`."""
        if end <= start:
            raise FieldInvalid("until must be later than since.", field="until")
        chosen = STEP_NAMES[step] if step else next((each for each in (MINUTE, HOUR) if (end - start) / each <= POINTS), DAY)
        span = cls(int(start // chosen * chosen), int(-(-end // chosen) * chosen), chosen)
        if (span.end - span.start) // chosen > POINTS:
            raise FieldInvalid(f"From {span.start} to {span.end} are more than {POINTS} steps.", field="step", limit=POINTS)
        return span


def metrics_of_worker(*, tenant: Tenant, worker: Worker, span: Span, version: str | None = None) -> dict[str, Any]:
    """A worker's series, totals, and totals by version and variant."""
    rows = _rows(span).filter(tenant=tenant, worker_id=worker.pk)
    found = list(rows if version is None else rows.filter(version=version))
    by_version = sorted(merged(found, lambda row: (row.version, row.variant)).items())
    versions = [{"version": version, "variant": variant, **shown(tally)} for (version, variant), tally in by_version]
    return {**_series(found, span), "versions": versions}


def any_of_worker(*, tenant: Tenant, worker: Worker) -> bool:
    """Whether anything has been counted of the worker, whenever it was."""
    return Rollup.objects.filter(tenant=tenant, worker_id=worker.pk, step__in=STEP_NAMES.values()).exists()


def metrics_of_tenant(*, tenant: Tenant, span: Span) -> dict[str, Any]:
    """A tenant's series, totals, and totals by worker; of those workers only that the caller may see."""
    workers = Worker.objects.filter(tenant=tenant).select_related("namespace")
    names = {worker.pk: worker.qualified_name for worker in workers}
    rows = _rows(span).filter(tenant=tenant)
    if tenant.only_workers is not None:
        names = {pk: name for pk, name in names.items() if name in tenant.only_workers}
        rows = rows.filter(worker_id__in=names)
    found = list(rows)
    by_worker = sorted(merged(found, lambda row: row.worker_id).items())
    return {**_series(found, span), "workers": [{"worker_id": pk, "worker": names.get(pk), **shown(tally)} for pk, tally in by_worker]}


def metrics_of_platform(*, span: Span) -> dict[str, Any]:
    """Everybody's series, totals, totals by tenant, and what was lost on the way. For operators."""
    found = list(_rows(span).select_related("tenant"))
    by_tenant = sorted(merged(found, lambda row: row.tenant.slug).items())
    tenants = [{"tenant": slug, **shown(tally)} for slug, tally in by_tenant]
    return {**_series(found, span), "tenants": tenants, "lost": {f"{loss.node}: {loss.reason}": loss.count for loss in Loss.objects.all()}}


def _rows(span: Span) -> QuerySet[Rollup]:
    return Rollup.objects.filter(step=span.step, at__gte=span.start, at__lt=span.end).order_by("at")


def _series(found: list[Rollup], span: Span) -> dict[str, Any]:
    series = merged(found, lambda row: row.at)
    return {
        "from": span.start,
        "to": span.end,
        "step": span.step,
        "series": [{"at": at, **shown(tally)} for at, tally in sorted(series.items())],
        "totals": shown(_sum(series.values())),
    }


def merged(rows: Iterable[Rollup], key: Callable[[Rollup], Any]) -> dict[Any, Tally]:
    """Rows that share a key, added up."""
    found: dict[Hashable, Tally] = {}
    for row in rows:
        found.setdefault(key(row), Tally()).merge(Tally.of_row(row))
    return found


def shown(tally: Tally) -> dict[str, Any]:
    """Sums, and percentiles in microseconds."""
    return {
        **dict(zip(ROLLUP_SUMS, tally.sums, strict=True)),
        "memory_max": tally.memory_max,
        "outcomes": tally.outcomes,
        "statuses": tally.statuses,
        "cpu_us_percentiles": _percentiles(tally.cpu),
        "wall_us_percentiles": _percentiles(tally.wall),
    }


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total


def _percentiles(sketch: Sketch) -> dict[str, float | None]:
    return {name: None if (value := sketch.quantile(share)) is None else round(value, 1) for name, share in _QUANTILES.items()}
