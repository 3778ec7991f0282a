"""Taking a process out of service without breaking anything off.

Owns the order of it: first `/readyz` says no while everything is still served, so that a balancer looks elsewhere; after the grace period
new requests are refused and those under way are finished. Taken back, the process serves as before. Must not end the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.errors import GatewayDraining
from gateway.exchange import Exchange
from gateway.respond import Ending
from gateway.stats import Stats


class Drain:
    """The state of one process."""

    def __init__(self, stats: Stats, *, shut: Callable[[bool], None]) -> None:
        """`shut` refuses new requests, or (False) lets them in again."""
        self._stats = stats
        self._shut = shut
        self._later: asyncio.TimerHandle | None = None
        # Whether the process is to be left alone by balancers; whether it refuses already.
        self.on = self.closed = False

    def begin(self, grace_seconds: float) -> dict[str, Any]:
        """Stop being ready now and refuse after `grace_seconds`; a second order replaces the first. What `state` says."""
        self._cancel()
        self.on = True
        if grace_seconds <= 0:
            self._close()
        else:
            self._later = asyncio.get_running_loop().call_later(grace_seconds, self._close)
        return self.state()

    def end(self) -> dict[str, Any]:
        """Serve again."""
        self._cancel()
        self.on = self.closed = False
        self._shut(False)
        return self.state()

    def state(self) -> dict[str, Any]:
        """Whether it drains, whether it refuses, what it has refused and how many requests are under way."""
        return {
            "draining": self.on,
            "refusing": self.closed,
            "refused": self._stats.errors[GatewayDraining.code],
            "under_way": self._stats.under_way,
        }

    def _close(self) -> None:
        self.closed = True
        self._shut(True)

    def _cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None


class Shut:
    """Where visitors' requests lead while they are refused."""

    async def serve(self, exchange: Exchange) -> Ending:  # noqa: ARG002 - as every destination
        """Refuse."""
        raise GatewayDraining
