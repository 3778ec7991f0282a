"""How many requests of a tenant may come in a period.

Owns the decision at the door: whether one more request passes, and what the visitor is told of it. Exact over all processes, because units
are taken from one store (`tenants.quotas`). Where asking it takes a trip over the network or to a database, a process takes a few units
more than it has visitors waiting, a small part of what is left, and gives back within seconds what it does not use: the fewer are left, the
fewer lie about unused, and the last ones are taken one by one. A tenant without such a quota costs nothing here.

Must not keep visitors from being served when nothing can be counted: they pass, and are counted afterwards.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from gateway.errors import RequestsExceeded
from tenants.definitions import DEFINITIONS, PERIOD_SECONDS, window_ends
from tenants.quotas import Counter, Store, StoreFailed, Taken

if TYPE_CHECKING:
    from gateway.stats import Stats
    from sandbox.http import Headers
    from tenants.rollout import WorkerRoute

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")
# Asks in a thread, so that the event loop need not wait.
Ask = Callable[[Callable[[], Any]], Awaitable[Any]]

# Units taken ahead: this part of what is left, and no more than so many.
STOCK_PART: Final = 256
STOCK_MOST: Final = 1_000
# How often unused units are given back.
SWEEP_SECONDS: Final = 1.0
# A store that had nothing left, or did not answer, is left alone this long: others may give units back meanwhile.
AGAIN_SECONDS: Final = 1.0
# What is known of a tenant whose visitors stay away this long is forgotten.
FORGET_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Meter:
    """What this process knows of one tenant's quotas."""

    quotas: tuple[tuple[str, int], ...]
    counters: tuple[Counter, ...] = ()
    policy: bytes = b""
    # When the first of the periods is over.
    ends: float = 0.0
    # What the store said last.
    used: tuple[int, ...] = ()
    # Units that are counted and not yet used.
    stock: int = 0
    # Requests that passed uncounted.
    spent: int = 0
    # Until then there is nothing left, or nobody who could tell.
    empty_until: float = 0.0
    silent_until: float = 0.0
    touched: float = 0.0
    waiting: deque[asyncio.Future[bool]] = field(default_factory=deque)
    flight: asyncio.Task[None] | None = None


