"""What a guard finds: the evidence it gathers, what it says, and whether something must be done.

Owns the state of one guard (JSON in the rollout's row) and its verdict. Pure: what was counted comes in, a sentence and an answer come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from rollouts import words
from rollouts.plans import TIMES, Guard, Plan
from rollouts.statistics import Counted, Cut, Evidence, Interval, difference_interval, quantile_interval
from rollouts.tallies import Tallied

# Requests of the old version that must be known before its p95 is anything to compare with.
KNOWN: Final = 20
# The interval beside a verdict holds in 95 of 100 rollouts, the guard's own errors included.
INTERVAL_ALPHA: Final = 0.04
QUANTILE: Final = 0.95
Answer = Literal["fails", "holds", "counting"]


@dataclass(slots=True)
class Names:
    """How the two versions are called."""

    new: str
    old: str


@dataclass(slots=True)
class Watch:
    """One guard at work. `mute` after somebody has resumed a rollout that it had stopped: then its evidence begins anew."""

    guard: Guard
    evidence: Evidence = field(default_factory=lambda: Evidence(Guard("errors", "pause", 0, 0).bound))

    @classmethod
    def begin(cls, guard: Guard, history: Tallied) -> Self:
        """Nothing counted yet; `history` is the old version's last hour."""
        known = Counted() if guard.metric in TIMES or guard.metric == "outcome" else history.share(guard)
        return cls(guard, Evidence(guard.bound, history=known))

    @classmethod
    def from_json(cls, guard: Guard, stored: Mapping[str, Any]) -> Self:
        """As a row keeps it."""
        return cls(guard, Evidence.from_json(stored["evidence"]))

    def fold(self, *, new: Tallied, old: Tallied, known: Tallied) -> None:
        """Count a block: `new` and `old` came since the last one, `known` is all that was known of the old version before it."""
        if self.guard.metric not in TIMES:
            self.evidence.add(new=new.share(self.guard), old=old.share(self.guard))
            return
        metric = self.guard.metric
        cut = self._cut(known)
        if cut is not None and known.times(metric).count >= KNOWN:
            self.evidence.add(new=cut.slow_new(new.times(metric)), old=cut.slow_old(old.times(metric)))

    def _cut(self, known: Tallied) -> Cut | None:
        guard = self.guard
        return Cut.at(known.times(guard.metric), QUANTILE, ratio=1 + guard.tolerance / 100, floor_us=round(guard.margin * 1000))

    def fails(self, plan: Plan) -> bool:
        """Whether the evidence is as strong as the plan asks for."""
        return self.evidence.p <= plan.alpha

    def shown(self, plan: Plan, *, new: Tallied, old: Tallied, names: Names, enough: bool) -> dict[str, Any]:
        """The guard as a row, the API and a page have it: figures, interval, threshold, p and a sentence."""
        guard, p = self.guard, self.evidence.p
        fails = self.fails(plan)
        answer: Answer = "fails" if fails and enough else "holds" if enough else "counting"
        figures = self._times(new, old) if guard.metric in TIMES else self._shares(plan, new, old)
        sentence = words.guard_sentence(guard, names, figures, p)
        return {
            "metric": guard.metric,
            "title": guard.title,
            "action": guard.action,
            "answer": answer,
            "p": p,
            "alpha": plan.alpha,
            "minimum": guard.minimum,
            **figures,
            "sentence": sentence,
            "evidence": self.evidence.as_json(),
        }

    def _shares(self, plan: Plan, new: Tallied, old: Tallied) -> dict[str, Any]:
        """New and old share (0 to 1), their difference with its interval, and the difference that is still allowed."""
        mine, theirs = new.share(self.guard), old.share(self.guard)
        allowed = self.guard.bound.of(theirs.share) - theirs.share
        interval = difference_interval(mine, theirs, alpha=INTERVAL_ALPHA) if mine.trials and theirs.trials else None
        if interval is not None and self.fails(plan):
            # The evidence is an interval, too: everything up to what is allowed is excluded.
            interval = Interval(min(max(interval.low, allowed), interval.high), interval.high)
        return {
            "unit": "share",
            "new": {"requests": mine.trials, "hits": mine.hits, "value": mine.share},
            "old": {"requests": theirs.trials, "hits": theirs.hits, "value": theirs.share},
            "difference": mine.share - theirs.share,
            "interval": None if interval is None else [interval.low, interval.high],
            "threshold": allowed,
        }

    def _times(self, new: Tallied, old: Tallied) -> dict[str, Any]:
        """New and old p95 (microseconds), their difference with its interval, what is still allowed; shares of slow requests beside."""
        guard, metric = self.guard, self.guard.metric
        mine, theirs = new.times(metric), old.times(metric)
        mine_p95, theirs_p95 = mine.quantile(QUANTILE), theirs.quantile(QUANTILE)
        alpha = INTERVAL_ALPHA / 2
        mine_in, theirs_in = quantile_interval(mine, QUANTILE, alpha=alpha), quantile_interval(theirs, QUANTILE, alpha=alpha)
        both = mine_p95 is not None and theirs_p95 is not None
        slow_new, slow_old = self.evidence.new, self.evidence.old
        return {
            "unit": "us",
            "new": {"requests": mine.count, "hits": slow_new.hits, "value": mine_p95, "slow_share": slow_new.share},
            "old": {"requests": theirs.count, "hits": slow_old.hits, "value": theirs_p95, "slow_share": slow_old.share},
            "difference": mine_p95 - theirs_p95 if mine_p95 is not None and theirs_p95 is not None else None,
            "interval": [mine_in.low - theirs_in.high, mine_in.high - theirs_in.low] if mine_in and theirs_in else None,
            "threshold": max(theirs_p95 * guard.tolerance / 100, guard.margin * 1000) if both and theirs_p95 is not None else None,
        }
