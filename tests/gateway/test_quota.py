"""The door of a tenant with quotas: what passes, what visitors are told, what a store costs that is far away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway import quota as module
from gateway.errors import RequestsExceeded
from gateway.pages import render
from gateway.quota import Quotas
from gateway.stats import Stats
from tenants.quotas import Counter, StoreFailed, Taken
from tenants.rollout import WorkerRoute

MINUTE = 1_800_000_000


def route(*quotas: tuple[str, int], tenant: int = 1, told: bool = True) -> WorkerRoute:
    return WorkerRoute(
        tenant, "acme", "0" * 32, False, 1, "w", "t" * 32, "reuse", "d", (), quotas=tuple(quotas), quota_headers=told
    )  # fmt: skip


class Counts:
    """A store that counts, and can be slow or broken."""

    def __init__(self, *, local: bool) -> None:
        self.local = local
        self.counts: dict[str, int] = {}
        self.trips = 0
        self.broken = False
        self.lock = threading.Lock()

    def take(self, counters: tuple[Counter, ...], want: int, *, spent: int = 0, now: float) -> Taken:
        self.trips += 1
        if self.broken:
            raise StoreFailed("gone")
        with self.lock:
            used = [self.counts.get(counter.key, 0) + spent for counter in counters]
            granted = max(0, min(want, *(counter.limit - count for counter, count in zip(counters, used, strict=True))))
            self.counts.update({counter.key: count + granted for counter, count in zip(counters, used, strict=True)})
            return Taken(granted, tuple(count + granted for count in used))

    def give(self, counters: tuple[Counter, ...], units: int, *, now: float) -> None:
        if self.broken:
            raise StoreFailed("gone")
        for counter in counters:
            self.counts[counter.key] -= units

    def used(self, counters: tuple[Counter, ...], *, now: float) -> tuple[int, ...]:
        return tuple(self.counts.get(counter.key, 0) for counter in counters)


class World:
    def __init__(self, *, local: bool) -> None:
        self.now = MINUTE + 5.0
        self.store, self.stats = Counts(local=local), Stats()
        self.gate: asyncio.Event | None = None
        self.doors = [self.door() for _ in range(1)]

    def door(self) -> Quotas:
        return Quotas(self.store, self.ask, self.stats, clock=lambda: self.now)  # type: ignore[arg-type]

    async def ask(self, question: Callable[[], Any]) -> Any:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        return question()

    async def passes(self, where: WorkerRoute, door: int = 0) -> bool:
        try:
            await self.doors[door].admit(where)
        except RequestsExceeded:
            return False
        return True


@pytest.fixture(params=["local", "remote"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made = World(local=request.param == "local")
    yield made
    made.store.broken = False
    for door in made.doors:
        await door.close()


@pytest.fixture
async def remote() -> AsyncIterator[World]:
    made = World(local=False)
    yield made
    made.store.broken = False
    for door in made.doors:
        await door.close()


async def test_exactly_as_many_pass_as_may(world: World) -> None:
    where = route(("requests_per_minute", 100), ("requests_per_day", 1_000))
    world.doors += [world.door() for _ in range(3)]
    passed = await asyncio.gather(*(world.passes(where, door=number % 4) for number in range(1_000)))
    assert sum(passed) == 100
    assert sorted(world.store.counts.values()) == [100, 100]


async def test_visitors_are_told_what_is_left(world: World) -> None:
    where = route(("requests_per_minute", 3), ("requests_per_day", 2))
    told = dict(await world.doors[0].admit(where))
    assert told[b"ratelimit-policy"] == b'"requests_per_minute";q=3;w=60, "requests_per_day";q=2;w=86400'
    day = (MINUTE // 86_400 + 1) * 86_400 - MINUTE - 5
    assert told[b"ratelimit"] == b'"requests_per_minute";r=2;t=55, "requests_per_day";r=1;t=%d' % day
    await world.doors[0].admit(where)
    with pytest.raises(RequestsExceeded) as refused:
        await world.doors[0].admit(where)
    # Not the minute: when the day is over there is something to be had again.
    assert refused.value.detail == {"retry_after": day, "quota": "requests_per_day", "limit": 2}
    status, head, body = render(refused.value, request_id="r", accept=b"")
    shown = dict(head)
    assert (status, shown[b"retry-after"], shown[b"hostel-error"]) == (429, b"%d" % day, b"tenant_requests_exceeded")
    assert shown[b"ratelimit"].startswith(b'"requests_per_minute";r=1;t=55')
    # The quota's value is in headers that a plan can switch off, never on the page.
    assert b"quota" not in body


async def test_a_plan_may_keep_it_from_them(world: World) -> None:
    where = route(("requests_per_minute", 1), told=False)
    assert await world.doors[0].admit(where) == []
    with pytest.raises(RequestsExceeded) as refused:
        await world.doors[0].admit(where)
    assert refused.value.headers == []
    assert refused.value.detail["retry_after"] == 55


async def test_the_next_period_begins_anew(world: World) -> None:
    where = route(("requests_per_minute", 2))
    assert [await world.passes(where) for _ in range(3)] == [True, True, False]
    world.now += 54.9
    assert not await world.passes(where)
    world.now += 0.1
    assert [await world.passes(where) for _ in range(3)] == [True, True, False]


async def test_a_changed_quota_counts_at_once(world: World) -> None:
    assert [await world.passes(route(("requests_per_minute", 1))) for _ in range(2)] == [True, False]
    assert [await world.passes(route(("requests_per_minute", 3))) for _ in range(3)] == [True, True, False]
    assert not await world.passes(route(("requests_per_minute", 2)))


async def test_tenants_do_not_share(world: World) -> None:
    assert [await world.passes(route(("requests_per_minute", 1), tenant=tenant)) for tenant in (1, 2, 1)] == [True, True, False]


async def test_when_nothing_can_be_counted_visitors_pass_and_are_counted_later(world: World) -> None:
    where = route(("requests_per_minute", 10))
    world.store.broken = True
    assert all([await world.passes(where) for _ in range(8)])
    assert (world.store.trips, world.stats.quota_uncounted) == (1, 8)
    world.store.broken = False
    world.now += module.AGAIN_SECONDS
    assert [await world.passes(where) for _ in range(3)] == [True, True, False]
    assert list(world.store.counts.values()) == [10]


async def test_a_store_far_away_is_asked_once_for_many(remote: World) -> None:
    where = route(("requests_per_minute", 1_000_000))
    await asyncio.gather(*(remote.passes(where) for _ in range(500)))
    assert remote.store.trips == 1
    await asyncio.gather(*(remote.passes(where) for _ in range(1)))
    trips = remote.store.trips
    for _ in range(module.STOCK_MOST):
        assert await remote.passes(where)
    assert remote.store.trips == trips
    assert remote.store.counts[next(iter(remote.store.counts))] == 501 + module.STOCK_MOST


async def test_few_units_are_never_kept_in_stock(remote: World) -> None:
    where = route(("requests_per_minute", module.STOCK_PART))
    for count in range(1, 50):
        assert await remote.passes(where)
        assert list(remote.store.counts.values()) == [count]


async def test_what_is_not_used_is_given_back(remote: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    where = route(("requests_per_minute", 100_000), ("requests_per_day", 100_000))
    await remote.passes(where)
    await remote.passes(where)
    assert min(remote.store.counts.values()) > 100
    remote.doors[0].start()
    remote.now += 1
    async with asyncio.timeout(10):
        while max(remote.store.counts.values()) > 2:
            await asyncio.sleep(0.005)
    assert set(remote.store.counts.values()) == {2}
    # And those who had to be refused meanwhile come again a second later.
    remote.now += module.FORGET_SECONDS
    async with asyncio.timeout(10):
        while remote.doors[0]._meters:
            await asyncio.sleep(0.005)


async def test_closing_gives_everything_back(remote: World) -> None:
    where = route(("requests_per_minute", 100_000))
    await remote.passes(where)
    await remote.passes(where)
    await remote.doors[0].close()
    assert list(remote.store.counts.values()) == [2]


async def test_a_period_that_ends_while_the_store_is_asked(remote: World) -> None:
    where = route(("requests_per_minute", 100_000), ("requests_per_day", 100_000))
    await remote.passes(where)
    remote.gate = asyncio.Event()
    waiting = asyncio.create_task(remote.passes(where))
    await asyncio.sleep(0)
    remote.now += 60
    later = asyncio.create_task(remote.passes(where))
    await asyncio.sleep(0)
    remote.gate.set()
    assert await waiting
    assert await later
    await remote.doors[0].close()
    by_end = [count for key, count in sorted(remote.store.counts.items()) if "minute" in key]
    assert (sum(by_end), remote.store.counts[next(key for key in remote.store.counts if "day" in key)]) == (3, 3)


async def test_who_leaves_while_waiting_uses_nothing(remote: World) -> None:
    where = route(("requests_per_minute", 1))
    remote.gate = asyncio.Event()
    leaving, staying = asyncio.create_task(remote.passes(where)), asyncio.create_task(remote.passes(where))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    remote.gate.set()
    assert await staying
