"""Limits in pairs: a worker inside its limit is served, one beyond it is stopped, and nobody else notices."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from sandbox import Bundle, HostelError, InvocationRecord, Limits, Outcome, Request, Sandbox, Worker, WorkerKey

RUNAWAYS = """
async function forever() { for (;;) await null; }
export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/loop": for (;;);
      case "/regexp": return new Response(String(/^(a+)+$/.test("a".repeat(40) + "!")));
      case "/allocate": { const all = []; for (;;) all.push(new Uint8Array(1024 * 1024).fill(1)); }
      case "/objects": { let all = null; for (;;) all = { all, more: [1, 2, 3] }; }
      case "/recurse": { const down = (n) => 1 + down(n + 1); return new Response(String(down(0))); }
      case "/microtasks": await forever();
      case "/string": { let text = "x"; for (;;) { text += text + text.length; text.charCodeAt(text.length - 1); } }
      case "/sort": { const a = Array.from({ length: 3e6 }, (_, i) => -i); for (;;) a.sort((x, y) => x - y); }
      case "/json": { let deep = "[".repeat(100000); return new Response(JSON.stringify(JSON.parse(deep))); }
      case "/never": return new Promise(() => {});
      case "/timers": { for (let i = 0; i < 10000; i++) setTimeout(() => {}, 3600e3); return new Promise(() => {}); }
      case "/within": { const until = 2e5; let sum = 0; for (let i = 0; i < until; i++) sum += i; return new Response(String(sum)); }
      default: return new Response("fine");
    }
  },
};
"""


async def load(box: Sandbox, **limits: int) -> Worker:
    return await box.load("runaway", Bundle.js(RUNAWAYS), limits=Limits(**limits))


async def failure(worker: Worker, path: str) -> HostelError:
    with pytest.raises(HostelError) as caught:
        await worker.fetch(f"http://example.com{path}")
    return caught.value


@pytest.mark.parametrize("path", ["/loop", "/regexp", "/microtasks", "/sort"])
async def test_cpu_violated(box: Sandbox, path: str) -> None:
    worker = await load(box, cpu_ms=60)
    started = time.monotonic()
    error = await failure(worker, path)
    assert (error.code, error.status) == ("worker_exceeded_cpu", 503)
    assert error.detail["limit"] == 60
    # Stopped at the limit, not long after: a slice is a few milliseconds (CPU time, so a busy machine changes nothing).
    assert 60_000 <= error.detail["used_us"] < 75_000
    assert time.monotonic() - started < 10
    assert await (await worker.fetch("http://example.com/")).text() == "fine"


async def test_cpu_obeyed(box: Sandbox) -> None:
    worker = await load(box, cpu_ms=2000)
    assert await (await worker.fetch("http://example.com/within")).text() == "19999900000"


@pytest.mark.parametrize("path", ["/allocate", "/objects", "/string"])
async def test_memory_violated(box: Sandbox, path: str) -> None:
    worker = await load(box, cpu_ms=20_000, memory_bytes=32 * 1024 * 1024)
    error = await failure(worker, path)
    assert (error.code, error.status) == ("worker_exceeded_memory", 503)
    assert await (await worker.fetch("http://example.com/")).text() == "fine"


async def test_memory_obeyed(box: Sandbox) -> None:
    worker = await box.load(
        "big", Bundle.js("export default { fetch() { return new Response(String(new Uint8Array(20e6).fill(7)[19e6])) } }")
    )
    assert await (await worker.fetch("http://example.com/")).text() == "7"


@pytest.mark.parametrize("path", ["/recurse", "/json"])
async def test_deep_recursion_is_an_exception_of_the_worker(box: Sandbox, path: str) -> None:
    worker = await load(box, cpu_ms=5000)
    assert (await failure(worker, path)).code == "worker_exception"
    again = await worker.fetch("http://example.com/")
    assert (await again.text(), again.start) == ("fine", "warm")


@pytest.mark.parametrize("path", ["/never"])
async def test_a_promise_that_never_settles_is_found_at_once(box: Sandbox, path: str) -> None:
    worker = await load(box, wall_ms=60_000)
    started = time.monotonic()
    assert (await failure(worker, path)).code == "worker_hung"
    assert time.monotonic() - started < 5
    assert await (await worker.fetch("http://example.com/")).text() == "fine"


async def test_wall_time_violated(box: Sandbox) -> None:
    worker = await load(box, wall_ms=200)
    error = await failure(worker, "/timers")
    assert (error.code, error.status) == ("worker_exceeded_wall_time", 504)
    assert await (await worker.fetch("http://example.com/")).text() == "fine"


async def test_a_neighbour_is_served_while_a_tenant_spins(box: Sandbox) -> None:
    spinner = await load(box, cpu_ms=400)
    neighbour = Worker(box, replace(spinner.target, key=WorkerKey("neighbour", "calm", "1")))
    await neighbour.fetch("http://example.com/")
    spinning = [asyncio.ensure_future(failure(spinner, "/loop")) for _ in range(5)]
    await asyncio.sleep(0.05)
    served = 0
    while not all(task.done() for task in spinning):
        assert await (await neighbour.fetch("http://example.com/")).text() == "fine"
        served += 1
        await asyncio.sleep(0)
    # Five times 400 ms of spinning: a neighbour that had to wait for a slice each time would get a few hundred at most.
    assert served > 500
    assert [error.code for error in await asyncio.gather(*spinning)] == ["worker_exceeded_cpu"] * 5


async def test_requests_beside_a_runaway_in_the_same_worker(box: Sandbox) -> None:
    worker = await load(box, cpu_ms=200)
    runaway = asyncio.ensure_future(failure(worker, "/loop"))
    answers = await asyncio.gather(*(worker.fetch("http://example.com/") for _ in range(50)))
    assert {await answer.text() for answer in answers} == {"fine"}
    assert (await runaway).code == "worker_exceeded_cpu"


async def test_a_visitor_who_leaves_stops_what_computes_for_him(box: Sandbox) -> None:
    worker = await load(box, cpu_ms=20_000)
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.1, gone.set_result, None)
    with pytest.raises(HostelError) as caught:
        await box.dispatch(worker.target, Request("GET", "http://example.com/loop", disconnected=gone))
    assert caught.value.code == "visitor_left"
    deadline = time.monotonic() + 10
    while box.stats()["scheduler"]["waiting"] or not records:
        assert time.monotonic() < deadline, "it still computes"
        await asyncio.sleep(0.01)
    assert records[0].outcome == Outcome.CANCELED
    assert records[0].cpu_us < 10_000_000
    assert await (await worker.fetch("http://example.com/")).text() == "fine"


async def test_outcomes_are_recorded(box: Sandbox) -> None:
    worker = await load(box, cpu_ms=50)
    records = []
    worker.target.on_finish = records.append
    await worker.fetch("http://example.com/")
    await failure(worker, "/loop")
    await failure(worker, "/recurse")
    assert [record.outcome for record in records] == [Outcome.OK, Outcome.EXCEEDED_CPU, Outcome.EXCEPTION]
    assert records[0].status == 200
    assert records[0].cpu_us > 0
    assert records[1].error == "worker_exceeded_cpu"
    assert records[2].exceptions[0].name == "RangeError"


async def test_two_hundred_runaways_leave_nothing_behind(box: Sandbox) -> None:
    worker = await load(box, cpu_ms=5)
    for _ in range(200):
        await failure(worker, "/loop")
    pool = box.stats()["pool"]
    assert pool["instances"] <= 1
    assert pool["traps"]["exceededCpu"] == 200
    assert box.stats()["requests_by_tenant"] == {}
