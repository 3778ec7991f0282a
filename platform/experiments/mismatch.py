"""Whether the variants have the shares of participants that they should have (sample ratio mismatch).

Owns two tests. Pearson's chi-square says how odd the counts are at this look; looked at every minute it would cry wolf sooner or later. So
the multinomial test of M. Lindon and A. Malek (https://arxiv.org/abs/2011.03567), a Dirichlet mixture over the likelihood of the planned
shares, must agree: it holds at all looks together. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

# What peers use for the chi-square (GrowthBook, Unleash), and what the test for all looks must reach.
CHI_SQUARE_P: Final = 0.001
ALL_LOOKS_P: Final = 0.01
# Weight of the planned shares in the mixture: as if so many participants had been seen.
_PRIOR: Final = 100.0
_ROUNDS: Final = 500
_PRECISION: Final = 1e-14


class Ratio(msgspec.Struct, frozen=True):
    """What both tests say; `always_valid_p` is the least of all looks."""

    chi_square_p: float
    always_valid_p: float
    mismatch: bool


def check_ratio(counts: Mapping[str, int], shares: Mapping[str, float], *, earlier_p: float = 1.0) -> Ratio:
    """Compare how many participants each variant has with the share it should have; `earlier_p` is the last look's `always_valid_p`."""
    names = [name for name, share in shares.items() if share > 0]
    seen = [counts.get(name, 0) for name in names]
    total, whole = sum(seen), sum(shares[name] for name in names)
    if total == 0 or len(names) < 2:  # noqa: PLR2004 - nothing to compare
        return Ratio(1.0, earlier_p, mismatch=False)
    planned = [shares[name] / whole for name in names]
    chi = sum((count - total * share) ** 2 / (total * share) for count, share in zip(seen, planned, strict=True))
    p = chi_square_tail(chi, len(names) - 1)
    always = min(earlier_p, math.exp(min(0.0, -_evidence(seen, planned))))
    return Ratio(p, always, mismatch=p < CHI_SQUARE_P and always < ALL_LOOKS_P)


def chi_square_tail(value: float, freedom: int) -> float:
    """The probability of a chi-square at least as large (the upper regularised gamma function, DLMF 8.11 and 8.9)."""
    a, x = freedom / 2, value / 2
    if x <= 0:
        return 1.0
    front = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _ROUNDS):
            term *= x / (a + n)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1 - front * total)
    b = x + 1 - a
    c, d = math.inf, 1 / b
    found = d
    for n in range(1, _ROUNDS):
        factor = n * (a - n)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        found *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return min(1.0, front * found)


def _evidence(seen: list[int], planned: list[float]) -> float:
    """Logarithm of the mixture's likelihood over that of the planned shares."""
    total = sum(seen)
    mixed = math.lgamma(_PRIOR) - math.lgamma(_PRIOR + total)
    mixed += sum(math.lgamma(_PRIOR * share + count) - math.lgamma(_PRIOR * share) for count, share in zip(seen, planned, strict=True))
    return mixed - sum(count * math.log(share) for count, share in zip(seen, planned, strict=True))


def as_json(ratio: Ratio) -> dict[str, Any]:
    """For a row."""
    found: dict[str, Any] = msgspec.to_builtins(ratio)
    return found
