"""Comparing two versions (or variants) while the numbers still come in.

Owns the mathematics and nothing else: what may be looked at after every request without its error rates becoming lies. Plain Python, pure,
no Django: `evidence` decides whether a share has grown too much, `intervals` says by how much, `times` turns histograms of times into
shares. docs/decisions/0018-always-valid-statistics.md says why these methods.
"""

from __future__ import annotations

from rollouts.statistics.evidence import Bound, Counted, Evidence
from rollouts.statistics.intervals import Interval, Moments, difference_interval, mean_difference_interval, share_interval
from rollouts.statistics.times import Cut, quantile_interval

__all__ = [
    "Bound",
    "Counted",
    "Cut",
    "Evidence",
    "Interval",
    "Moments",
    "difference_interval",
    "mean_difference_interval",
    "quantile_interval",
    "share_interval",
]
