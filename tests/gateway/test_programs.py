"""What versions run, remembered: used only when the database does not answer."""

from __future__ import annotations

import pytest

from gateway.errors import RoutesUnavailable
from gateway.programs import Programs
from sandbox import Program
from sandbox.bundle import Bundle
from tenants.errors import VersionNotFound


class World:
    """A database of programs."""

    def __init__(self, budget: int = 1_000) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.programs = Programs(self.load, budget_bytes=budget)

    async def load(self, version_id: str) -> Program:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Program(Bundle.js(f"// {version_id}"), image=b"x" * 90)


async def test_the_database_is_asked_first() -> None:
    world = World()
    for _ in range(3):
        assert (await world.programs.get("v1")).image
    assert (world.asked, len(world.programs)) == (3, 1)


async def test_what_was_loaded_is_there_when_the_database_is_not() -> None:
    world = World()
    loaded = await world.programs.get("v1")
    world.error = RoutesUnavailable()
    assert await world.programs.get("v1") is loaded
    with pytest.raises(RoutesUnavailable):
        await world.programs.get("v2")


async def test_an_answer_is_an_answer() -> None:
    world = World()
    await world.programs.get("v1")
    world.error = VersionNotFound()
    with pytest.raises(VersionNotFound):
        await world.programs.get("v1")


async def test_no_more_is_kept_than_the_budget() -> None:
    world = World(budget=300)
    for number in range(10):
        await world.programs.get(f"v{number}")
    await world.programs.get("v8")
    assert len(world.programs) == 3
    world.error = RoutesUnavailable()
    for version_id in ("v7", "v8", "v9"):
        await world.programs.get(version_id)
    with pytest.raises(RoutesUnavailable):
        await world.programs.get("v0")


async def test_one_that_is_too_large_is_not_kept() -> None:
    world = World(budget=10)
    await world.programs.get("v1")
    assert len(world.programs) == 0
