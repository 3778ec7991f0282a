"""How large a share, a mean or their difference is: intervals that hold at all times at once (confidence sequences).

Owns the intervals. With probability 1 - alpha the true value is inside at every moment that one looks, not only at one chosen beforehand.

Shares: the mixture of all likelihoods under Jeffreys' prior over the likelihood of a value is a martingale when that value is true (H.
Robbins, "Statistical methods related to the law of the iterated logarithm", 1970; as prior over posterior in I. Waudby-Smith, A. Ramdas,
https://arxiv.org/abs/2006.04347); exact for any number of requests, and a function of the totals only. A difference is what is left of the
joint set of both shares. Means: the asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas,
https://arxiv.org/abs/2103.06476, which needs a few hundred values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rollouts.statistics.evidence import Counted

_JEFFREYS: Final = 0.5
_EDGE: Final = 1e-12
# Intervals are exact to this; they are read in hundredths of a per cent.
_NEAR: Final = 1e-7
_SECTIONS: Final = 24
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
# Both arms must have this many values before the normal approximation is trusted.
MEAN_VALUES: Final = 30
# The mean's interval is at its narrowest, relative to a fixed-size one, around this many values of both arms together.
TUNED_FOR: Final = 5_000


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums of values: how many, their sum, the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """The mean; 0 where there are none."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """The unbiased variance; 0 where there are fewer than two."""
        return max(0.0, (self.squares - self.total * self.mean) / (self.count - 1)) if self.count > 1 else 0.0


def surprise(counted: Counted, share: float) -> float:
    """Logarithm of the martingale that speaks against `share` (0 < share < 1): above log(1/alpha) with probability alpha at most, ever."""
    return _against(counted)(share)


def _against(counted: Counted) -> Callable[[float], float]:
    """The same as a function of the share: what does not depend on it is worked out once."""
    hits, misses = counted.hits, counted.trials - counted.hits
    mixed = _log_beta(hits + _JEFFREYS, misses + _JEFFREYS) - _log_beta(_JEFFREYS, _JEFFREYS)
    log, log1p = math.log, math.log1p
    return lambda share: mixed - hits * log(share) - misses * log1p(-share)


def share_interval(counted: Counted, *, alpha: float) -> Interval:
    """Where the share of hits lies."""
    return Interval(_reach(counted, -math.log(alpha), up=False), _reach(counted, -math.log(alpha), up=True))


def difference_interval(new: Counted, old: Counted, *, alpha: float) -> Interval:
    """Where the difference of the shares, new minus old, lies."""
    return Interval(-_farthest(old, new, -math.log(alpha)), _farthest(new, old, -math.log(alpha)))


def mean_difference_interval(new: Moments, old: Moments, *, alpha: float) -> Interval | None:
    """Where the difference of the means lies; None while there are too few values to say."""
    if min(new.count, old.count) < MEAN_VALUES:
        return None
    total = new.count + old.count
    # Variance of the estimate, as if of one stream of `total` values.
    spread = total * (new.variance / new.count + old.variance / old.count)
    # The tuning that makes the width at TUNED_FOR least, to a good approximation (equation 10 there).
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TUNED_FOR
    grown = total * rho2 + 1
    half = math.sqrt(spread * 2 * grown / (total * total * rho2) * math.log(math.sqrt(grown) / alpha))
    return Interval(new.mean - old.mean - half, new.mean - old.mean + half)


def _farthest(larger: Counted, smaller: Counted, budget: float) -> float:
    """The most that `larger`'s share can exceed `smaller`'s, if both surprises together stay within `budget`."""
    # What each can be at the least; what is left is divided between them, and the best division found: the gap is concave in it.
    floor = _least(larger)
    left = budget - floor - _least(smaller)
    if left <= 0:
        return larger.share - smaller.share

    def gap(part: float) -> float:
        return _reach(larger, floor + part, up=True) - _reach(smaller, budget - floor - part, up=False)

    return gap(_peak(gap, 0.0, left))


def _peak(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a concave function is highest, by golden sections."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_SECTIONS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
    return (low + high) / 2


def _least(counted: Counted) -> float:
    return surprise(counted, min(max(counted.share, _EDGE), 1 - _EDGE))


def _reach(counted: Counted, budget: float, *, up: bool) -> float:
    """The share farthest from the observed one, upwards or downwards, whose surprise stays within `budget`."""
    if not counted.trials:
        return 1.0 if up else 0.0
    against = _against(counted)
    inside = min(max(counted.share, _EDGE), 1 - _EDGE)
    outside = 1 - _EDGE if up else _EDGE
    if against(outside) <= budget:
        return 1.0 if up else 0.0
    while abs(outside - inside) > _NEAR:
        middle = (inside + outside) / 2
        if against(middle) <= budget:
            inside = middle
        else:
            outside = middle
    return inside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
