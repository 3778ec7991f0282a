"""The route cache: how often the directory is asked, and what is served when it does not answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway import routes as module
from gateway.errors import RoutesUnavailable
from gateway.hosts import Host
from gateway.routes import Routes
from gateway.stats import Stats
from sandbox.limits import Limits
from tenants.rollout import RouteVersion, WorkerRoute


def route(name: str, version: str = "v1") -> WorkerRoute:
    versions = (RouteVersion(version, 1, "", "2026-11-22T00:00:00+00:00", 10_000, Limits()),)
    return WorkerRoute(1, "acme", "0" * 32, False, 1, name, "t" * 32, "reuse", "d", versions)


class World:
    """A directory, an epoch and a clock that tests move."""

    def __init__(self) -> None:
        self.hosts: dict[str, WorkerRoute] = {"a.acme.localhost": route("a")}
        self.epoch = (1, 0)
        self.now = 1000.0
        self.asked: list[str] = []
        self.down: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.stats = Stats()
        self.routes = Routes(self.lookup, lambda: self.epoch, self.stats, clock=lambda: self.now, wall=lambda: self.now)

    async def lookup(self, host: Host) -> WorkerRoute | None:
        self.asked.append(host.name)
        if self.gate is not None:
            await self.gate.wait()
        if self.down is not None:
            raise self.down
        return self.hosts.get(host.name)

    async def get(self, name: str = "a.acme.localhost") -> WorkerRoute | None:
        host = Host(name, name)
        return (self.routes.peek(host) or await self.routes.find(host)).route


@pytest.fixture
def world() -> World:
    return World()


async def test_a_host_is_looked_up_once(world: World) -> None:
    for _ in range(5):
        assert await world.get() == route("a")
    assert world.asked == ["a.acme.localhost"]


async def test_a_change_is_seen_by_the_next_request(world: World) -> None:
    await world.get()
    world.hosts["a.acme.localhost"] = route("a", "v2")
    world.epoch = (2, 0)
    assert (await world.get()).versions[0].id == "v2"
    world.epoch = (2, 1)
    del world.hosts["a.acme.localhost"]
    assert await world.get() is None


async def test_a_change_during_a_lookup_is_not_missed(world: World) -> None:
    world.gate = asyncio.Event()
    first = asyncio.ensure_future(world.get())
    await asyncio.sleep(0.01)
    world.epoch = (2, 0)
    late = asyncio.ensure_future(world.get())
    world.gate.set()
    assert await first == await late == route("a")
    assert len(world.asked) == 2


async def test_a_lookup_that_has_just_landed_is_not_joined(world: World) -> None:
    """A request that arrives between the end of an old lookup and its clearing away used to be given the old answer twice."""
    old: asyncio.Future[WorkerRoute | None] = asyncio.get_running_loop().create_future()

    async def slow(host: Host) -> WorkerRoute | None:
        world.asked.append(host.name)
        return await old if len(world.asked) == 1 else world.hosts.get(host.name)

    world.routes = Routes(slow, lambda: world.epoch, world.stats)
    first = asyncio.ensure_future(world.get())
    await asyncio.sleep(0.01)
    world.epoch = (2, 0)
    del world.hosts["a.acme.localhost"]
    old.set_result(route("a"))
    # Runs in the same round of the loop as the end of the lookup, after it.
    late = asyncio.ensure_future(world.get())
    assert await late is None
    assert await first is None


async def test_a_hundred_simultaneous_requests_make_one_lookup(world: World) -> None:
    world.gate = asyncio.Event()
    tasks = [asyncio.ensure_future(world.get()) for _ in range(100)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    world.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [route("a")] * 99
    assert len(world.asked) == 1


async def test_an_unknown_host_is_remembered_for_a_while(world: World) -> None:
    for _ in range(3):
        assert await world.get("nobody") is None
    assert len(world.asked) == 1
    world.now += module.NEGATIVE_SECONDS + 1
    await world.get("nobody")
    assert len(world.asked) == 2
    world.hosts["nobody"] = route("b")
    world.epoch = (2, 0)
    assert await world.get("nobody") == route("b")


async def test_unknown_hosts_do_not_fill_the_memory(world: World) -> None:
    for index in range(module.NEGATIVE_ENTRIES + 100):
        await world.get(f"h{index}")
    assert len(world.routes._unknown) == module.NEGATIVE_ENTRIES


async def test_a_flood_of_invented_hosts_is_bounded(world: World) -> None:
    world.gate = asyncio.Event()
    tasks = [asyncio.ensure_future(world.get(f"h{index}")) for index in range(module.FLIGHTS + 10)]
    await asyncio.sleep(0)
    assert len(world.routes._flights) == module.FLIGHTS
    world.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(result, RoutesUnavailable) for result in results) == 10
    assert world.routes._flights == {}


@pytest.mark.parametrize("down", [RoutesUnavailable(), RuntimeError("boom")])
async def test_what_is_known_is_served_while_the_database_is_down(world: World, down) -> None:
    await world.get()
    world.epoch = (2, 0)
    world.down = down
    for _ in range(10):
        assert await world.get() == route("a")
    # Asked once, then left alone for a second.
    assert len(world.asked) == 2
    assert world.stats.served_stale == 10
    world.now += module.RETRY_SECONDS
    await world.get()
    await asyncio.sleep(0.01)
    assert len(world.asked) == 3
    assert world.stats.stale_warnings == 0
    # However long it lasts; but past ten seconds every such answer counts as a warning.
    for seconds in (module.STALE_SECONDS, 86_400):
        world.now += seconds
        assert await world.get() == route("a")
    assert world.stats.stale_warnings == 2
    world.down = None
    world.now += module.RETRY_SECONDS
    world.hosts["a.acme.localhost"] = route("a", "v2")
    # Looked up behind the visitor's back: this one still gets what was known.
    assert (await world.get()).versions[0].id == "v1"
    await asyncio.sleep(0.01)
    assert (await world.get()).versions[0].id == "v2"
    assert world.stats.stale_warnings == 3


async def test_nobody_waits_for_a_database_that_is_known_not_to_answer(world: World, monkeypatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.02)
    await world.get()
    world.epoch = (2, 0)
    world.gate = asyncio.Event()
    # The first one waits, and gives up; the rest do not even begin to.
    await world.get()
    monkeypatch.setattr(module, "WAIT_SECONDS", 3600)
    async with asyncio.timeout(5):
        for _ in range(100):
            await world.get()
    assert len(world.asked) == 2
    world.gate.set()
    await asyncio.sleep(0.01)
    assert world.stats.served_stale == 101
    await world.get()
    assert world.stats.served_stale == 101


async def test_nothing_moves_while_the_epoch_stands_even_if_the_database_is_down(world: World) -> None:
    await world.get()
    world.down = RuntimeError("boom")
    world.now += 10 * module.STALE_SECONDS
    assert await world.get() == route("a")
    assert len(world.asked) == 1


async def test_a_host_nobody_knows_needs_the_database(world: World) -> None:
    world.down = RoutesUnavailable()
    with pytest.raises(RoutesUnavailable):
        await world.get()


async def test_a_slow_database_is_not_waited_for(world: World, monkeypatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    await world.get()
    world.epoch = (2, 0)
    world.hosts["a.acme.localhost"] = route("a", "v2")
    world.gate = asyncio.Event()
    assert (await world.get()).versions[0].id == "v1"
    world.gate.set()
    await asyncio.sleep(0.01)
    assert (await world.get()).versions[0].id == "v2"
    assert len(world.asked) == 2


async def test_what_was_prepared_lives_as_long_as_the_route(world: World) -> None:
    host = Host("a.acme.localhost", "a.acme.localhost")
    (await world.routes.find(host)).prepared["x"] = 1
    world.epoch = (2, 0)
    assert (await world.routes.find(host)).prepared == {"x": 1}
    world.hosts[host.name] = route("a", "v2")
    world.epoch = (3, 0)
    assert (await world.routes.find(host)).prepared == {}


async def test_known_hosts_are_bounded(world: World, monkeypatch) -> None:
    monkeypatch.setattr(module, "POSITIVE_ENTRIES", 10)
    for index in range(20):
        world.hosts[f"h{index}"] = route(f"h{index}")
        await world.get(f"h{index}")
    assert len(world.routes) == 10


async def test_a_route_that_ends_by_itself_is_looked_up_at_that_moment(world: World) -> None:
    world.hosts["a.acme.localhost"] = replace(route("a"), expires=world.now + 0.02)
    world.hosts["b.acme.localhost"] = replace(route("b"), expires=world.now + 5_000)
    for name in world.hosts:
        await world.get(name)
    # The loop's timer has gone off, and the clock on the wall says that it is not yet time.
    await asyncio.sleep(0.05)
    await world.get()
    assert world.asked == ["a.acme.localhost", "b.acme.localhost"]
    world.now += 0.02
    world.hosts["a.acme.localhost"] = route("a")
    async with asyncio.timeout(10):
        while (await world.get()).expires is not None:
            await asyncio.sleep(0.005)
    await world.get("b.acme.localhost")
    assert world.asked == ["a.acme.localhost", "b.acme.localhost", "a.acme.localhost"]
    world.routes.close()


async def test_a_clock_that_is_set_forward_is_noticed(world: World, monkeypatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    world.hosts["a.acme.localhost"] = replace(route("a"), expires=world.now + 86_400)
    await world.get()
    world.now += 86_400
    world.hosts["a.acme.localhost"] = route("a")
    async with asyncio.timeout(10):
        while (await world.get()).expires is not None:
            await asyncio.sleep(0.005)
    world.routes.close()
