"""What the guest says when a handler goes wrong: the exception, its stack, and that the request ends."""

from __future__ import annotations

import asyncio

import pytest

from sandbox import Bundle, InvocationError, InvocationRecord, Sandbox, Worker

URL = "http://example.com/"


async def loaded(box: Sandbox, source: str, entrypoint: str = "") -> tuple[Worker, list[InvocationRecord]]:
    worker = await box.load("wrong", Bundle.js(source))
    worker.target.entrypoint = entrypoint
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    return worker, records


async def failed(box: Sandbox, handler: str, entrypoint: str = "") -> tuple[str, str, str]:
    """Name, message and stack of what the handler threw."""
    worker, records = await loaded(box, f"export default {{ {handler} }};", entrypoint)
    with pytest.raises(InvocationError):
        await worker.fetch(URL)
    await asyncio.sleep(0)
    thrown = records[0].exceptions[0]
    assert thrown.where == "handler"
    return thrown.name, thrown.message, thrown.stack


@pytest.mark.parametrize(
    ("handler", "name", "message"),
    [
        ("fetch() { throw new RangeError('sync') }", "RangeError", "sync"),
        ("async fetch() { throw new TypeError('async') }", "TypeError", "async"),
        ("async fetch() { await scheduler.wait(1); null.x }", "TypeError", "null"),
        ("fetch() { throw 'a string' }", "Error", "a string"),
        ("fetch() { throw undefined }", "Error", "undefined"),
        ("fetch() { throw { get name() { throw 1 }, toString() { throw 2 } } }", "Error", "object"),
        ("fetch() { throw new DOMException('gone', 'AbortError') }", "AbortError", "gone"),
        ("fetch() { return 5 }", "TypeError", "did not resolve to 'Response'"),
        ("async fetch() { }", "TypeError", "did not resolve to 'Response'"),
        ("fetch() { return { then(r) { r({}) } } }", "TypeError", "did not resolve to 'Response'"),
        ("async fetch() { const r = new Response('x'); await r.text(); return r }", "TypeError", "already been used"),
        ("fetch() { return Response.error() }", "TypeError", "Response.error()"),
        ("scheduled() { }", "TypeError", "Handler does not export a fetch() function."),
        ("async fetch() { await new Promise(() => {}) }", "Error", "would never generate a response"),
    ],
)
async def test_what_went_wrong_is_said(box: Sandbox, handler: str, name: str, message: str) -> None:
    said_name, said_message, stack = await failed(box, handler)
    assert said_name == name
    assert message in said_message
    assert "hostel:runtime" not in stack


async def test_the_stack_names_the_workers_own_lines(box: Sandbox) -> None:
    _, _, stack = await failed(box, "fetch() { inner() } };\nfunction inner() {\n  throw new Error('deep');\n}\nexport const other = {")
    assert stack.splitlines()[0].startswith("    at inner (worker.js:3:")
    assert stack.splitlines()[1].startswith("    at fetch (worker.js:1:")


async def test_rejections_nobody_handles_are_told(box: Sandbox) -> None:
    source = """
      export default { async fetch() {
        Promise.reject(new Error("lost"));
        Promise.reject(new Error("found")).catch(() => {});
        queueMicrotask(() => { throw new Error("micro") });
        setTimeout(() => { throw new Error("timer") }, 1);
        await scheduler.wait(5);
        return new Response("fine");
      } };
    """
    worker, records = await loaded(box, source)
    assert await (await worker.fetch(URL)).text() == "fine"
    await asyncio.sleep(0)
    assert {(thrown.message, thrown.where) for thrown in records[0].exceptions} == {
        ("lost", "rejection"),
        ("micro", "rejection"),
        ("timer", "rejection"),
    }


async def test_classes_and_named_entrypoints(box: Sandbox) -> None:
    source = """
      import { WorkerEntrypoint } from "cloudflare:workers";
      let made = 0;
      export default class extends WorkerEntrypoint {
        constructor(ctx, env) { super(ctx, env); made++; }
        fetch(request) { return new Response(`${made} ${this.env.A} ${typeof this.ctx.waitUntil} ${new URL(request.url).pathname}`); }
      }
      export class Named extends WorkerEntrypoint { async fetch() { return new Response("named"); } }
      export const plain = { fetch() { return new Response("plain"); } };
      export class NoFetch extends WorkerEntrypoint {}
      export const constant = 5;
      export function helper() {}
    """
    built = await box.build(Bundle.js(source, env={"A": "a"}))
    assert set(built.handlers) == {"fetch"}
    assert {name: tuple(handlers) for name, handlers in built.entrypoints.items()} == {
        "Named": ("fetch",),
        "plain": ("fetch",),
        "NoFetch": (),
    }
    worker = await box.load("classes", Bundle.js(source, env={"A": "a"}))
    assert await (await worker.fetch(URL + "p")).text() == "1 a function /p"
    assert await (await worker.fetch(URL)).text() == "2 a function /"
    for entrypoint, answer in (("Named", "named"), ("plain", "plain")):
        worker.target.entrypoint = entrypoint
        assert await (await worker.fetch(URL)).text() == answer
    for entrypoint in ("NoFetch", "constant", "missing"):
        worker.target.entrypoint = entrypoint
        with pytest.raises(InvocationError):
            await worker.fetch(URL)


async def test_wait_until_that_can_never_end_does_not_hold_the_request(box: Sandbox) -> None:
    worker, records = await loaded(
        box, "export default { fetch(r, e, ctx) { ctx.waitUntil(new Promise(() => {})); return new Response('x') } }"
    )
    assert await (await worker.fetch(URL)).text() == "x"
    await asyncio.sleep(0.01)
    assert "still pending" in records[0].logs[0].message
