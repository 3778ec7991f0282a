"""Fairness in the fast lane.

Owns one question: may this tenant's next turn run at once on the event loop's thread, or has it had its share while others were there?
Must not run anything.
"""

from __future__ import annotations

import time
from typing import Final

# A tenant may burst this much on the loop before its share is looked at…
BURST_NS: Final = 20_000_000
# …and earns it back at this part of a core.
SHARE: Final = 0.4
# Another tenant counts as present for so long after its latest turn.
PRESENCE_NS: Final = 100_000_000
# Tenants that have been away longer than this are forgotten.
FORGET_NS: Final = 10_000_000_000


class FastLaneShares:
    """A token bucket of loop time for each tenant; it only binds while more than one tenant is there."""

    __slots__ = ("_contended_until", "_latest", "_shares", "_swept")

    def __init__(self) -> None:
        """Nobody has had anything."""
        self._shares: dict[str, list[int]] = {}
        self._latest = ""
        self._contended_until = 0
        self._swept = 0

    def admits(self, tenant: str) -> bool:
        """Whether a turn of `tenant` may run in the fast lane now."""
        now = time.monotonic_ns()
        if tenant != self._latest:
            self._latest = tenant
            self._contended_until = now + PRESENCE_NS
        share = self._shares.get(tenant)
        if share is None:
            self._shares[tenant] = [BURST_NS, now]
            return True
        earned = int((now - share[1]) * SHARE)
        share[0] = min(BURST_NS, share[0] + earned)
        share[1] = now
        return share[0] > 0 or now > self._contended_until

    def charge(self, tenant: str, used_ns: int) -> None:
        """Count CPU time used on the loop's thread."""
        share = self._shares.get(tenant)
        if share is not None:
            share[0] = max(-BURST_NS, share[0] - used_ns)

    def sweep(self) -> None:
        """Forget tenants that have been away; called now and then."""
        now = time.monotonic_ns()
        gone = [tenant for tenant, share in self._shares.items() if now - share[1] > FORGET_NS]
        for tenant in gone:
            del self._shares[tenant]
