"""Times (wall, CPU) as shares: how many requests are slower than they should be.

Owns the cut. "The new version's p95 is worse" becomes "more of its requests lie beyond the old p95, tolerance added, than of the old
version's lie beyond the old p95", which is a question about two shares (`evidence`). Both are counted in the same time, so a database that
is slow for everybody accuses nobody. Counted on the sketch's own buckets: no interpolation, nothing estimated twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from rollouts.statistics.evidence import Counted
from rollouts.statistics.intervals import Interval, surprise
from telemetry.sketch import Sketch, bucket_of, value_of


@dataclass(frozen=True, slots=True)
class Cut:
    """The buckets beyond which a request of the old and of the new version counts as slow."""

    old: int
    new: int

    @classmethod
    def at(cls, sketch: Sketch, share: float, *, ratio: float, floor_us: int) -> Self | None:
        """The cut at the old version's quantile `share` (0 to 1): the new one may be `ratio` times as slow, or `floor_us` slower.

        None while nothing is known. `sketch` must hold only what came before the requests that are counted with it.
        """
        value = sketch.quantile(share)
        if value is None:
            return None
        old = bucket_of(math.ceil(value))
        return cls(old, max(old, bucket_of(math.ceil(max(value * ratio, value + floor_us)))))

    def slow_old(self, sketch: Sketch) -> Counted:
        """How many of the old version's requests are slow."""
        return _beyond(sketch, self.old)

    def slow_new(self, sketch: Sketch) -> Counted:
        """How many of the new version's are."""
        return _beyond(sketch, self.new)


def quantile_interval(sketch: Sketch, share: float, *, alpha: float) -> Interval | None:
    """Where the quantile `share` lies, in the sketch's unit, at all times at once; None where nothing was counted.

    A value is inside if "this share lies at or below it" is not too surprising (`intervals.surprise`).
    """
    total, below = sketch.count, 0
    inside: list[int] = []
    budget = -math.log(alpha)
    for bucket in sorted(sketch.counts):
        # Values of this bucket have from `below` to `below + count` at or below them.
        reached = below + sketch.counts[bucket]
        nearest = min(max(round(share * total), below), reached)
        if surprise(Counted(total, nearest), share) <= budget:
            inside.append(bucket)
        below = reached
    return Interval(value_of(inside[0]), value_of(inside[-1])) if inside else None


def _beyond(sketch: Sketch, bucket: int) -> Counted:
    return Counted(sketch.count, sum(count for each, count in sketch.counts.items() if each > bucket))
