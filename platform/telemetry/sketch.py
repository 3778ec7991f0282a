"""Histograms of times that can be merged without losing anything.

Owns the buckets: logarithmic, the same for ever and everywhere (DDSketch, https://www.vldb.org/pvldb/vol12/p2195-masson.pdf), so that the
sum of two histograms is the histogram of both. A quantile is within `RELATIVE_ERROR` of the value at that rank. Pure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Self

import msgspec

RELATIVE_ERROR: Final = 0.01
_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA: Final = math.log(_GAMMA)
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[int]).decode


def bucket_of(value: int) -> int:
    """The bucket of a non-negative whole number: 0 holds only 0, bucket n > 0 what lies in (g^(n-2), g^(n-1)]."""
    return 0 if value < 1 else 1 + math.ceil(math.log(value) / _LOG_GAMMA)


def value_of(bucket: int) -> float:
    """The number that stands for a bucket."""
    return 0.0 if bucket == 0 else 2 * _GAMMA ** (bucket - 1) / (_GAMMA + 1)


class Sketch:
    """A histogram: how many values fell into which bucket."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        """Empty, or a copy of `counts` (bucket -> how many)."""
        self.counts: dict[int, int] = dict(counts or {})

    @classmethod
    def of(cls, values: Iterable[int]) -> Self:
        """The histogram of `values`."""
        made = cls()
        made.add_all(values)
        return made

    def add(self, value: int) -> None:
        """Count one value."""
        self.add_all((value,))

    def add_all(self, values: Iterable[int]) -> None:
        """Count values; equal ones cost little more than one."""
        for value, count in Counter(values).items():
            bucket = bucket_of(value)
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def merge(self, other: Sketch) -> None:
        """Count everything that `other` has counted, too."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How many values."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float | None:
        """The value that `share` (0 to 1) of all values do not pass; None where there are none."""
        rank = max(1, math.ceil(share * self.count))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return value_of(bucket)
        return None

    def encode(self) -> bytes:
        """As rows keep it: MessagePack of bucket distances and counts in turn; a histogram has one encoding only."""
        flat: list[int] = []
        last = 0
        for bucket in sorted(self.counts):
            flat += (bucket - last, self.counts[bucket])
            last = bucket
        return _encode(flat)

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """What `encode` gave; empty data is an empty histogram."""
        made = cls()
        flat = _decode(data) if data else []
        bucket = 0
        for at in range(0, len(flat) - 1, 2):
            bucket += flat[at]
            made.counts[bucket] = flat[at + 1]
        return made

    def __eq__(self, other: object) -> bool:
        """Whether both have counted the same."""
        return isinstance(other, Sketch) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes
