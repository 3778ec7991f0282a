"""Whether one share (of failures, of slow requests) exceeds another, asked as often as one likes.

Owns an e-process for two Bernoulli streams: a product of bets against the null hypothesis `new <= ratio * old + shift`, each block of
requests bet on with parameters that were fixed before the block was seen. The expected value of every factor is at most 1 while the null
holds, so the product exceeds 1/alpha at any time, ever, with probability at most alpha (Ville's inequality): whoever looks after each
request is lied to no more often than whoever looks once.

Sources: blocks and projection from R. Turner, P. Grünwald, "Exact anytime-valid confidence intervals for contingency tables and beyond",
https://arxiv.org/abs/2203.09785, and with A. Ly, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping", https://arxiv.org/abs/2106.02693; mixing over starting times as in J. Shin, A. Ramdas, A. Rinaldo, "E-detectors",
https://arxiv.org/abs/2203.03532.

Why a factor is fair: with p the shares bet on and q the point of the null that minimises sum n_i KL(p_i, q_i), its expectation under t is
prod (1 + c_i (t_i - q_i))^n_i <= exp(sum n_i c_i (t_i - q_i)), c_i = (p_i - q_i) / (q_i (1 - q_i)), and that sum is at most 0 for every t
of the null, because the null is convex and q is the minimum. It asks for no fixed rate: both shares may go up and down together, from block
to block.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

# How much larger than allowed the odds may be: one bet on each, an equal stake in all. A share that is a little too large is found by the
# first ones, slowly; a version that fails always, within a handful of requests, by the last ones.
ODDS: Final = (1.25, 1.5, 2.0, 3.0, 6.0, 20.0, 100.0, 1000.0)
# What is believed of the old share before anything is known: half a hit in 50 trials.
_PRIOR_HITS, _PRIOR_TRIALS = 0.5, 50.0
# History weighs no more than this many trials, so that what happens now soon counts for more.
HISTORY_TRIALS: Final = 2_000
_EDGE: Final = 1e-9
_ROUNDS: Final = 80


@dataclass(frozen=True, slots=True)
class Counted:
    """Of `trials` requests, `hits` did what is asked about."""

    trials: int = 0
    hits: int = 0

    @property
    def share(self) -> float:
        """Hits of trials, 0 to 1; 0 where there are none."""
        return self.hits / self.trials if self.trials else 0.0

    def __add__(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(self.trials + other.trials, self.hits + other.hits)

    def __sub__(self, earlier: Counted) -> Counted:
        """What came since `earlier`."""
        return Counted(self.trials - earlier.trials, self.hits - earlier.hits)


@dataclass(frozen=True, slots=True)
class Bound:
    """What is still allowed: the new share may be `ratio` (>= 1) times the old one, and `shift` (0 to 1) more."""

    ratio: float = 1.0
    shift: float = 0.0

    def of(self, old: float) -> float:
        """The largest share allowed beside `old`."""
        return min(1.0, self.ratio * old + self.shift)


@dataclass(slots=True)
class Evidence:
    """Evidence against `new <= bound(old)`, and what it takes to go on: a handful of numbers, whatever was counted.

    Half of the stake is on "from the beginning"; the other half is spread over later beginnings (`restart`), so that a version that was
    good for hours and then goes bad is found without having to win back what its good time has cost.
    """

    bound: Bound
    # What is known of the old share: before the comparison (`history`) and during it.
    history: Counted = field(default_factory=Counted)
    old: Counted = field(default_factory=Counted)
    new: Counted = field(default_factory=Counted)
    # Logarithm of each bet's worth, the number of beginnings, and the most the whole was ever worth.
    bets: list[float] = field(default_factory=lambda: [math.log(0.5)] * len(ODDS))
    beginnings: int = 1
    highest: float = 0.0

    def add(self, *, new: Counted, old: Counted) -> None:
        """Count a block. What is bet on it depends on earlier blocks only; how blocks are cut must not depend on what is in them."""
        if new.trials and old.trials:
            guess = self._guess()
            for number, odds in enumerate(ODDS):
                self.bets[number] += _gain(self.bound, guess, odds, new, old)
            self.highest = max(self.highest, self.worth)
        self.new, self.old = self.new + new, self.old + old

    def restart(self) -> None:
        """From here on something may have become worse: put some of the stake on that."""
        self.beginnings += 1
        stake = -math.log(2.0 * self.beginnings * (self.beginnings - 1))
        self.bets = [_log_sum(bet, stake) for bet in self.bets]

    @property
    def worth(self) -> float:
        """Logarithm of what the whole stake (1) has become."""
        total = -math.log(2.0 * self.beginnings)
        for bet in self.bets:
            total = _log_sum(total, bet - math.log(len(ODDS)))
        return total

    @property
    def p(self) -> float:
        """The always-valid p-value: 1 over the most the stake was ever worth."""
        return min(1.0, math.exp(-self.highest))

    def as_json(self) -> dict[str, Any]:
        """All of it, for a row."""
        return {
            "bound": [self.bound.ratio, self.bound.shift],
            "history": [self.history.trials, self.history.hits],
            "old": [self.old.trials, self.old.hits],
            "new": [self.new.trials, self.new.hits],
            "bets": self.bets,
            "beginnings": self.beginnings,
            "highest": self.highest,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(
            bound=Bound(*stored["bound"]),
            history=Counted(*stored["history"]),
            old=Counted(*stored["old"]),
            new=Counted(*stored["new"]),
            bets=list(stored["bets"]),
            beginnings=int(stored["beginnings"]),
            highest=float(stored["highest"]),
        )

    def _guess(self) -> float:
        """The old share, from what came before this block."""
        weight = min(1.0, HISTORY_TRIALS / self.history.trials) if self.history.trials else 0.0
        trials = _PRIOR_TRIALS + self.old.trials + weight * self.history.trials
        return (_PRIOR_HITS + self.old.hits + weight * self.history.hits) / trials


def _gain(bound: Bound, guess: float, odds: float, new: Counted, old: Counted) -> float:
    """What betting on `odds` times the allowed odds brings for one block (logarithm)."""
    old_bet = min(max(guess, _EDGE), 1 - _EDGE)
    allowed = bound.of(old_bet)
    if allowed >= 1 - _EDGE:
        # Everything is allowed: nothing to bet on.
        return 0.0
    new_bet = odds * allowed / (1 - allowed + odds * allowed)
    old_null = _nearest(bound, new_bet, old_bet, new.trials, old.trials)
    new_null = bound.of(old_null)
    return _log_ratio(new, new_bet, new_null) + _log_ratio(old, old_bet, old_null)


def _nearest(bound: Bound, new_bet: float, old_bet: float, new_trials: int, old_trials: int) -> float:
    """The old share of the null's point nearest to the bet: the root of an increasing function, by the Illinois method."""

    def slope(old: float) -> float:
        new = bound.ratio * old + bound.shift
        return bound.ratio * new_trials * (new - new_bet) / (new * (1 - new)) + old_trials * (old - old_bet) / (old * (1 - old))

    low, high = old_bet, (new_bet - bound.shift) / bound.ratio
    at_low, at_high = slope(low), slope(high)
    for _ in range(_ROUNDS):
        if high - low <= 1e-13 * high or at_low == at_high:
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < middle < high:
            middle = (low + high) / 2
        found = slope(middle)
        if found == 0:
            return middle
        if found < 0:
            low, at_low, at_high = middle, found, at_high / 2
        else:
            high, at_high, at_low = middle, found, at_low / 2
    return (low + high) / 2


def _log_ratio(counted: Counted, bet: float, null: float) -> float:
    return counted.hits * math.log(bet / null) + (counted.trials - counted.hits) * math.log((1 - bet) / (1 - null))


def _log_sum(one: float, other: float) -> float:
    """Logarithm of the sum of what `one` and `other` are the logarithms of."""
    high, low = max(one, other), min(one, other)
    return high + math.log1p(math.exp(low - high))
