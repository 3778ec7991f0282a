"""From host to worker, without asking the database twice.

Owns the cache. An entry is good for as long as the epoch's token has not moved: that is one memory read for each request, so a deployment
is served from the next request on. When the token has moved an entry is looked up again on its next use. While the database does not
answer, what is known is served as it is, however long that lasts, and asked for again behind the visitor's back; past `stale_seconds`
every such answer is counted as a warning. What ends by itself (an override of a limit) makes its entry old at that moment, by a timer:
requests pay nothing for it. Must not know what is done with a route.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from gateway.errors import RoutesUnavailable
from gateway.hosts import Host
from gateway.stats import Stats
from tenants.rollout import WorkerRoute

log = structlog.get_logger(__name__)

# A visitor waits this long for a lookup before the stale entry is used; once an entry is known to be stale nobody waits for it any more.
WAIT_SECONDS: Final = 2.0
# Served with a warning from then on. The database is the truth, and it is down: nothing newer is being decided, so serving goes on.
STALE_SECONDS: Final = 10.0
# Warnings are counted one by one and logged this often.
SAY_SECONDS: Final = 10.0
# After a failed lookup the database is left alone this long for that host.
RETRY_SECONDS: Final = 1.0
# A host that does not exist is asked for again after this, whatever the epoch says.
NEGATIVE_SECONDS: Final = 5.0
POSITIVE_ENTRIES: Final = 20_000
NEGATIVE_ENTRIES: Final = 4_096
# Lookups under way or queued; a flood of invented hosts must not fill the memory.
FLIGHTS: Final = 512
# The timer looks at the clock on the wall this often at least: it may be set while a process runs.
LOOK_SECONDS: Final = 20.0
# No epoch has it.
_OLD: Final = (-1, -1)

Token = tuple[int, int]
# Answers what a host leads to, or None; raises `RoutesUnavailable` when it cannot be known.
Lookup = Callable[[Host], Awaitable[WorkerRoute | None]]


@dataclass(slots=True)
class Entry:
    """What is known of one host. `prepared` belongs to whoever serves it and lives as long as the route is the same."""

    host: Host
    route: WorkerRoute | None
    token: Token
    expires: float = float("inf")
    # Since when it could not be checked.
    failing_since: float | None = None
    retry_at: float = 0.0
    prepared: dict[Any, Any] = field(default_factory=dict)


class Routes:
    """The cache of one process."""

    def __init__(
        self,
        lookup: Lookup,
        token: Callable[[], Token],
        stats: Stats,
        *,
        stale_seconds: float = STALE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Ask `lookup`; entries are good while `token()` stays the same. `wall` is the clock that says when something ends."""
        self._stale_seconds = stale_seconds
        self._say_at = 0.0
        self._wall = wall
        self._lookup = lookup
        self._token = token
        self._stats = stats
        self._clock = clock
        self._known: OrderedDict[str, Entry] = OrderedDict()
        self._unknown: OrderedDict[str, Entry] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Entry]] = {}
        # When the next route ends by itself, in seconds since 1970, and what wakes us then.
        self._ends = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Hosts that are known to lead somewhere."""
        return len(self._known)

    @property
    def token(self) -> Token:
        """What entries are checked against now."""
        return self._token()

    def latest(self, count: int) -> list[Host]:
        """The hosts that were looked up last."""
        return [entry.host for _, entry in zip(range(count), reversed(self._known.values()), strict=False)]

    def peek(self, host: Host) -> Entry | None:
        """The entry of a known host if it is good. This is all a warm request costs."""
        entry = self._known.get(host.name)
        return entry if entry is not None and entry.token == self._token() else None

    async def find(self, host: Host) -> Entry:
        """The entry of any host, looked up if need be. Raises `RoutesUnavailable` for a host that is not known and cannot be looked up."""
        now = self._clock()
        unknown = self._unknown.get(host.name)
        if unknown is not None and unknown.token == self._token() and now < unknown.expires:
            return unknown
        stale = self._known.get(host.name)
        if stale is not None and stale.failing_since is not None:
            if now >= stale.retry_at:
                self._revalidate(host)
            return self._serve_stale(stale, stale.failing_since, now)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                entry = await asyncio.shield(self._fly(host))
                # A lookup that began before the last change may not know of it, or know one half of it.
                return entry if entry.token == self._token() else await asyncio.shield(self._fly(host))
        except (RoutesUnavailable, TimeoutError):
            if stale is None:
                raise RoutesUnavailable from None
            now = self._clock()
            stale.failing_since = stale.failing_since or now
            return self._serve_stale(stale, stale.failing_since, now)

    def _revalidate(self, host: Host) -> None:
        """Look the host up without anybody waiting for it."""
        with contextlib.suppress(RoutesUnavailable):
            self._fly(host)

    def _fly(self, host: Host) -> asyncio.Task[Entry]:
        """The one lookup of this host that is under way."""
        task = self._flights.get(host.name)
        # One that has landed may not have been cleared away yet: joining it would bring the same old answer a second time.
        if task is None or task.done():
            if len(self._flights) >= FLIGHTS:
                raise RoutesUnavailable
            task = self._flights[host.name] = asyncio.get_running_loop().create_task(self._look(host))
            task.add_done_callback(lambda done: self._land(host.name, done))
        return task

    def _land(self, name: str, task: asyncio.Task[Entry]) -> None:
        if self._flights.get(name) is task:
            del self._flights[name]
        if not task.cancelled():
            # Nobody may be waiting any more.
            task.exception()

    async def _look(self, host: Host) -> Entry:
        # Read before the database: a change in between makes the entry old at once instead of wrong for ever.
        token = self._token()
        self._stats.lookups += 1
        known = self._known.get(host.name)
        try:
            route = await self._lookup(host)
        except Exception as error:
            self._stats.lookups_failed += 1
            if known is not None:
                now = self._clock()
                known.failing_since = known.failing_since or now
                known.retry_at = now + RETRY_SECONDS
            if isinstance(error, RoutesUnavailable):
                raise
            log.exception("looking a host up failed", host=host.name)
            raise RoutesUnavailable from error
        if route is None:
            self._known.pop(host.name, None)
            return _keep(self._unknown, NEGATIVE_ENTRIES, host.name, Entry(host, None, token, self._clock() + NEGATIVE_SECONDS))
        self._unknown.pop(host.name, None)
        entry = Entry(host, route, token)
        if known is not None and known.route == route:
            entry.prepared = known.prepared
        if route.expires is not None and route.expires < self._ends:
            self._wake_at(route.expires)
        return _keep(self._known, POSITIVE_ENTRIES, host.name, entry)

    def _wake_at(self, ends: float) -> None:
        self._ends = ends
        if self._timer is not None:
            self._timer.cancel()
        seconds = min(max(0.0, ends - self._wall()), LOOK_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        """Make entries old whose time is over, and wait for the next."""
        now, following = self._wall(), float("inf")
        for entry in self._known.values():
            ends = entry.route.expires if entry.route is not None else None
            if ends is None or entry.token == _OLD:
                continue
            if ends <= now:
                entry.token = _OLD
            else:
                following = min(following, ends)
        self._timer = None
        self._ends = following
        if following < float("inf"):
            self._wake_at(following)

    def close(self) -> None:
        """Stop waiting for anything to end."""
        if self._timer is not None:
            self._timer.cancel()

    def _serve_stale(self, entry: Entry, since: float, now: float) -> Entry:
        self._stats.served_stale += 1
        if now - since > self._stale_seconds:
            self._stats.stale_warnings += 1
            if now >= self._say_at:
                self._say_at = now + SAY_SECONDS
                log.warning("the database does not answer: serving what was last known", seconds=round(now - since))
        return entry


def _keep(entries: OrderedDict[str, Entry], limit: int, name: str, entry: Entry) -> Entry:
    entries[name] = entry
    entries.move_to_end(name)
    while len(entries) > limit:
        entries.popitem(last=False)
    return entry