class Quotas:
    """Of one process and event loop; `start` it, `close` it."""

    def __init__(self, store: Store, ask: Ask, stats: Stats, *, clock: Callable[[], float] = time.time) -> None:
        """Count in `store`; where it is not local it is asked through `ask`. `clock` gives seconds since 1970."""
        self._store, self._ask, self._stats, self._clock = store, ask, stats, clock
        self._meters: dict[int, _Meter] = {}
        self._giving: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to give back what is not used."""
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def close(self) -> None:
        """Give everything back."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        for meter in list(self._meters.values()):
            if meter.flight is not None:
                await asyncio.gather(meter.flight, return_exceptions=True)
            await self._settle(meter)
        await asyncio.gather(*self._giving, return_exceptions=True)

    async def admit(self, route: WorkerRoute) -> Headers:
        """Count one request to `route`, which has quotas; the headers that say what is left. Raises `RequestsExceeded`."""
        now = self._clock()
        meter = self._meters.get(route.tenant_id)
        if meter is None:
            meter = self._meters[route.tenant_id] = _Meter(route.quotas)
        if now >= meter.ends or meter.quotas != route.quotas:
            self._renew(meter, route, now)
        meter.touched = now
        passes = self._pass_local(meter, now) if self._store.local else await self._pass(meter, now)
        if not passes:
            raise self._exceeded(meter, now, told=route.quota_headers)
        return self._left(meter, now) if route.quota_headers else []

    def _renew(self, meter: _Meter, route: WorkerRoute, now: float) -> None:
        """A period is over, or the quotas have changed."""
        if meter.stock:
            units, meter.stock = meter.stock, 0
            self._give_later(meter.counters, units)
        meter.quotas = route.quotas
        meter.counters = tuple(_counter(route.tenant_id, name, limit, now) for name, limit in route.quotas)
        meter.policy = _policy(meter.counters)
        meter.ends = min(counter.ends for counter in meter.counters)
        meter.used = (0,) * len(meter.counters)
        meter.empty_until = 0.0

    def _pass_local(self, meter: _Meter, now: float) -> bool:
        if now < meter.silent_until:
            self._uncounted(meter, 1)
            return True
        try:
            taken = self._store.take(meter.counters, 1, spent=meter.spent, now=now)
        except StoreFailed as error:
            meter.silent_until = now + AGAIN_SECONDS
            self._uncounted(meter, 1, error)
            return True
        meter.used, meter.spent = taken.used, 0
        return taken.granted > 0

    async def _pass(self, meter: _Meter, now: float) -> bool:
        if meter.stock:
            meter.stock -= 1
            return True
        if now < meter.silent_until:
            self._uncounted(meter, 1)
            return True
        if now < meter.empty_until:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        meter.waiting.append(future)
        if meter.flight is None:
            meter.flight = asyncio.get_running_loop().create_task(self._fetch(meter))
        return await future

    async def _fetch(self, meter: _Meter) -> None:
        """Ask the store for those who wait, until nobody does."""
        try:
            while meter.waiting:
                counters, spent, count = meter.counters, meter.spent, len(meter.waiting)
                left = min(counter.limit - used for counter, used in zip(counters, meter.used, strict=True))
                # Before the first answer nothing is known to be left.
                ahead = min(STOCK_MOST, max(0, left) // STOCK_PART) if any(meter.used) else 0
                await self._serve(meter, counters, count, ahead, spent)
        finally:
            meter.flight = None
            while meter.waiting:
                # Only a cancelled flight leaves somebody waiting: the process ends.
                _tell(meter.waiting.popleft(), True)

    async def _serve(self, meter: _Meter, counters: tuple[Counter, ...], count: int, ahead: int, spent: int) -> None:
        now = self._clock()
        try:
            taken: Taken = await self._ask(lambda: self._store.take(counters, count + ahead, spent=spent, now=now))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from counting, visitors are served
            meter.silent_until = now + AGAIN_SECONDS
            waiting = [meter.waiting.popleft() for _ in range(len(meter.waiting))]
            self._uncounted(meter, sum(_tell(future, True) for future in waiting), error)
            return
        meter.spent -= spent
        units = taken.granted
        refused = False
        for _ in range(count):
            passes = units > 0
            # Whoever has left meanwhile uses no unit.
            if _tell(meter.waiting.popleft(), passes):
                units -= passes
                refused = refused or not passes
        if meter.counters is not counters:
            # The period went over while the store was asked: what came of it is of no use in the next.
            self._give_later(counters, units)
            return
        meter.used = taken.used
        meter.stock += units
        if refused:
            meter.empty_until = now + AGAIN_SECONDS

    def _uncounted(self, meter: _Meter, requests: int, error: Exception | None = None) -> None:
        if error is not None:
            log.warning("quotas are not counted", error=str(error))
        meter.spent += requests
        self._stats.quota_uncounted += requests

    def _left(self, meter: _Meter, now: float) -> Headers:
        return [(b"ratelimit-policy", meter.policy), (b"ratelimit", self._state(meter, now))]

    def _state(self, meter: _Meter, now: float) -> bytes:
        return b", ".join(
            b'"%s";r=%d;t=%d' % (counter.name.encode(), max(0, counter.limit - used + meter.stock), math.ceil(counter.ends - now))
            for counter, used in zip(meter.counters, meter.used, strict=True)
        )

    def _exceeded(self, meter: _Meter, now: float, *, told: bool) -> RequestsExceeded:
        over = [counter for counter, used in zip(meter.counters, meter.used, strict=True) if used >= counter.limit]
        # All of them have to be over.
        ends = max((counter.ends for counter in over), default=now)
        retry_after = max(1, math.ceil(ends - now))
        return RequestsExceeded(
            headers=self._left(meter, now) if told else [],
            retry_after=retry_after,
            quota=over[0].name if over else None,
            limit=over[0].limit if over else None,
        )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock()
            for tenant_id, meter in list(self._meters.items()):
                idle = now - meter.touched
                if idle > SWEEP_SECONDS and now >= meter.silent_until:
                    await self._settle(meter)
                if idle > FORGET_SECONDS and meter.flight is None and not meter.stock and not meter.spent:
                    del self._meters[tenant_id]

    async def _settle(self, meter: _Meter) -> None:
        """Give back what is not used, and have counted what was not."""
        units, meter.stock = meter.stock, 0
        if units:
            await self._give(meter.counters, units)
        if meter.spent:
            counters, spent, now = meter.counters, meter.spent, self._clock()
            try:
                await self._ask(lambda: self._store.take(counters, 0, spent=spent, now=now))
            except Exception as error:  # noqa: BLE001 - tried again with the next request, or the next time
                log.warning("quotas are not counted", error=str(error))
            else:
                meter.spent -= spent

    def _give_later(self, counters: tuple[Counter, ...], units: int) -> None:
        if units:
            task = asyncio.get_running_loop().create_task(self._give(counters, units))
            self._giving.add(task)
            task.add_done_callback(self._giving.discard)

    async def _give(self, counters: tuple[Counter, ...], units: int) -> None:
        now = self._clock()
        try:
            await self._ask(lambda: self._store.give(counters, units, now=now))
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            # They stay counted, so that nothing is allowed twice.
            log.warning("unused units of a quota could not be given back", units=units, error=str(error))


def _counter(tenant_id: int, name: str, limit: int, now: float) -> Counter:
    period = DEFINITIONS[name].period
    assert period is not None
    return Counter(tenant_id, name, window_ends(period, now), limit)


def _policy(counters: tuple[Counter, ...]) -> bytes:
    def one(counter: Counter) -> bytes:
        period = DEFINITIONS[counter.name].period
        assert period is not None
        return b'"%s";q=%d;w=%d' % (counter.name.encode(), counter.limit, PERIOD_SECONDS[period])

    return b", ".join(map(one, counters))


def _tell(future: asyncio.Future[bool], passes: bool) -> bool:
    """Let somebody pass or not; False where nobody waits any more."""
    if future.done():
        return False
    future.set_result(passes)
    return True
