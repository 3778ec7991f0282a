"""Dispatch bindings and outbound workers as the sandbox has them: capabilities of a target, without a tenant or a row."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox import Bundle, Limits, Request, Response, Sandbox, Worker
from sandbox.errors import HostelError
from sandbox.worker.dispatching import wanted
from sandbox.worker.target import Dispatched

URL = "http://visited.example"
DISPATCHER = """
import { env as everywhere } from "cloudflare:workers";
const calls = {
  "/get": (env) => env.NS.get("user", { props: { a: [1, null] } }, { limits: { cpuMs: 500, subRequests: 3 }, outbound: { who: "me" } }),
  "/bare": (env) => env.NS.get("user"),
  "/nulls": (env) => env.NS.get("user", null, null),
  "/gone": (env) => env.NS.get("gone"),
  "/number": (env) => env.NS.get(7),
  "/long": (env) => env.NS.get("a".repeat(256)),
  "/cyclic": (env) => { const props = {}; props.self = props; return env.NS.get("user", { props }); },
  "/function": (env) => env.NS.get("user", { props: () => 1 }),
  "/undeclared": (env) => env.NS.get("user", {}, { outbound: { what: 1 } }),
  "/none": (env) => env.BARE.get("user", {}, { outbound: {} }),
  "/illegal": (env) => new env.NS.constructor({ name: "NS" }),
  "/nameless": (env) => env.NS.get(),
  "/child": (env) => env.LOADER.load({ compatibilityDate: "2026-01-01", mainModule: "m.js",
    modules: { "m.js": "export default { fetch() { return fetch('http://out.example/child') } }" } }).getEntrypoint(),
  "/offline": (env) => env.LOADER.load({ compatibilityDate: "2026-01-01", mainModule: "m.js", globalOutbound: null,
    modules: { "m.js": "export default { fetch() { return fetch('http://out.example/child') } }" } }).getEntrypoint(),
};
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/tag") return new Response([Object.prototype.toString.call(env.NS), env.NS === everywhere.NS, Object.keys(env)].join());
    if (pathname === "/out") return fetch("http://out.example/x");
    try { return await calls[pathname](env).fetch(request); }
    catch (error) { return new Response(`${error.name}: ${error.message}`, { status: 500 }); }
  },
};
"""
ENV = (
    {"type": "dispatch_namespace", "name": "NS", "namespace": "n", "outbound": {"worker": {"service": "o"}, "params": [{"name": "who"}]}},
    {"type": "dispatch_namespace", "name": "BARE", "namespace": "n"},
    {"type": "worker_loader", "name": "LOADER"},
)


class Asked:
    """A dispatcher and an outbound worker that remember what they were asked."""

    def __init__(self) -> None:
        self.dispatched: list[Dispatched] = []
        self.out: list[str] = []

    async def dispatch(self, what: Dispatched, request: Request) -> Response:
        self.dispatched.append(what)
        if what.worker == "gone":
            raise HostelError("Worker not found.")
        return Response(200, "OK", [(b"x-asked", request.url.encode())], b"dispatched")

    async def outbound(self, request: Request) -> Response:
        self.out.append(request.url)
        return Response(200, "OK", [], b"through")


async def made(box: Sandbox, **limits: int) -> tuple[Worker, Asked]:
    worker, asked = await box.load("dispatcher", replace(Bundle.js(DISPATCHER), env=ENV), limits=Limits(**limits)), Asked()
    ways = {"NS": asked.dispatch, "BARE": asked.dispatch}
    return Worker(box, replace(worker.target, dispatchers=ways, outbound_worker=asked.outbound)), asked


async def text(worker: Worker, path: str) -> str:
    return await (await worker.fetch(URL + path)).text()


async def test_what_is_asked_for_arrives(box: Sandbox) -> None:
    worker, asked = await made(box)
    response = await worker.fetch(f"{URL}/get")
    assert (await response.text(), dict(response.headers)[b"x-asked"]) == ("dispatched", b"http://visited.example/get")
    assert asked.dispatched == [
        Dispatched("user", props={"a": [1, None]}, limits={"cpu_ms": 500, "subrequests": 3}, parameters={"who": "me"})
    ]
    for path in ("/bare", "/nulls"):
        assert await text(worker, path) == "dispatched"
        assert asked.dispatched[-1] == Dispatched("user")
    assert await text(worker, "/number") == "dispatched"
    assert asked.dispatched[-1].worker == "7"
    assert await text(worker, "/gone") == "Error: Worker not found."
    assert await text(worker, "/tag") == "[object DispatchNamespace],true,NS,BARE,LOADER"


async def test_what_cannot_be_asked_for_is_a_type_error(box: Sandbox) -> None:
    worker, asked = await made(box)
    for path, words in {
        "/long": "at most 255 characters",
        "/cyclic": "circular",
        "/function": "cannot be written as JSON",
        "/undeclared": "outbound.what is not known",
        "/none": "no outbound worker",
        "/illegal": "Illegal constructor",
        "/nameless": "DispatchNamespace.get",
    }.items():
        told = await text(worker, path)
        assert told.startswith("TypeError"), told
        assert words in told
    assert asked.dispatched == []


async def test_a_binding_without_a_way_is_refused(box: Sandbox) -> None:
    worker, _ = await made(box)
    blind = Worker(box, replace(worker.target, dispatchers={}))
    assert "There is no binding 'NS' to call" in await text(blind, "/bare")


async def test_dynamic_workers_go_through_the_outbound_worker_too(box: Sandbox) -> None:
    worker, asked = await made(box)
    assert await text(worker, "/out") == "through"
    assert await text(worker, "/child") == "through"
    assert asked.out == ["http://out.example/x", "http://out.example/child"]
    # One that was given no outbound has none.
    assert "not permitted to access the internet" in await text(worker, "/offline")
    offline = Worker(box, replace(worker.target, outbound=False))
    response = await offline.fetch(f"{URL}/child")
    assert (response.status, len(asked.out)) == (500, 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["worker", "props", "limits", "outbound", "binding", "x"])


@given(st.dictionaries(FIELDS, JSON))
def test_whatever_a_guest_writes_is_read(spec: dict[str, Any]) -> None:
    found = wanted(json.loads(json.dumps(spec)))
    assert isinstance(found.worker, str)
    assert isinstance(found.parameters, dict)
    assert set(found.limits) <= {"cpu_ms", "subrequests"}


@given(st.dictionaries(st.sampled_from(["cpuMs", "subRequests", "memory"]), st.integers() | st.booleans() | st.none() | st.floats()))
def test_limits_are_numbers_that_mean_something(limits: dict[str, Any]) -> None:
    found = wanted({"limits": limits}).limits
    for name, least in (("cpu_ms", 1), ("subrequests", 0)):
        given_value = limits.get({"cpu_ms": "cpuMs", "subrequests": "subRequests"}[name])
        fits = type(given_value) is int and given_value >= least
        assert found.get(name) == (given_value if fits else None)
