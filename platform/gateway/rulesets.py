"""The rulesets of flags, without asking the database twice.

Owns the cache of one process, by tenant and environment. A ruleset is good for as long as the epoch's token has not moved: one memory read
for each evaluation, so a kill switch counts from the next one on. When the token has moved it is asked for again on its next use; while
the database does not answer, what is known is used as it is, and asked for again behind the caller's back. Must not evaluate.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from flags.evaluation.ruleset import Ruleset
from gateway.errors import RoutesUnavailable
from gateway.routes import FLIGHTS, RETRY_SECONDS, WAIT_SECONDS, Token

log = structlog.get_logger(__name__)

# Environments a process remembers; those of nobody's requests go first.
ENVIRONMENTS: Final = 2_000
Place = tuple[int, str]
# The ruleset of a tenant's environment, which is `known` itself where it has not changed; None where there is no such environment. Raises
# `RoutesUnavailable` when it cannot be known.
Load = Callable[[int, str, Ruleset | None], Awaitable[Ruleset | None]]


@dataclass(slots=True)
class _Entry:
    ruleset: Ruleset | None
    token: Token
    # Since it could not be checked, and not before this moment again.
    failing: bool = False
    retry_at: float = 0.0


class Rulesets:
    """The cache."""

    def __init__(self, load: Load, token: Callable[[], Token], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask `load`; entries are good while `token()` stays the same."""
        self._load, self._token, self._clock = load, token, clock
        self._known: OrderedDict[Place, _Entry] = OrderedDict()
        self._flights: dict[Place, asyncio.Task[_Entry]] = {}
        self.loads = self.loads_failed = self.served_stale = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def peek(self, tenant_id: int, environment: str) -> tuple[Ruleset | None] | None:
        """The ruleset, in a tuple, if it is known and good: then nobody has to wait. None inside: there is no such environment."""
        entry = self._known.get((tenant_id, environment))
        return (entry.ruleset,) if entry is not None and entry.token == self._token() else None

    async def find(self, tenant_id: int, environment: str) -> Ruleset | None:
        """The ruleset, asked for if need be; None where there is no such environment. Raises `RoutesUnavailable` for one never seen."""
        place = (tenant_id, environment)
        known = self._known.get(place)
        if known is not None:
            if known.token == self._token():
                return known.ruleset
            if known.failing:
                if self._clock() >= known.retry_at and len(self._flights) < FLIGHTS:
                    self._fly(place)
                self.served_stale += 1
                return known.ruleset
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                entry = await asyncio.shield(self._fly(place))
                # A lookup that began before the last change may not know of it.
                return (entry if entry.token == self._token() else await asyncio.shield(self._fly(place))).ruleset
        except (RoutesUnavailable, TimeoutError):
            if known is None:
                raise RoutesUnavailable from None
            known.failing = True
            self.served_stale += 1
            return known.ruleset

    def as_dict(self) -> dict[str, int]:
        """Counters, JSON-able."""
        return {"kept": len(self), "loads": self.loads, "failed": self.loads_failed, "served_stale": self.served_stale}

    def _fly(self, place: Place) -> asyncio.Task[_Entry]:
        task = self._flights.get(place)
        if task is None or task.done():
            if len(self._flights) >= FLIGHTS:
                raise RoutesUnavailable
            task = self._flights[place] = asyncio.get_running_loop().create_task(self._look(place))
            task.add_done_callback(lambda done: self._land(place, done))
        return task

    def _land(self, place: Place, task: asyncio.Task[_Entry]) -> None:
        if self._flights.get(place) is task:
            del self._flights[place]
        if not task.cancelled():
            # Nobody may be waiting any more.
            task.exception()

    async def _look(self, place: Place) -> _Entry:
        # Read before the database: a change in between makes the entry old at once instead of wrong for ever.
        token, known = self._token(), self._known.get(place)
        self.loads += 1
        try:
            ruleset = await self._load(*place, known.ruleset if known is not None else None)
        except Exception as error:
            self.loads_failed += 1
            if known is not None:
                known.failing, known.retry_at = True, self._clock() + RETRY_SECONDS
            if isinstance(error, RoutesUnavailable):
                raise
            log.exception("a ruleset could not be loaded", tenant=place[0], environment=place[1])
            raise RoutesUnavailable from error
        entry = self._known[place] = _Entry(ruleset, token)
        self._known.move_to_end(place)
        while len(self._known) > ENVIRONMENTS:
            self._known.popitem(last=False)
        return entry
