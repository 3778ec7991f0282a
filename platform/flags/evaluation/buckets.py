"""Which of 100,000 buckets somebody falls into, and which buckets a variant has.

Owns the hash, which is published with test vectors (docs/flags.md), and the handing over of buckets when percentages change. Pure.

A bucket is murmur3 (32 bit, x86) of `salt:key` in UTF-8, modulo 100,000. Splits and layers use seed 0; the operator `percentage` uses
seed 1, so that who passes a percentage is not who gets a split's first variant.

A variant's buckets are written down as pieces `[from, to)`. When percentages change, a variant that shrinks gives up its highest
buckets, a variant that grows takes what is free: whoever has a variant that does not shrink keeps it, whatever else changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import mmh3

BUCKETS: Final = 100_000
SPLIT_SEED: Final = 0
PERCENTAGE_SEED: Final = 1
_PER_PERCENT: Final = BUCKETS // 100
_ROUNDING: Final = 1e-6

Piece = tuple[int, int]
Pieces = tuple[Piece, ...]


def bucket_of(salt: str, key: str, *, seed: int = SPLIT_SEED) -> int:
    """The bucket, 0 to 99,999, of `key` under `salt`."""
    return mmh3.hash(f"{salt}:{key}".encode("utf-8", "surrogatepass"), seed, False) % BUCKETS


def buckets_in(percentage: float) -> int:
    """How many buckets a percentage of at most three decimals stands for. Raises ValueError for any other number."""
    exact = percentage * _PER_PERCENT
    count = round(exact)
    if not 0 <= count <= BUCKETS or abs(exact - count) > _ROUNDING:
        raise ValueError("a percentage is a number from 0 to 100 with at most three decimals")
    return count


def in_order(counts: Sequence[int]) -> list[Pieces]:
    """The pieces of shares that were never changed: one after the other, from bucket 0."""
    pieces: list[Pieces] = []
    start = 0
    for count in counts:
        pieces.append(((start, start + count),) if count else ())
        start += count
    return pieces


def handed_over(before: Mapping[str, Iterable[Piece]], wanted: Mapping[str, int]) -> dict[str, Pieces]:
    """The pieces of each share after its number of buckets has become `wanted`.

    A share keeps what it has as far as it does not shrink; so nobody leaves a share that grows or stays. Shares of `before` that are not
    wanted give everything up. Pieces of `before` must not overlap. Buckets left over belong to nobody.
    """
    kept: dict[str, list[Piece]] = {name: _lowest(sorted(before.get(name, ())), count) for name, count in wanted.items()}
    free = _gaps(sorted(piece for pieces in kept.values() for piece in pieces))
    for name, count in wanted.items():
        missing = count - counted(kept[name])
        while missing > 0:
            start, end = free.pop(0)
            taken = min(missing, end - start)
            kept[name].append((start, start + taken))
            if start + taken < end:
                free.insert(0, (start + taken, end))
            missing -= taken
    return {name: _joined(sorted(pieces)) for name, pieces in kept.items()}


def counted(pieces: Iterable[Piece]) -> int:
    """The number of buckets in pieces."""
    return sum(end - start for start, end in pieces)


def _lowest(pieces: Iterable[Piece], count: int) -> list[Piece]:
    found: list[Piece] = []
    for start, end in pieces:
        taken = min(end - start, count)
        if taken <= 0:
            break
        found.append((start, start + taken))
        count -= taken
    return found


def _gaps(pieces: Iterable[Piece]) -> list[Piece]:
    gaps: list[Piece] = []
    at = 0
    for start, end in pieces:
        if start > at:
            gaps.append((at, start))
        at = end
    if at < BUCKETS:
        gaps.append((at, BUCKETS))
    return gaps


def _joined(pieces: Iterable[Piece]) -> Pieces:
    joined: list[Piece] = []
    for start, end in pieces:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
