"""An analysis in plain words.

Owns the sentences. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from experiments.comparing import Comparison
from experiments.metrics import Metric

if TYPE_CHECKING:
    from experiments.analysis import Arm

_SHARES: Final = frozenset({"conversion", "errors"})
_GUARD: Final = {"holds": "its guardrail holds", "broken": "its guardrail is broken", "undecided": "its guardrail is not decided yet"}


def summary(
    control: str,
    metrics: Sequence[Metric],
    arms: Sequence[Arm],
    comparisons: Sequence[Comparison],
    *,
    alpha: float,
    warnings: Sequence[str],
) -> str:
    """What one would tell a colleague: who took part, then a sentence for each metric of each variant, then what to beware of."""
    people = ", ".join(f"{arm.participants:,} with “{arm.variant}”" for arm in arms)
    told = [f"{sum(arm.participants for arm in arms):,} participants: {people}."]
    by_name = {metric.name: metric for metric in metrics}
    told += [_sentence(by_name[found.metric], found, control, alpha) for found in comparisons]
    return " ".join([*told, *warnings])


def _sentence(metric: Metric, found: Comparison, control: str, alpha: float) -> str:
    values = f"“{found.variant}” has {metric.name} of {_shown(metric, found.value)}, “{control}” {_shown(metric, found.control)}"
    if found.low is None or found.high is None:
        return f"{values}: too early to compare."
    low, high = (_shown(metric, bound, sign=True) for bound in (found.low, found.high))
    span = f"{low} to {high} at {1 - alpha:.4g} certainty, however often one looks"
    word = {"better": "better", "worse": "worse"}.get(found.verdict, "no difference that is sure")
    guard = f"; {_GUARD[found.guard]}" if found.guard in _GUARD else ""
    return f"{values}: {word} ({span}){guard}."


def _shown(metric: Metric, value: float, *, sign: bool = False) -> str:
    if metric.kind in _SHARES:
        return f"{value * 100:{'+' if sign else ''}.2f} {'points' if sign else '%'}"
    unit = " ms" if metric.kind.endswith("_ms") else ""
    return f"{value:{'+' if sign else ''}.4g}{unit}"
