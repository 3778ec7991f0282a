"""What a measurement is, and the arithmetic on it.

Owns spreads, paired ratios, percentiles and targets. Must not measure anything, nor know what is measured.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self


class BenchFailed(Exception):
    """A measurement could not be made; the message says why. Not a `HostelError`: nobody but the person at the terminal sees it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, middle and greatest of several rounds, and the rounds themselves in the order they ran."""

    low: float
    median: float
    high: float
    rounds: tuple[float, ...]

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Self:
        """The spread of at least one figure; ValueError for none."""
        if not rounds:
            raise ValueError("a spread needs at least one round")
        return cls(min(rounds), statistics.median(rounds), max(rounds), tuple(rounds))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread | None:
    """The ratio of each round to the round that ran beside it, so that what slows the machine down slows both.

    None where it has no value: nothing to compare with, or a round in which the other side did nothing at all.
    """
    if not ours or len(ours) != len(theirs) or not all(theirs):
        return None
    return Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least `share` (0 to 1) of `values` do not exceed (nearest rank); ValueError for no values."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Target:
    """What a line is to reach: its ratio to workerd, or Hostel's own figure."""

    sense: Literal["at least", "at most"]
    bound: float
    of: Literal["ratio", "hostel"] = "ratio"

    def met(self, value: float) -> bool:
        """Whether `value` reaches it."""
        return value >= self.bound if self.sense == "at least" else value <= self.bound


@dataclass(slots=True)
class Line:
    """One line of the table. `unit` belongs to both sides' figures; a ratio has none."""

    row: str
    title: str
    unit: str
    hostel: Spread | None
    workerd: Spread | None = None
    # How the processes were placed, where a row is measured in more than one way.
    variant: str = ""
    target: Target | None = None
    ratio: Spread | None = None
    notes: list[str] = field(default_factory=list)

    def compare(self) -> Self:
        """Fill in the paired ratio, where there are two sides."""
        if self.hostel is not None and self.workerd is not None:
            self.ratio = paired(self.hostel.rounds, self.workerd.rounds)
        return self

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, by the median; None where there is no target or nothing to judge."""
        judged = self.hostel if self.target is not None and self.target.of == "hostel" else self.ratio
        return None if self.target is None or judged is None else self.target.met(judged.median)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, figures to six significant digits."""
        return {**_rounded(asdict(self)), "met": self.met}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value
