"""The whole way: uploaded, stored, routed, run in the real sandbox, answered by a real server."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from tenants import services
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.services import Uploaded

from .conftest import Server, granian
from .wire import Answer, Connection, ask, message

pytestmark = pytest.mark.django_db(transaction=True)

ECHO = """
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/mirror") return new Response(request.body, { headers: { "x-from": "mirror" } });
    if (url.pathname === "/count") {
      let total = 0;
      for await (const chunk of request.body) total += chunk.byteLength;
      return Response.json({ total });
    }
    if (url.pathname === "/pour") {
      let left = Number(url.searchParams.get("pieces"));
      const piece = new Uint8Array(16384).fill(122);
      return new Response(new ReadableStream({ pull(c) { if (left-- > 0) c.enqueue(piece); else c.close(); } }));
    }
    if (url.pathname === "/cookies") {
      const headers = new Headers({ "content-type": "text/plain" });
      headers.append("set-cookie", "a=1"); headers.append("set-cookie", "b=2");
      return new Response("ok", { headers });
    }
    if (url.pathname === "/spin") for (;;) {}
    if (url.pathname === "/throw") throw new Error("secret words");
    if (url.pathname === "/break")
      return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("part")); }, pull() { throw new Error("secret"); } }));
    if (url.pathname === "/fetch") {
      try { await fetch(url.searchParams.get("url")); return new Response("reached"); } catch (error) { return new Response(String(error)); }
    }
    return Response.json({ method: request.method, url: request.url, headers: [...request.headers], body: await request.text() });
  },
};
"""


def said(text: str) -> str:
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};'


@pytest.fixture
def live(transactional_db: None) -> Iterator[Server]:
    """The gateway as `make serve` starts it, on the test's database and home."""
    databases = settings.DATABASES["default"]
    name = str(databases["NAME"])
    url = settings.HOSTEL.database_url
    address = f"sqlite:///{name}" if "sqlite" in databases["ENGINE"] else f"{url.rpartition('/')[0]}/{name}"
    with granian(Path(settings.HOSTEL.home), "gateway.asgi:application", env={"DATABASE_URL": address}) as server:
        yield server


@pytest.fixture
def upload(upload_js: Callable[..., Uploaded]) -> Callable[..., object]:
    return sync_to_async(upload_js)


@pytest.fixture(autouse=True)
async def no_connection_left(transactional_db: None) -> AsyncIterator[None]:
    """The thread that serves sync_to_async outlives the test, and the database must not find it connected."""
    yield
    await sync_to_async(connections.close_all)()


async def get(server: Server, path: str = "/", host: str = "echo.acme.localhost", **more: object) -> Answer:
    return await ask(server.port, host, path, **more)  # type: ignore[arg-type]


