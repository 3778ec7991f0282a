"""Counters of the pool, for operators.

Owns the numbers' names. Must not compute anything costly on the way of a request.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class PoolStats:
    """Counts since the process began."""

    # Requests that found a waiting isolate, and requests for which one was made.
    hits: int = 0
    misses: int = 0
    # Times a version's program was fetched from its source.
    loads: int = 0
    # Isolates made from an image, and by running the top level.
    restored: int = 0
    started: int = 0
    evictions: int = 0
    expired: int = 0
    # Instances lost, by what stopped them.
    traps: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {name: dict(value) if isinstance(value, Counter) else value for name in self.__slots__ for value in (getattr(self, name),)}
