"""The pool: hits and misses, eviction by bytes, single flight, tenants that never meet."""

from __future__ import annotations

import asyncio

import pytest

from sandbox import Bundle, HostelError, Limits, Program, Request, Sandbox, Target, WorkerKey
from sandbox.errors import MemoryExceeded
from sandbox.limits import MIB
from sandbox.pool import pool

HELLO = "let n = 0; export default { fetch: () => new Response(NAME + ++n) }"


def target(tenant: str, version: str, *, loads: list[str] | None = None, **settings: object) -> Target:
    bundle = Bundle.js(HELLO.replace("NAME", repr(f"{tenant}/{version}:")))

    async def source() -> Program:
        if loads is not None:
            loads.append(version)
            await asyncio.sleep(0.01)
        return Program(bundle)

    return Target(WorkerKey(tenant, "w", version), source, **settings)  # type: ignore[arg-type]


async def ask(box: Sandbox, where: Target) -> str:
    return await (await box.dispatch(where, Request("GET", "http://example.com/"))).text()


async def test_a_hundred_first_requests_make_one_load(box: Sandbox) -> None:
    loads: list[str] = []
    one = target("t", "1", loads=loads)
    answers = await asyncio.gather(*(ask(box, one) for _ in range(100)))
    assert loads == ["1"]
    assert len(answers) == 100


async def test_keys_of_two_tenants_never_meet(box: Sandbox) -> None:
    assert await ask(box, target("a", "1")) == "a/1:1"
    assert await ask(box, target("b", "1")) == "b/1:1"
    assert await ask(box, target("a", "1")) == "a/1:2"


async def test_the_least_recently_used_goes_first(small_box: Sandbox) -> None:
    targets = [target("t", str(number)) for number in range(40)]
    for each in targets:
        await ask(small_box, each)
        await ask(small_box, targets[0])
    pool = small_box.stats()["pool"]
    assert pool["evictions"] > 0
    assert pool["bytes"] <= pool["budget_bytes"]
    # The one that was asked for all along is still there.
    assert await ask(small_box, targets[0]) == "t/0:42"


async def test_eviction_by_prefix(box: Sandbox) -> None:
    await ask(box, target("t", "1"))
    await ask(box, target("u", "1"))
    assert box.evict("t-") == 1
    assert await ask(box, target("t", "1")) == "t/1:1"
    assert await ask(box, target("u", "1")) == "u/1:2"


async def test_fresh_instances_serve_once(box: Sandbox) -> None:
    fresh = target("t", "1", mode="fresh")
    assert [await ask(box, fresh) for _ in range(3)] == ["t/1:1"] * 3
    assert box.stats()["pool"]["instances"] == 0


async def test_concurrency_in_a_pair(box: Sandbox) -> None:
    slow = "export default { async fetch() { await new Promise((r) => setTimeout(r, 300)); return new Response('x') } }"
    worker = await box.load("slow", Bundle.js(slow), limits=Limits(concurrency=4))
    # Four run, eight wait, one more is refused.
    tasks = [asyncio.ensure_future(worker.fetch("http://example.com/")) for _ in range(12)]
    await asyncio.sleep(0.05)
    with pytest.raises(HostelError) as caught:
        await worker.fetch("http://example.com/")
    assert (caught.value.code, caught.value.status) == ("tenant_concurrency_exceeded", 429)
    assert [await (await task).text() for task in tasks] == ["x"] * 12
    assert await (await worker.fetch("http://example.com/")).text() == "x"


async def test_a_failing_source_is_not_remembered(box: Sandbox) -> None:
    failing = True
    bundle = Bundle.js("export default { fetch: () => new Response('ok') }")

    async def source() -> Program:
        if failing:
            raise HostelError("not now")
        return Program(bundle)

    where = Target(WorkerKey("t", "w", "1"), source)
    with pytest.raises(HostelError, match="not now"):
        await ask(box, where)
    failing = False
    assert await ask(box, where) == "ok"


async def test_a_prewarmed_version_is_loaded_once_and_not_again(box: Sandbox) -> None:
    loads: list[str] = []
    one = target("t", "1", loads=loads)
    await box.prewarm(one)
    assert await ask(box, one) == "t/1:1"
    assert loads == ["1"]


async def test_what_is_pinned_stays(small_box: Sandbox) -> None:
    small_box.pin(["t-w-0"])
    for number in range(40):
        await ask(small_box, target("t", f"{number}x"))
    assert small_box.stats()["pool"]["evictions"] > 0
    assert await ask(small_box, target("t", "0x")) == "t/0x:2"
    assert await ask(small_box, target("t", "1x")) == "t/1x:1"


async def test_another_memory_limit_holds_from_the_next_request_on(box: Sandbox) -> None:
    tall, flat = Limits(memory_bytes=64 * MIB), Limits(memory_bytes=8 * MIB)
    source = "export default { fetch(r) { return new Response(String(new Uint8Array(32e6).fill(7)[31e6])) } }"

    async def program() -> Program:
        return Program(Bundle.js(source))

    def under(limits: Limits) -> Target:
        return Target(WorkerKey("t", "w", "1"), program, limits)

    assert await ask(box, under(tall)) == "7"
    with pytest.raises(MemoryExceeded):
        await ask(box, under(flat))
    assert await ask(box, under(tall)) == "7"
    assert await ask(box, under(tall)) == "7"
    assert box.evict("t-w-1") >= 1


async def test_requests_under_way_survive_a_change_of_their_memory_limit(box: Sandbox) -> None:
    source = "export default { async fetch() { await scheduler.wait(150); return new Response('late') } }"

    async def program() -> Program:
        return Program(Bundle.js(source))

    def under(memory: int) -> Target:
        return Target(WorkerKey("t", "w", "1"), program, Limits(memory_bytes=memory))

    early = [asyncio.create_task(ask(box, under(64 * MIB))) for _ in range(3)]
    while box.stats()["pool"]["instances_busy"] < 3:
        await asyncio.sleep(0.005)
    assert await ask(box, under(32 * MIB)) == "late"
    assert await asyncio.gather(*early) == ["late"] * 3
    # The old instances are gone, the new one is kept.
    async with asyncio.timeout(10):
        while box.stats()["pool"]["instances"] != 1:
            await asyncio.sleep(0.01)


async def test_memory_is_given_back_while_a_burst_leaves_and_when_it_has_gone(small_box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(pool, "TRIM_AFTER", 3)
    monkeypatch.setattr(pool, "give_back_memory", lambda: done.append("trim"))
    monkeypatch.setattr(pool, "empty_free_lists", lambda: done.append("lists"))
    sweep = small_box._pool.sweep
    for version in range(2):
        await ask(small_box, target("t", str(version)))
    small_box.evict("t-")
    sweep()
    # Two are no burst.
    assert done == []
    for version in range(4):
        await ask(small_box, target("t", str(version)))
    small_box.evict("t-")
    sweep()
    assert done == ["trim"]
    for _ in range(10):
        sweep()
    assert done == ["trim", *["lists", "trim"] * pool.TIDYING]
