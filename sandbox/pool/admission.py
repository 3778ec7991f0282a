"""How many requests of a tenant may be under way in this process.

Owns the count and the bounded queue behind it. Must not know isolates.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Final

from sandbox.errors import ConcurrencyExceeded

# Requests that may wait, as a multiple of those that may run.
QUEUE_FACTOR: Final = 2


class Admission:
    """Counts requests by tenant."""

    __slots__ = ("_running", "_waiting")

    def __init__(self) -> None:
        """Nobody is here."""
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def try_enter(self, tenant: str, limit: int) -> bool:
        """Enter if there is room now."""
        if self._running[tenant] < limit:
            self._running[tenant] += 1
            return True
        return False

    async def wait(self, tenant: str, limit: int) -> None:
        """Enter when there is room. Raises `ConcurrencyExceeded` when too many wait already."""
        queue = self._waiting.setdefault(tenant, deque())
        if len(queue) >= limit * QUEUE_FACTOR:
            raise ConcurrencyExceeded(
                f"The tenant has {limit} requests under way and {len(queue)} waiting.", limit=limit, waiting=len(queue)
            )
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # Room was handed over at the same moment: pass it on.
                self.leave(tenant)
            elif future in queue:
                queue.remove(future)
            raise

    def leave(self, tenant: str) -> None:
        """Make room; the one who waits longest gets it."""
        queue = self._waiting.get(tenant)
        while queue:
            future = queue.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._waiting.pop(tenant, None)
        self._running[tenant] -= 1
        if self._running[tenant] <= 0:
            del self._running[tenant]

    def as_dict(self) -> dict[str, int]:
        """Requests under way by tenant."""
        return dict(self._running)
