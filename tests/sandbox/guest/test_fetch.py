"""fetch() from inside the guest, to a real server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sandbox import Bundle, InvocationRecord, Request, Sandbox, Worker

WORKER = """
const routes = {
  async json(origin) { return fetch(origin + "/echo", { method: "POST", body: JSON.stringify({ a: 1 }), headers: { "content-type": "x/y" } }); },
  async pass(origin, request) { return fetch(new Request(origin + "/echo", request)); },
  async rewrite(origin) {
    const response = await fetch(origin + "/echo");
    const copy = new Response(response.body, response);
    copy.headers.set("x-seen", "yes");
    return copy;
  },
  async big(origin) { return fetch(origin + "/big"); },
  async bigRead(origin) { return new Response(String((await (await fetch(origin + "/big")).arrayBuffer()).byteLength)); },
  async upload(origin) {
    let n = 0;
    const body = new ReadableStream({ pull(c) { if (n++ === 20) c.close(); else c.enqueue(new Uint8Array(50000)); } });
    return new Response(String((await (await fetch(origin + "/count", { method: "POST", body })).json()).bytes));
  },
  async largeString(origin) {
    return new Response(String((await (await fetch(origin + "/count", { method: "POST", body: "x".repeat(3000000) })).json()).bytes));
  },
  async follow(origin) { const r = await fetch(origin + "/redirect"); return Response.json([r.status, r.redirected, r.url.slice(origin.length)]); },
  async manual(origin) { const r = await fetch(origin + "/redirect", { redirect: "manual" }); return Response.json([r.status, r.headers.get("location")]); },
  async error(origin) { try { await fetch(origin + "/redirect", { redirect: "error" }); return new Response("no"); } catch (e) { return new Response(e.name); } },
  async refused() { try { await fetch("http://127.0.0.1:1/"); return new Response("no"); } catch (e) { return new Response(`${e instanceof Error} ${e.name}`); } },
  async abort(origin) {
    const started = Date.now();
    try { await fetch(origin + "/slow", { signal: AbortSignal.timeout(20) }); return new Response("no"); }
    catch (e) { return Response.json([e.name, Date.now() - started < 2000]); }
  },
  async abortBody(origin) {
    const controller = new AbortController();
    const response = await fetch(origin + "/drip", { signal: controller.signal });
    const reader = response.body.getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    try { for (;;) if ((await reader.read()).done) return new Response("ended"); } catch (e) { return new Response(e.message); }
  },
  async many(origin) {
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => fetch(`${origin}/echo?${i}`).then((r) => r.json())));
    return Response.json(all.map((one) => one.path.split("?")[1]));
  },
  async cancel(origin) {
    const reader = (await fetch(origin + "/drip")).body.getReader();
    await reader.read();
    await reader.cancel();
    return new Response("cancelled");
  },
  async clone(origin) {
    const r = await fetch(origin + "/big");
    const [a, b] = await Promise.all([r.clone().arrayBuffer(), r.arrayBuffer()]);
    return Response.json([a.byteLength, b.byteLength, r.headers.get("x-kind")]);
  },
  async immutable(origin) { const r = await fetch(origin + "/echo"); try { r.headers.set("a", "b"); } catch (e) { return new Response(e.name); } },
  async cookies(origin) { const r = await fetch(origin + "/cookies"); return Response.json(r.headers.getSetCookie()); },
};
export default { async fetch(request, env) { return routes[new URL(request.url).pathname.slice(1)](env.ORIGIN, request); } };
"""
BIG = 1_500_000


async def _echo(request: web.Request) -> web.Response:
    body = await request.text()
    seen = {"method": request.method, "path": request.path_qs, "body": body, "type": request.headers.get("content-type")}
    return web.json_response(seen, headers={"x-kind": "echo"})


async def _big(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"x-kind": "big"})
    await response.prepare(request)
    for _ in range(BIG // 50_000):
        await response.write(b"b" * 50_000)
    await response.write_eof()
    return response


async def _count(request: web.Request) -> web.Response:
    total = 0
    async for chunk in request.content.iter_any():
        total += len(chunk)
    return web.json_response({"bytes": total})


async def _redirect(_: web.Request) -> web.Response:
    raise web.HTTPFound("/echo?redirected")


async def _slow(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response(text="late")


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(500):
        await response.write(b"drop")
        await asyncio.sleep(0.01)
    return response


async def _cookies(_: web.Request) -> web.Response:
    response = web.Response(text="x")
    response.headers.add("set-cookie", "a=1; Path=/")
    response.headers.add("set-cookie", "b=2, 3")
    return response


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**26)
    routes = {"/echo": _echo, "/big": _big, "/count": _count, "/redirect": _redirect, "/slow": _slow, "/drip": _drip, "/cookies": _cookies}
    for path, handler in routes.items():
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
async def worker(box: Sandbox, origin: str) -> Worker:
    return await box.load("fetcher", Bundle.js(WORKER, env={"ORIGIN": origin}))


async def ask(worker: Worker, route: str) -> str:
    return await (await worker.fetch(f"http://example.com/{route}")).text()


async def test_a_request_with_a_body(worker: Worker) -> None:
    response = await worker.fetch("http://example.com/json")
    assert dict(response.headers)[b"x-kind"] == b"echo"
    assert await response.text() == '{"method": "POST", "path": "/echo", "body": "{\\"a\\":1}", "type": "x/y"}'


async def test_an_incoming_request_is_passed_on(box: Sandbox, worker: Worker) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three"):
            yield piece
            await asyncio.sleep(0)

    request = Request("PUT", "http://example.com/pass", [(b"content-type", b"text/odd")], pieces())
    text = await (await box.dispatch(worker.target, request)).text()
    assert text == '{"method": "PUT", "path": "/echo", "body": "one two three", "type": "text/odd"}'


async def test_a_response_is_passed_on_with_changes(worker: Worker) -> None:
    response = await worker.fetch("http://example.com/rewrite")
    assert dict(response.headers)[b"x-seen"] == b"yes"
    assert '"method": "GET"' in await response.text()


async def test_large_bodies_both_ways(worker: Worker) -> None:
    assert await ask(worker, "big") == "b" * BIG
    assert await ask(worker, "bigRead") == str(BIG)
    assert await ask(worker, "upload") == "1000000"
    assert await ask(worker, "largeString") == "3000000"
    assert await ask(worker, "clone") == f'[{BIG},{BIG},"big"]'


async def test_redirect_modes(worker: Worker) -> None:
    assert await ask(worker, "follow") == '[200,true,"/echo?redirected"]'
    assert await ask(worker, "manual") == '[302,"/echo?redirected"]'
    assert await ask(worker, "error") == "TypeError"


async def test_failures_are_errors(worker: Worker) -> None:
    assert (await ask(worker, "refused")).startswith("true ")
    assert await ask(worker, "abort") == '["TimeoutError",true]'
    assert await ask(worker, "abortBody") == "enough"
    assert await ask(worker, "cancel") == "cancelled"
    assert await ask(worker, "immutable") == "TypeError"


async def test_calls_at_once_and_cookies(worker: Worker) -> None:
    assert await ask(worker, "many") == "[" + ",".join(f'"{number}"' for number in range(20)) + "]"
    assert await ask(worker, "cookies") == '["a=1; Path=/","b=2, 3"]'


async def test_subrequests_are_counted(worker: Worker) -> None:
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    await ask(worker, "many")
    await asyncio.sleep(0)
    assert records[0].subrequests == 20