async def test_from_upload_to_answer(live: Server, upload, tenant: Tenant, actor: Actor) -> None:
    first = await upload(ECHO, name="echo")
    answer = await get(live, "/a%2Fb?x=1", method="POST", headers=[b"X-A: caf\xe9"], body=b"hello")
    assert (answer.status, answer.get(b"hostel-start"), answer.get(b"hostel-version")) == (200, b"cold", str(first.version.pk).encode())
    seen = json.loads(answer.body)
    assert (seen["method"], seen["url"], seen["body"]) == ("POST", "http://echo.acme.localhost/a%2Fb?x=1", "hello")
    assert ["x-a", "caf\xe9"] in seen["headers"]
    assert ["cf-connecting-ip", "127.0.0.1"] in seen["headers"]
    assert (await get(live)).get(b"hostel-start") == b"warm"

    # A second version at half of the traffic, then all of it: seen by the next request.
    second = await upload(said("second"), name="echo", deploy=False)
    deploy = sync_to_async(services.deployment_create)
    halves = [(first.version.pk, 50), (second.version.pk, 50)]
    await deploy(tenant=tenant, worker_name="echo", versions=halves, actor=actor, source="tests")
    versions = [(await get(live)).get(b"hostel-version") for _ in range(40)]
    assert set(versions) == {str(version.pk).encode() for version in (first.version, second.version)}
    override = f'Cloudflare-Workers-Version-Overrides: echo="{second.version.pk}"'.encode()
    assert (await get(live, headers=[override])).body == b"second"
    keyed = {(await get(live, headers=[b"Cloudflare-Workers-Version-Key: me"])).get(b"hostel-version") for _ in range(5)}
    assert len(keyed) == 1
    await deploy(tenant=tenant, worker_name="echo", versions=[(second.version.pk, 100)], actor=actor, source="tests")
    assert [(await get(live)).body for _ in range(5)] == [b"second"] * 5

    # Previews, domains, suspension, deletion.
    preview = f"{str(first.version.pk)[:8]}-echo.acme.localhost"
    assert (await get(live, host=preview)).get(b"hostel-error") == b"host_unknown"
    switch = sync_to_async(services.worker_settings_update)
    from tenants.uploads import WorkerSettings

    await switch(tenant=tenant, worker_name="echo", settings=WorkerSettings(previews_enabled=True), actor=actor)
    assert json.loads((await get(live, host=preview)).body)["method"] == "GET"
    await sync_to_async(services.domain_add)(tenant=tenant, worker_name="echo", hostname="shop.example.com", actor=actor)
    assert (await get(live, host="Shop.Example.com:8080")).body == b"second"
    await sync_to_async(services.tenant_suspend)(tenant=tenant, reason="test", actor=actor)
    assert (await get(live)).get(b"hostel-error") == b"tenant_suspended"
    await sync_to_async(services.tenant_resume)(tenant=tenant, actor=actor)
    assert (await get(live)).body == b"second"
    await sync_to_async(services.worker_delete)(tenant=tenant, worker_name="echo", actor=actor)
    assert (await get(live)).get(b"hostel-error") == b"host_unknown"


async def test_a_new_version_is_live_within_the_second(live: Server, upload) -> None:
    await upload(said("0"), name="echo")
    await get(live)
    waits = []
    for index in range(1, 6):
        await upload(said(str(index)), name="echo")
        started = time.perf_counter()
        while (await get(live)).body != str(index).encode():
            assert time.perf_counter() - started < 1
        waits.append(time.perf_counter() - started)
    assert sorted(waits)[2] < 0.15


async def test_bytes_survive_both_ways(live: Server, upload) -> None:
    await upload(ECHO, name="echo")
    for size in (1, 70_000, 3_000_000):
        body = os.urandom(size)
        answer = await get(live, "/mirror", method="PUT", body=body)
        assert (len(answer.body), answer.complete) == (size, True)
        assert answer.body == body
        assert answer.get(b"x-from") == b"mirror"
    cookies = await get(live, "/cookies")
    assert [value for name, value in cookies.headers if name == b"set-cookie"] == [b"a=1", b"b=2"]
    head = await get(live, "/cookies", method="HEAD")
    assert (head.status, head.get(b"content-length")) == (200, b"2")
    wide = await get(live, headers=[b"x-wide: " + b"a" * 120_000])
    assert ["x-wide", "a" * 120_000] in json.loads(wide.body)["headers"]


async def test_long_streams_need_little_memory(live: Server, upload) -> None:
    await upload(ECHO, name="echo")
    await get(live, "/pour?pieces=1")
    before = live.rss_kib()
    connection = await Connection.open(live.port)
    await connection.send(message("echo.acme.localhost", "/pour?pieces=1600"))
    await connection.head()
    total = 0
    while size := int(await asyncio.wait_for(connection.reader.readuntil(b"\r\n"), 20), 16):
        total += len(await connection.reader.readexactly(size))
        await connection.reader.readexactly(2)
    await connection.reader.readexactly(2)
    assert total == 1600 * 16384
    await connection.send(message("echo.acme.localhost", "/count", "POST", [b"Content-Length: 26214400"]))
    for _ in range(400):
        await connection.send(b"y" * 65536)
    assert json.loads((await connection.answer()).body) == {"total": 26_214_400}
    assert live.rss_kib() - before < 32 * 1024
    await connection.close()


