"""Bodies both ways: exact bytes, streams with back-pressure, visitors who leave."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from sandbox import Bundle, HostelError, Limits, Outcome, Request, Sandbox
from sandbox.worker.streams import HostFeed

WORKER = """
export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/echo": return new Response(request.body, { headers: { "x-method": request.method } });
      case "/length": return new Response(String((await request.arrayBuffer()).byteLength));
      case "/ignore": return new Response("ignored");
      case "/big": {
        const size = Number(url.searchParams.get("size"));
        const chunk = new Uint8Array(65536).fill(97);
        let sent = 0;
        return new Response(new ReadableStream({
          pull(controller) {
            if (sent >= size) return controller.close();
            controller.enqueue(chunk.subarray(0, Math.min(chunk.length, size - sent)));
            sent += chunk.length;
          },
        }));
      }
      case "/whole": return new Response(new Uint8Array(Number(url.searchParams.get("size"))).fill(98));
      case "/broken": {
        let n = 0;
        return new Response(new ReadableStream({
          pull(controller) { if (n++) throw new Error("broke off"); controller.enqueue(new Uint8Array(10)); },
        }));
      }
      case "/endless": {
        request.signal.addEventListener("abort", () => console.log("aborted"));
        return new Response(new ReadableStream({
          async pull(controller) { await new Promise((r) => setTimeout(r, 5)); controller.enqueue(new Uint8Array(1000)); },
          cancel() { console.log("cancelled"); },
        }));
      }
      case "/later": {
        let done;
        const promise = new Promise((resolve) => { done = resolve; });
        setTimeout(() => { console.log("after"); done(); }, 30);
        return [new Response("now"), promise][0];
      }
      case "/headers": return new Response(null, {
        status: 204,
        headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-b", "caf\\u00e9"]],
      });
    }
  },
};
"""
URL = "http://example.com"


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for number, size in enumerate(sizes):
        yield bytes([number % 256]) * size
        await asyncio.sleep(0)


@pytest.mark.parametrize("sizes", [(), (1,), (0, 5, 0), (65_536,), (65_537, 3), (300_000, 1, 700_000)])
async def test_streams_are_echoed_byte_by_byte(box: Sandbox, sizes: tuple[int, ...]) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    response = await box.dispatch(worker.target, Request("POST", f"{URL}/echo", [], pieces(*sizes)))
    expected = b"".join([piece async for piece in pieces(*sizes)])
    assert await response.read() == expected


async def test_whole_bodies(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    everything = bytes(range(256)) * 300
    response = await worker.fetch(f"{URL}/echo", method="PUT", body=everything)
    assert await response.read() == everything
    assert dict(response.headers)[b"x-method"] == b"PUT"
    assert await (await worker.fetch(f"{URL}/length", method="POST", body=b"")).text() == "0"


async def test_a_body_nobody_reads_holds_nothing_up(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    response = await box.dispatch(worker.target, Request("POST", f"{URL}/ignore", [], pieces(*[100_000] * 50)))
    assert await response.text() == "ignored"
    await asyncio.sleep(0.05)
    assert box.stats()["requests_by_tenant"] == {}


async def test_large_streams_stay_small_in_memory(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER), limits=Limits(cpu_ms=30_000, memory_bytes=16 * 1024 * 1024))
    size = 40_000_000
    response = await worker.fetch(f"{URL}/big?size={size}")
    assert not isinstance(response.body, bytes)
    digest, seen = hashlib.sha256(), 0
    async for chunk in response.body:
        digest.update(chunk)
        seen += len(chunk)
    assert seen == size
    assert digest.hexdigest() == hashlib.sha256(b"a" * size).hexdigest()


async def test_a_complete_body_of_megabytes(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    assert len(await (await worker.fetch(f"{URL}/whole?size=5000000")).read()) == 5_000_000


async def test_back_pressure_stops_the_guest(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    response = await worker.fetch(f"{URL}/big?size=100000000")
    turns = box.stats()["scheduler"]["fast_turns"]
    await asyncio.sleep(0.1)
    assert box.stats()["scheduler"]["fast_turns"] - turns < 10
    await response.aclose()


async def test_a_stream_that_breaks_off(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    records = []
    worker.target.on_finish = records.append
    response = await worker.fetch(f"{URL}/broken")
    with pytest.raises(Exception, match="broke off"):
        await response.read()
    await asyncio.sleep(0)
    assert records[0].outcome in {Outcome.RESPONSE_STREAM_DISCONNECTED, Outcome.EXCEPTION}


async def test_a_visitor_who_leaves_while_the_body_flows(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    records = []
    worker.target.on_finish = records.append
    response = await worker.fetch(f"{URL}/endless")
    assert not isinstance(response.body, bytes)
    assert await anext(response.body)
    await response.aclose()
    await asyncio.sleep(0.1)
    assert records[0].outcome is Outcome.CANCELED
    assert "cancelled" in {line.message for line in records[0].logs}


async def test_a_visitor_who_leaves_before_the_answer(box: Sandbox) -> None:
    worker = await box.load("waits", Bundle.js("export default { async fetch() { await new Promise((r) => setTimeout(r, 60e3)); } }"))
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(box.dispatch(worker.target, Request("GET", URL, [], None, gone)))
    await asyncio.sleep(0.02)
    gone.set_result(None)
    with pytest.raises(HostelError) as caught:
        await task
    assert caught.value.code == "visitor_left"


async def test_repeated_and_latin1_headers(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    response = await worker.fetch(f"{URL}/headers")
    assert response.status == 204
    assert [item for item in response.headers if item[0] == b"set-cookie"] == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert (b"x-b", b"caf\xe9") in response.headers


async def test_wait_until_goes_on_after_the_answer(box: Sandbox) -> None:
    source = """
      export default { fetch(request, env, ctx) {
        ctx.waitUntil(new Promise((r) => setTimeout(() => { console.log("late"); r(); }, 20)));
        ctx.waitUntil(Promise.reject(new Error("lost")));
        return new Response("now");
      } };
    """
    worker = await box.load("late", Bundle.js(source))
    records = []
    worker.target.on_finish = records.append
    assert await (await worker.fetch(URL)).text() == "now"
    assert records == []
    await asyncio.sleep(0.1)
    assert "late" in [line.message for line in records[0].logs]
    assert [(thrown.message, thrown.where) for thrown in records[0].exceptions] == [("lost", "waitUntil")]


async def test_a_thousand_requests_leave_nothing(box: Sandbox) -> None:
    worker = await box.load("bodies", Bundle.js(WORKER))
    for _ in range(100):
        await asyncio.gather(*(worker.fetch(f"{URL}/echo", method="POST", body=b"x") for _ in range(10)))
    assert box.stats()["requests_by_tenant"] == {}
    assert len(asyncio.all_tasks()) <= 3


async def test_a_feed_cancelled_before_it_began_closes_its_source() -> None:
    closed: list[bool] = []

    class Source:
        def __aiter__(self) -> Source:
            return self

        async def __anext__(self) -> bytes:
            return b"x"

        async def aclose(self) -> None:
            closed.append(True)

    HostFeed(1, Source(), lambda _: None, lambda: None).cancel()
    await asyncio.sleep(0.01)
    assert closed == [True]
