"""What an experiment says now.

Owns the way from rows to an analysis: sums by variant, the comparison of each metric, the shares of participants, warnings, and the whole
in plain words. Reads only; experiments.watching stores what it finds and acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.db.models import Count, FloatField, Q, Sum
from django.db.models.functions import Cast
from django.utils import timezone

from experiments.comparing import LEAST, Comparison, Sums, compare, value_of
from experiments.metrics import OF_EVENTS, Metric, of_row
from experiments.mismatch import Ratio, check_ratio
from experiments.models import Conversion, Experiment, Participant
from experiments.words import summary

# Of all participants: beyond this the variants are no longer kept apart.
CROSSED_SHARE: Final = 0.01
# Between two looks at one experiment, at least; and how many times as long as the look took.
LOOK_SECONDS: Final = 5.0
_TIMES_AS_LONG: Final = 50
_COLUMNS: Final[Mapping[str, str]] = {"errors": "errors", "cpu_ms": "cpu_us", "wall_ms": "wall_us"}
_PER_MS: Final = 1_000.0


class Arm(msgspec.Struct, frozen=True):
    """One variant's participants, and the value of every metric."""

    variant: str
    participants: int
    share: float
    requests: int
    values: dict[str, float]


class Analysis(msgspec.Struct, frozen=True):
    """Everything that may be said. `alpha` is what each comparison's interval was made with."""

    alpha: float
    arms: list[Arm]
    comparisons: list[Comparison]
    ratio: Ratio
    # Share of participants who were shown more than one variant.
    crossed: float
    turned_away: int
    warnings: list[str]
    summary: str


def analyse(experiment: Experiment) -> Analysis:
    """The analysis of what is counted so far. A share or mean that no row speaks of is 0."""
    metrics = of_row(experiment.metrics)
    people = {row["variant"]: row for row in _participants(experiment)}
    counts = {name: int(row["people"]) for name, row in people.items()}
    events = _conversions(experiment)
    others = [name for name in experiment.shares if name != experiment.control]
    # Each variant beside the control is a question of its own: together they may be wrong as rarely as one.
    alpha = experiment.alpha / max(1, len(others))

    def sums(metric: Metric, variant: str) -> Sums:
        return _sums(metric, people.get(variant, {}), events.get((variant, metric.event), {}))

    comparisons = [
        compare(metric, name, sums(metric, name), sums(metric, experiment.control), alpha=alpha) for metric in metrics for name in others
    ]
    whole = sum(counts.values())
    earlier = (experiment.analysis or {}).get("ratio", {}).get("always_valid_p", 1.0)
    ratio = check_ratio(counts, experiment.shares, earlier_p=earlier)
    arms = [
        Arm(
            name,
            counts.get(name, 0),
            counts.get(name, 0) / whole if whole else 0.0,
            int(people.get(name, {}).get("visits") or 0),
            {metric.name: value_of(metric, sums(metric, name)) for metric in metrics},
        )
        for name in experiment.shares
    ]
    crossed = sum(int(row["crossings"] or 0) for row in people.values()) / whole if whole else 0.0
    warnings = _warnings(experiment, ratio, crossed, counts)
    told = summary(experiment.control, metrics, arms, comparisons, alpha=alpha, warnings=warnings)
    return Analysis(alpha, arms, comparisons, ratio, crossed, experiment.turned_away, warnings, told)


def fresh(experiment: Experiment) -> dict[str, Any] | None:
    """The last look, where another one is not worth it yet: large experiments are looked at less often."""
    last, at = experiment.analysis, experiment.analysed_at
    if last is None or at is None or "took" not in last:
        return None
    wait = max(LOOK_SECONDS, _TIMES_AS_LONG * last["took"])
    return last if 0 <= (timezone.now() - at).total_seconds() < wait else None


def results(experiment: Experiment) -> dict[str, Any]:
    """What an experiment says now, or said a moment ago."""
    running = experiment.status == Experiment.Status.RUNNING
    return (fresh(experiment) if running else None) or as_json(analyse(experiment))


def as_json(analysis: Analysis) -> dict[str, Any]:
    """For a row, and for whoever asks."""
    found: dict[str, Any] = msgspec.to_builtins(analysis)
    return found


def _participants(experiment: Experiment) -> Any:
    base = _float("requests")
    columns: dict[str, Any] = {"people": Count("pk"), "crossings": Count("pk", filter=Q(crossed=True)), "visits": Sum("requests")}
    columns["base_squares"] = Sum(base * base)
    for kind, column in _COLUMNS.items():
        value = _float(column)
        columns |= {f"{kind}_total": Sum(value), f"{kind}_squares": Sum(value * value), f"{kind}_products": Sum(value * base)}
    return Participant.objects.filter(experiment=experiment).order_by().values("variant").annotate(**columns)


def _conversions(experiment: Experiment) -> dict[tuple[str, str], Mapping[str, Any]]:
    rows = Conversion.objects.filter(participant__experiment=experiment).order_by().values("participant__variant", "event")
    count, total = _float("count"), _float("total")
    found = rows.annotate(
        people=Count("pk"), counted=Sum(count), counted_squares=Sum(count * count), summed=Sum(total), summed_squares=Sum(total * total)
    )
    return {(row["participant__variant"], row["event"]): row for row in found}


def _float(column: str) -> Any:
    """Products of whole numbers would not fit a column of whole numbers."""
    return Cast(column, FloatField())


def _sums(metric: Metric, people: Mapping[str, Any], event: Mapping[str, Any]) -> Sums:
    count = int(people.get("people") or 0)
    if metric.kind in OF_EVENTS:
        column = "summed" if metric.kind == "sum" else "counted"
        return Sums(count, int(event.get("people") or 0), event.get(column) or 0.0, event.get(f"{column}_squares") or 0.0)
    unit = 1.0 if metric.kind == "errors" else _PER_MS
    return Sums(
        people=count,
        total=(people.get(f"{metric.kind}_total") or 0.0) / unit,
        squares=(people.get(f"{metric.kind}_squares") or 0.0) / unit / unit,
        base=float(people.get("visits") or 0),
        base_squares=people.get("base_squares") or 0.0,
        products=(people.get(f"{metric.kind}_products") or 0.0) / unit,
    )


def _warnings(experiment: Experiment, ratio: Ratio, crossed: float, counts: Mapping[str, int]) -> list[str]:
    found = []
    if ratio.mismatch:
        found.append(
            f"The variants do not have the shares of participants they should have (chi-square p = {ratio.chi_square_p:.2g}): "
            "something keeps some of them away, and what is compared is not alike. Do not decide by this experiment."
        )
    if crossed > CROSSED_SHARE:
        found.append(f"{crossed:.1%} of the participants were shown more than one variant; they are counted under their first.")
    if experiment.turned_away:
        found.append(f"{experiment.turned_away:,} evaluations came after the experiment was full and are not in it.")
    if experiment.status == Experiment.Status.RUNNING and min((counts.get(name, 0) for name in experiment.shares), default=0) < LEAST:
        found.append(f"Nothing is compared before every variant has {LEAST} participants.")
    return found
