"""What may be said of a variant beside the control: estimates, intervals and verdicts.

Owns the comparison of sums; the intervals are rollouts.statistics', valid at every look. Pure: sums come from experiments.analysis, or from
a simulation (experiments.simulate).

A metric of participants (conversion, count, sum) compares shares or means of participants. A metric of invocations (errors, cpu_ms,
wall_ms) compares ratios of two sums; since one participant's invocations resemble each other, participants are what is drawn, and the
ratio's variance is that of the linearised ratio (the delta method; A. Deng, U. Knoblich, J. Lu, https://arxiv.org/abs/1803.06336).
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from experiments.metrics import Metric
from rollouts.statistics.evidence import Counted
from rollouts.statistics.intervals import Interval, Moments, difference_interval, mean_difference_interval

# Of each of the two, before anything is said.
LEAST: Final = 100
# Of each of the two, before a share is treated as a mean: from here on that is much the narrower of the two.
LEAST_HITS: Final = 20

Verdict = Literal["waiting", "undecided", "better", "worse"]
Guard = Literal["waiting", "undecided", "holds", "broken"]


class Sums(msgspec.Struct, frozen=True):
    """What one variant's participants add up to, for one metric. `base` is what a ratio is of: invocations; unused otherwise."""

    people: int = 0
    # Of a conversion: who did it.
    hits: int = 0
    total: float = 0.0
    squares: float = 0.0
    base: float = 0.0
    base_squares: float = 0.0
    products: float = 0.0


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric of one variant beside the control. `low` and `high` bound the difference of the values, at all looks together."""

    metric: str
    variant: str
    value: float
    control: float
    difference: float
    verdict: Verdict
    low: float | None = None
    high: float | None = None
    guard: Guard | None = None


def value_of(metric: Metric, sums: Sums) -> float:
    """The metric's value: a share, a mean of participants, or a ratio."""
    if metric.kind == "conversion":
        return sums.hits / sums.people if sums.people else 0.0
    if metric.kind in ("count", "sum"):
        return sums.total / sums.people if sums.people else 0.0
    return sums.total / sums.base if sums.base else 0.0


def interval_of(metric: Metric, variant: Sums, control: Sums, *, alpha: float) -> Interval | None:
    """Where the difference lies; None while there are too few participants to say."""
    if min(variant.people, control.people) < LEAST:
        return None
    if metric.kind == "conversion" and min(variant.hits, control.hits) < LEAST_HITS:
        # Too rare for a normal approximation: exact, and wide.
        return difference_interval(Counted(variant.people, variant.hits), Counted(control.people, control.hits), alpha=alpha)
    moments = (_moments(metric, variant), _moments(metric, control))
    if not any(each.variance for each in moments):
        # Nothing has happened yet in either: a width of nothing would be certainty.
        return None
    return mean_difference_interval(*moments, alpha=alpha)


def compare(metric: Metric, name: str, variant: Sums, control: Sums, *, alpha: float) -> Comparison:
    """Everything that may be said of the variant called `name`."""
    mine, theirs = value_of(metric, variant), value_of(metric, control)
    interval = interval_of(metric, variant, control, alpha=alpha)
    if interval is None:
        guard: Guard | None = None if metric.tolerance is None else "waiting"
        return Comparison(metric.name, name, mine, theirs, mine - theirs, "waiting", guard=guard)
    # As good things go: larger is better.
    low, high = (-interval.high, -interval.low) if metric.lower_is_better else (interval.low, interval.high)
    verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    guard = None
    if metric.tolerance is not None:
        allowed = -metric.tolerance * abs(theirs)
        guard = "broken" if high < allowed else "holds" if low >= allowed else "undecided"
    return Comparison(metric.name, name, mine, theirs, mine - theirs, verdict, interval.low, interval.high, guard)


def _moments(metric: Metric, sums: Sums) -> Moments:
    if metric.kind == "conversion":
        return Moments(sums.people, sums.hits, sums.hits)
    if metric.kind in ("count", "sum"):
        return Moments(sums.people, sums.total, sums.squares)
    if not sums.base:
        return Moments(sums.people)
    ratio, people = sums.total / sums.base, sums.people
    mean_base = sums.base / people
    # Sum of squares of (y - ratio * x) / mean(x), whose mean is 0: moments that have the ratio for a mean and its variance.
    spread = max(0.0, sums.squares - 2 * ratio * sums.products + ratio * ratio * sums.base_squares) / (mean_base * mean_base)
    return Moments(people, people * ratio, spread + people * ratio * ratio)
