"""The plots that a worker and a tenant have: which measures, in which words.

Owns the words for outcomes and the four plots. The numbers are `telemetry.metrics`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from telemetry.metrics import Span
from tenants.models import Deployment, Tenant, Worker
from ui.plots import Plot, Point, Shown, plot
from ui.words import compact, micros, share

# Outcomes in groups that differ in what one does about them: class, word, names.
GROUPS: Sequence[tuple[str, str, frozenset[str]]] = (
    ("part-0", "ok", frozenset({"ok"})),
    ("part-2", "client went away", frozenset({"canceled", "responseStreamDisconnected"})),
    ("part-3", "exception", frozenset({"exception"})),
    ("part-1", "limit", frozenset({"exceededCpu", "exceededMemory", "exceededWallTime"})),
)
_KNOWN = frozenset().union(*(names for _, _, names in GROUPS))
OTHER = ("part-5", "refused or other")
MARKS = 30


def four(found: Mapping[str, Any], *, span: Span, now: float, marks: Iterable[tuple[float, str]] = ()) -> list[Plot]:
    """Invocations by outcome, the share of errors, CPU and wall time, cold starts."""
    marked = list(marks)
    common: dict[str, Any] = {"span": span, "now": now, "marks": marked}
    outcomes = [Shown(cls, word, _outcomes(names), compact) for cls, word, names in GROUPS]
    outcomes.append(Shown(*OTHER, _others, compact))
    used = [each for each in outcomes if each.value(found["totals"])] or outcomes[:1]
    return [
        plot("outcomes", "Invocations by outcome", used, found, stacked=True, **common),
        plot("errors", "Errors", [Shown("part-3", "share of errors", _error_share, share)], found, stacked=True, **common),
        plot("times", "CPU and wall time", _times(), found, stacked=False, **common),
        plot("cold", "Cold starts", [Shown("part-2", "cold starts", _key("cold"), compact)], found, stacked=True, **common),
    ]


def marks_of(tenant: Tenant, worker: Worker, span: Span) -> list[tuple[float, str]]:
    """The worker's deployments in the span, as marks: when, and what was deployed."""
    rows = Deployment.objects.filter(tenant=tenant, worker=worker).order_by("-pk").prefetch_related("entries__version")[:MARKS]
    return [(row.created.timestamp(), _deployed(row)) for row in rows if span.start <= row.created.timestamp() < span.end]


def _deployed(row: Deployment) -> str:
    words = ", ".join(f"v{entry.version.number} {share(entry.weight / 10_000)}" for entry in row.entries.all())
    return f"Deployed {words} at {row.created:%H:%M} UTC by {row.author or 'the platform'}"


def _key(name: str) -> Any:
    return lambda point: point[name]


def _outcomes(names: frozenset[str]) -> Any:
    return lambda point: sum(count for name, count in point["outcomes"].items() if name in names)


def _others(point: Point) -> float:
    counts: Mapping[str, int] = point["outcomes"]
    return sum(count for name, count in counts.items() if name not in _KNOWN)


def _error_share(point: Point) -> float | None:
    return point["errors"] / point["invocations"] if point["invocations"] else None


def _percentile(measure: str, name: str) -> Any:
    return lambda point: point[f"{measure}_us_percentiles"][name]


def _times() -> list[Shown]:
    return [
        Shown("part-0", "CPU p50", _percentile("cpu", "p50"), micros),
        Shown("part-4", "CPU p99", _percentile("cpu", "p99"), micros),
        Shown("part-1", "wall p50", _percentile("wall", "p50"), micros),
        Shown("part-3", "wall p99", _percentile("wall", "p99"), micros),
    ]
