"""Dispatching into namespaces through a real server: who is found, under what limits, and where their fetch() goes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tenants import services
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.uploads import WorkerSettings

from .conftest import Server
from .test_served import get, live, no_connection_left, said, upload  # noqa: F401 - some are fixtures
from .wire import Answer, Connection, message

pytestmark = pytest.mark.django_db(transaction=True)

# Sends a request on as the header `x-get` (JSON: [name, args, options]) says.
DISPATCHER = """
export default {
  async fetch(request, env) {
    try {
      const [name, args, options] = JSON.parse(request.headers.get("x-get"));
      const worker = env.DISPATCHER.get(name, args ?? undefined, options ?? undefined);
      return await worker.fetch(request);
    } catch (error) {
      if (error.message.startsWith("Worker not found")) return new Response("nobody", { status: 404 });
      return new Response(`${error.name}: ${error.message}`, { status: 500 });
    }
  },
};
"""
CUSTOMER = """
import { env as everywhere } from "cloudflare:workers";
let served = 0;
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const work = {
      "/spin": () => { const end = Date.now(); for (let i = 0; i < 3e8; i++); return "spun"; },
      "/throw": () => { throw new RangeError("the customer's own"); },
      "/out": async () => {
        const answer = await fetch(url.searchParams.get("url"), {
          method: url.searchParams.get("method") ?? "GET", headers: { "x-mine": "1" }, redirect: url.searchParams.get("redirect") ?? "follow",
          body: url.searchParams.has("method") ? "sent" : undefined,
        });
        return JSON.stringify([answer.status, answer.url, answer.redirected, await answer.text()]);
      },
      "/many": async () => { for (let i = 0; i < Number(url.searchParams.get("n")); i++) await fetch("http://a.example/"); return "all"; },
      "/echo": () => request.text(),
      "/slow": () => new ReadableStream({
        start(c) { c.enqueue(new TextEncoder().encode("begun ")); },
        async pull(c) { await scheduler.wait(500); c.enqueue(new TextEncoder().encode("and done")); c.close(); },
      }, { highWaterMark: 0 }),
    }[url.pathname];
    if (work !== undefined) return new Response(await work());
    return Response.json({ url: request.url, served: ++served, props: ctx.props, env: Object.keys(env), same: env === everywhere });
  },
};
"""
OUTBOUND = """
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.hostname === "blocked.example") return new Response("blocked", { status: 403 });
    if (url.pathname === "/moved") return new Response(null, { status: 302, headers: { location: "http://blocked.example/x" } });
    if (url.pathname === "/round") return Response.redirect("http://a.example/round", 302);
    if (url.pathname === "/private") return fetch("http://127.0.0.1:9/");
    if (url.pathname === "/fail") throw new Error("the gate is shut");
    return Response.json({ url: request.url, method: request.method, mine: request.headers.get("x-mine"), body: await request.text(),
      customer: env.customer, plan: env.plan ?? null, own: env.OWN, keys: Object.keys(env) });
  },
};
"""
ROUTER = "router.acme.localhost"


class Platform:
    """A tenant with a dispatcher, and ways to ask it."""

    def __init__(self, server: Server, uploads: Any, tenant: Tenant, actor: Actor) -> None:
        self.server, self.upload, self.tenant, self.actor = server, uploads, tenant, actor

    async def set_up(self, *, outbound: bool = False) -> None:
        await self.do(services.namespace_create, name="production")
        binding: dict[str, Any] = {"type": "dispatch_namespace", "name": "DISPATCHER", "namespace": "production"}
        if outbound:
            await self.upload(OUTBOUND, name="outbound", bindings=[{"type": "plain_text", "name": "OWN", "text": "o"}])
            binding["outbound"] = {"service": "outbound", "params": ["customer", "plan"]}
        await self.upload(DISPATCHER, name="router", bindings=[binding])
        await self.upload(CUSTOMER, name="production:api", bindings=[{"type": "plain_text", "name": "A", "text": "1"}])

    async def do(self, service: Any, **arguments: Any) -> Any:
        return await sync_to_async(service)(tenant=self.tenant, actor=self.actor, **arguments)

    async def ask(self, name: str, path: str = "/", args: Any = None, options: Any = None, **more: Any) -> Answer:
        headers = [b"x-get: " + json.dumps([name, args, options]).encode()]
        return await get(self.server, path, host=ROUTER, headers=headers, **more)

    async def json(self, name: str, path: str = "/", args: Any = None, options: Any = None) -> Any:
        answer = await self.ask(name, path, args, options)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def text(self, name: str, path: str = "/", args: Any = None, options: Any = None) -> str:
        return (await self.ask(name, path, args, options)).body.decode()


@pytest.fixture
def platform(request: pytest.FixtureRequest, tenant: Tenant, actor: Actor) -> Platform:
    return Platform(request.getfixturevalue("live"), request.getfixturevalue("upload"), tenant, actor)


async def test_a_dispatcher_finds_workers_of_its_namespace_only(platform: Platform, other_tenant: Tenant, actor: Actor) -> None:
    await platform.set_up()
    await platform.upload(said("outside"), name="api")
    await platform.upload(said("elsewhere"), name="lonely")
    await platform.do(services.namespace_create, name="staging")
    await platform.upload(said("staged"), name="staging:api")
    await platform.upload(said("staged"), name="staging:only")
    await sync_to_async(services.namespace_create)(tenant=other_tenant, name="production", actor=actor)
    await platform.upload(said("another tenant's"), name="production:theirs", tenant=other_tenant)

    seen = await platform.json("api", "/a?b=c", {"props": {"plan": ["free"]}})
    assert seen == {"url": f"http://{ROUTER}/a?b=c", "served": 1, "props": {"plan": ["free"]}, "env": ["A"], "same": True}
    # The same isolate serves whoever is dispatched to it, each with its own props.
    assert (await platform.json("api"))["props"] == {}
    assert (await platform.ask("api", "/echo", method="POST", body=b"x" * 100_000)).body == b"x" * 100_000
    for name in ("lonely", "only", "theirs", "staging:api", "production:api", "", "API", "a" * 255, "~1~router", "../api", "api\0"):
        answer = await platform.ask(name)
        assert (answer.status, answer.body) == (404, b"nobody"), name
    # Not by a host either, while the tenant's own is.
    assert (await get(platform.server, host="api.acme.localhost")).body == b"outside"
    for host in ("production:api.acme.localhost", "only.acme.localhost", "api.production.acme.localhost", "theirs.globex.localhost"):
        assert (await get(platform.server, host=host)).status in {400, 404}
    assert (await platform.text("api", "/throw")) == "Error: the customer's own"

    # A new version is dispatched to by the next request; then the worker goes, then the namespace, then the tenant's right to serve.
    await platform.upload(said("new"), name="production:api")
    assert await platform.text("api") == "new"
    await platform.upload(said("not deployed"), name="production:idle", deploy=False)
    assert "no deployment yet" in await platform.text("idle")
    await platform.do(services.worker_delete, worker_name="production:api")
    assert (await platform.ask("api")).status == 404
    await platform.upload(said("again"), name="production:api")
    assert await platform.text("api") == "again"
    await platform.do(services.namespace_delete, name="production")
    assert (await platform.ask("api")).status == 404
    await platform.do(services.namespace_create, name="production")
    await platform.upload(said("anew"), name="production:api")
    assert await platform.text("api") == "anew"
    await platform.do(services.tenant_suspend, reason="test")
    assert (await platform.ask("api")).get(b"hostel-error") == b"tenant_suspended"


async def test_limits_are_only_ever_lowered(platform: Platform) -> None:
    await platform.set_up(outbound=True)
    own = WorkerSettings(limits={"subrequests": 4, "cpu_ms": 200})
    await platform.do(services.worker_settings_update, worker_name="production:api", settings=own)

    def limits(**values: int) -> dict[str, Any]:
        return {"limits": values}

    assert await platform.text("api", "/many?n=3", None, limits(subRequests=3)) == "all"
    assert "Too many subrequests" in await platform.text("api", "/many?n=4", None, limits(subRequests=3))
    assert "Too many subrequests" in await platform.text("api", "/many?n=1", None, limits(subRequests=0))
    assert await platform.text("api", "/many?n=4", None, limits(subRequests=1000)) == "all"
    assert "the limit is 4" in await platform.text("api", "/many?n=5", None, limits(subRequests=1000))
    assert "CPU time" in await platform.text("api", "/spin", None, limits(cpuMs=20))
    assert "CPU time" in await platform.text("api", "/spin", None, limits(cpuMs=4_000_000_000))
    assert (await platform.json("api", "/", None, limits(cpuMs=150)))["env"] == ["A"]
    # The next request without any is under the worker's own again.
    assert await platform.text("api", "/many?n=4") == "all"
    for options in (limits(cpuMs=0), limits(cpuMs=-1), limits(cpuMs=1.5), limits(memory=1), {"limit": {}}, 7):
        assert (await platform.text("api", "/", None, options)).startswith("TypeError: DispatchNamespace.get"), options
    for args in ({"prop": 1}, 7):
        assert (await platform.text("api", "/", args)).startswith("TypeError: DispatchNamespace.get"), args
    assert (await platform.text("api", "/", {"props": "x" * 70_000})).startswith("RangeError: DispatchNamespace.get")
    assert (await platform.json("api", "/", {"props": "x" * 60_000}))["props"] == "x" * 60_000


async def test_every_fetch_goes_through_the_outbound_worker(platform: Platform) -> None:
    await platform.set_up(outbound=True)
    out = {"outbound": {"customer": "ada", "plan": {"seats": 3}}}

    async def fetched(url: str, more: str = "", options: Any = out) -> Any:
        return await platform.json("api", f"/out?url={url}{more}", None, options)

    status, url, redirected, text = await fetched("http://a.example/x?y=1", "&method=PUT")
    assert (status, url, redirected) == (200, "http://a.example/x?y=1", False)
    assert json.loads(text) == {
        "url": "http://a.example/x?y=1",
        "method": "PUT",
        "mine": "1",
        "body": "sent",
        "customer": "ada",
        "plan": {"seats": 3},
        "own": "o",
        "keys": ["OWN", "customer", "plan"],
    }
    # Parameters are one request's: nothing of them is left for the next.
    seen = json.loads((await fetched("http://a.example/", options=None))[3])
    assert (seen.get("customer"), seen["keys"]) == (None, ["OWN"])
    assert json.loads((await fetched("http://a.example/", options={"outbound": {"customer": "bob"}}))[3])["customer"] == "bob"
    assert (await fetched("http://blocked.example/"))[0] == 403
    # Each hop of a redirect is seen by it; where it says no, the answer is no.
    assert await fetched("http://a.example/moved") == [403, "http://blocked.example/x", True, "blocked"]
    assert (await fetched("http://a.example/moved", "&redirect=manual"))[:3] == [302, "http://a.example/moved", False]
    assert "redirect mode is 'error'" in await platform.text("api", "/out?url=http://a.example/moved&redirect=error", None, out)
    assert "Too many redirects" in await platform.text("api", "/out?url=http://a.example/round", None, out)
    # Its own fetch() is under the platform's guard, and what it throws is the caller's to catch.
    assert "egress policy" in await platform.text("api", "/out?url=http://a.example/private", None, out)
    assert "the gate is shut" in await platform.text("api", "/out?url=http://a.example/fail", None, out)
    for wrong in ({"other": 1}, {"customer": 1, "x": 2}, "text"):
        assert (await platform.text("api", "/", None, {"outbound": wrong})).startswith("TypeError: DispatchNamespace.get")
    # Without it nothing gets out.
    await platform.do(services.worker_delete, worker_name="outbound")
    assert "'outbound' does not exist" in await platform.text("api", "/out?url=http://a.example/", None, out)


async def test_a_dispatcher_that_finds_itself_ends(platform: Platform) -> None:
    await platform.set_up()
    binding = {"type": "dispatch_namespace", "name": "DISPATCHER", "namespace": "production"}
    await platform.upload(DISPATCHER, name="production:mirror", bindings=[binding])
    answer = await asyncio.wait_for(platform.ask("mirror"), 30)
    assert (answer.status, b"Subrequest depth limit exceeded" in answer.body) == (500, True)
    assert "no outbound worker" in await platform.text("api", "/", None, {"outbound": {"customer": 1}})
    async with asyncio.timeout(20):
        while (stats := await platform.server.admin("/stats"))["gateway"]["requests"]["under_way"] or stats["sandbox"][
            "requests_by_tenant"
        ]:
            await asyncio.sleep(0.02)


async def test_what_is_under_way_ends_when_the_namespace_goes(platform: Platform) -> None:
    await platform.set_up()
    connections = [await Connection.open(platform.server.port) for _ in range(3)]
    for connection in connections:
        await connection.send(message(ROUTER, "/slow", headers=[b'x-get: ["api"]']))
    # Their heads are there: the worker is answering.
    assert [(await connection.head()).status for connection in connections] == [200] * 3
    await platform.do(services.namespace_delete, name="production")
    assert [(await platform.ask("api")).status for _ in range(3)] == [404] * 3
    for connection in connections:
        assert b"and done" in await asyncio.wait_for(connection.reader.readuntil(b"0\r\n\r\n"), 20)
        await connection.close()
