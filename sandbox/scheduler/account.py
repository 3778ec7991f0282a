"""CPU accounts: what one request, or one start-up, has used and may use.

Owns counting. Must not stop anything: the scheduler does when an account is spent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """CPU time of one owner over all of its turns, in nanoseconds of the thread that ran them."""

    tenant: str
    limit_ns: int
    used_ns: int = 0
    # Set from the loop's thread to have the turn stopped at its next slice.
    cancelled: bool = False
    # Share of the slow lane against other tenants.
    weight: int = 1

    @property
    def spent(self) -> bool:
        """Whether the limit has been passed."""
        return self.used_ns > self.limit_ns

    @property
    def used_us(self) -> int:
        """Microseconds, rounded up, so that no work counts as none."""
        return -(-self.used_ns // 1000)
