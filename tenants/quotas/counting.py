"""What is asked of a store of counts.

Owns the words. A counter is one quota in one period; all counters of a claim are taken from together, so that no unit of one is lost
because another has none left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.errors import HostelError


class StoreFailed(HostelError):
    """Quotas cannot be counted at the moment."""

    code = "quota_store_failed"
    status = 503


@dataclass(frozen=True, slots=True)
class Counter:
    """One quota of one tenant in the period that ends at `ends` (seconds since 1970), which is also the period's name."""

    tenant_id: int
    # One of tenants.definitions.REQUEST_QUOTAS.
    name: str
    ends: int
    limit: int

    @property
    def key(self) -> str:
        """Its name in a store of texts."""
        return f"{self.tenant_id}:{self.name}:{self.ends}"


@dataclass(frozen=True, slots=True)
class Taken:
    """How many units were granted, and how many each counter has counted after that."""

    granted: int
    used: tuple[int, ...]


class Store(Protocol):
    """Counts in periods. Any thread may ask; raises `StoreFailed`, or Django's `DatabaseError`, when it cannot tell."""

    # Whether an answer takes microseconds, so that an event loop may wait for it; else units are worth keeping in stock.
    local: bool

    def take(self, counters: Sequence[Counter], want: int, *, spent: int = 0, now: float) -> Taken:
        """Count up to `want` units in every one of `counters`, as many as all of them have left.

        `spent` units were used without asking, while no store answered: they are counted first, whatever the limit is.
        """
        ...

    def give(self, counters: Sequence[Counter], units: int, *, now: float) -> None:
        """Take back `units` that were granted and not used."""
        ...

    def used(self, counters: Sequence[Counter], *, now: float) -> tuple[int, ...]:
        """How many units each of `counters` has counted."""
        ...