async def test_failures_are_pages_and_hurt_nobody_else(live: Server, upload) -> None:
    await upload(ECHO, name="echo", limits={"cpu_ms": 100})
    for path, status, code in (("/throw", 500, b"worker_exception"), ("/spin", 503, b"worker_exceeded_cpu")):
        for headers in ([], [b"Accept: text/html"]):
            answer = await get(live, path, headers=headers)
            assert (answer.status, answer.get(b"hostel-error")) == (status, code)
            assert b"secret" not in answer.body
        assert (await get(live)).status == 200
    broken = await get(live, "/break")
    assert (broken.status, broken.complete) == (200, False)
    refused = await get(live, "/fetch?url=http://169.254.169.254/latest/meta-data/")
    assert b"not allowed by this platform's egress policy" in refused.body
    stats = await live.admin("/stats")
    assert stats["gateway"]["broken"] == 1
    assert stats["sandbox"]["pool"]


async def test_an_operator_can_evict(live: Server, upload) -> None:
    await upload(ECHO, name="echo")
    await get(live)
    assert (await get(live)).get(b"hostel-start") == b"warm"
    assert (await live.admin("/evict", prefix="acme-echo-"))["evicted"] == 1
    assert (await get(live)).get(b"hostel-start") == b"cold"


async def test_a_visitor_who_leaves_is_noticed(live: Server, upload) -> None:
    endless = """export default { fetch(request) {
      return new Response(new ReadableStream({ async pull(c) { c.enqueue(new Uint8Array(10)); await new Promise(r => setTimeout(r, 20)); } }));
    } };"""
    await upload(endless, name="echo")
    connection = await Connection.open(live.port)
    await connection.send(message("echo.acme.localhost"))
    await connection.head()
    await connection.close()
    for _ in range(100):
        stats = await live.admin("/stats")
        if stats["gateway"]["left"] and not stats["sandbox"]["requests_by_tenant"]:
            break
        await asyncio.sleep(0.05)
    assert stats["gateway"]["left"] == 1
    assert stats["gateway"]["requests"]["under_way"] == 0


async def test_one_worker_reaches_another_of_its_tenant_by_name(
    live: Server, upload, tenant: Tenant, other_tenant: Tenant, actor: Actor
) -> None:
    inner = """export default { async fetch(request) { return new Response("inner got " + await request.text() + " at " + request.url); } };
      export const spare = { fetch() { return new Response("spare"); } };"""
    outer = """export default { async fetch(request, env) {
      if (new URL(request.url).pathname === "/spare") return env.SPARE.fetch(request);
      if (new URL(request.url).pathname === "/self") return env.SELF.fetch(request);
      const answer = await env.API.fetch("http://any/x", { method: "POST", body: "hi" });
      return new Response("outer: " + await answer.text(), answer);
    } };"""
    bindings = [
        {"type": "service", "name": "API", "service": "inner"},
        {"type": "service", "name": "SPARE", "service": "inner", "entrypoint": "spare"},
        {"type": "service", "name": "SELF", "service": "outer"},
    ]
    await upload(inner, name="inner")
    await upload(said("another tenant's"), name="inner", tenant=other_tenant)
    await upload(outer, name="outer", bindings=bindings)
    for _ in range(2):
        answer = await get(live, host="outer.acme.localhost")
        assert answer.body == b"outer: inner got hi at http://any/x"
    assert (await get(live, "/spare", host="outer.acme.localhost")).body == b"spare"
    # A new version of the callee is called by the next request, and a callee that is gone is an error of the caller's.
    await upload(said("new"), name="inner")
    assert (await get(live, host="outer.acme.localhost")).body == b"outer: new"
    await sync_to_async(services.worker_delete)(tenant=tenant, worker_name="inner", actor=actor)
    assert (await get(live, host="outer.acme.localhost")).get(b"hostel-error") == b"worker_exception"
    # Calling oneself for ever ends.
    assert (await asyncio.wait_for(get(live, "/self", host="outer.acme.localhost"), 20)).status == 500
    assert (await live.admin("/stats"))["gateway"]["requests"]["under_way"] == 0
