"""Recycling: a reset instance is the base image again, whatever was done to it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import Bundle, Limits, Sandbox
from sandbox.engine.engine import Engine
from sandbox.guest import build, wasmfile


@pytest.fixture(scope="module")
def engine(guest_home: Path) -> Iterator[Engine]:
    engine = Engine(build.install(guest_home))
    if not engine.recycler.able:
        pytest.skip("this kernel cannot tell what was written (Linux 6.7 can)")
    yield engine
    engine.close()


def memory(engine: Engine) -> bytes:
    """What the next instance starts with."""
    instance = engine.instantiate(1 << 28)
    held = ctypes.string_at(instance.raw.data, instance.memory)
    instance.close()
    return held


def test_every_byte_is_put_back(engine: Engine) -> None:
    from sandbox.engine import recycle

    instance = engine.instantiate(1 << 28)
    ctypes.memset(instance.raw.data, 0xA5, instance.memory)
    worth, recycle.WORTH_BYTES = recycle.WORTH_BYTES, 1 << 30
    try:
        assert engine.recycler.reset(instance.raw)
    finally:
        recycle.WORTH_BYTES = worth
    assert ctypes.string_at(instance.raw.data, instance.memory) == engine.base
    instance.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**7), st.binary(min_size=1, max_size=10_000)), max_size=20))
def test_whatever_was_written_is_put_back(engine: Engine, writes: list[tuple[int, bytes]]) -> None:
    instance = engine.instantiate(1 << 28)
    for at, data in writes:
        place = at % (instance.memory - len(data))
        ctypes.memmove(instance.raw.data + place, data, len(data))
    engine.retire(instance)
    assert len(engine.recycler) == 1
    assert memory(engine) == engine.base


def test_what_is_not_whole_is_not_kept(engine: Engine) -> None:
    grown = engine.instantiate(1 << 28)
    grown.raw.grow_to(grown.memory + 65536)
    engine.retire(grown)
    under_way = engine.instantiate(1 << 28)
    under_way.start(bytes(40))
    engine.retire(under_way)
    assert len(engine.recycler) == 0


def test_the_stack_pointer_is_the_only_global_that_moves(guest_home: Path) -> None:
    guest = build.install(guest_home)
    sections = wasmfile.parse((guest.code.parent / "guest.wasm").read_bytes())
    body = next(section.body for section in sections if section.id == 6)
    count, at = wasmfile.read_uleb(body, 0)
    mutable = 0
    for _ in range(count):
        mutable += body[at + 1]
        # type, mutability, i32.const n, end
        assert body[at + 2] == 0x41
        at += 3
        while body[at] & 0x80:
            at += 1
        at += 2
    assert (at, mutable) == (len(body), 1)
    assert not any(section.id == 2 for section in sections), "the guest imports something"


async def test_nothing_of_a_tenant_is_left_for_the_next(box: Sandbox) -> None:
    secret = "the-first-tenants-secret"
    source = f"globalThis.kept = []; export default {{ fetch() {{ kept.push('{secret}' + Math.random()); return new Response(kept[0]) }} }}"
    first = await box.load("first", Bundle.js(source), mode="fresh")
    for _ in range(10):
        await (await first.fetch("http://example.com/")).text()
    assert box.stats()["recycling"]["recycled"] > 5
    engine = box._engine
    while len(engine.recycler):
        instance = engine.instantiate(1 << 28)
        assert secret.encode() not in ctypes.string_at(instance.raw.data, instance.memory)
        instance.close()


async def test_a_recycled_instance_has_its_own_memory_limit(box: Sandbox) -> None:
    source = "export default { fetch: () => new Response(String(new Uint8Array(40e6).length)) }"
    roomy = await box.load("roomy", Bundle.js("export default { fetch: () => new Response('x') }"), mode="fresh")
    await (await roomy.fetch("http://example.com/")).text()
    tight = await box.load("tight", Bundle.js(source), limits=Limits(memory_bytes=16 * 1024 * 1024), mode="fresh")
    with pytest.raises(Exception, match="more memory"):
        await tight.fetch("http://example.com/")
