"""The Worker Loader: get, load, keys, limits, errors (workers-semantics: Worker Loader)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sandbox import Bundle, Limits, Sandbox, Worker, WorkerKey

PARENT = """
import { env } from "cloudflare:workers";
let made = 0;
const code = (source, more = {}) => ({
  compatibilityDate: "2025-06-01", mainModule: "index.js", modules: { "index.js": source }, ...more,
});
const HELLO = "let n = 0; export default { fetch(request, env) { return new Response(JSON.stringify([++n, env.A ?? null, request.url])) } }";
const routes = {
  "/get": (url) => env.LOADER.get(url.searchParams.get("key"), () => { made++; return code(HELLO, { env: { A: url.searchParams.get("a") } }); }),
  "/load": () => env.LOADER.load(code(HELLO)),
  "/throws": () => env.LOADER.get("t" + Math.random(), () => { throw new RangeError("no code today"); }),
  "/rejects": () => env.LOADER.get("r" + Math.random(), async () => { throw new Error("not today either"); }),
  "/syntax": () => env.LOADER.get("s" + Math.random(), () => code("export default {\\n fetch(")),
  "/nomain": () => env.LOADER.get("n" + Math.random(), () => ({ ...code(HELLO), mainModule: "gone.js" })),
  "/child-throws": () => env.LOADER.get("c" + Math.random(), () => code("export default { fetch() { throw new Error('child') } }")),
  "/offline": () => env.LOADER.get("o", () => code("export default { async fetch() { return fetch('http://127.0.0.1:1/') } }", { globalOutbound: null })),
  "/spin": () => env.LOADER.get("spin", () => code("export default { fetch() { for (;;); } }", { limits: { cpuMs: 30 } })),
  "/modules": () => env.LOADER.get("m", () => ({
    compatibilityDate: "2025-06-01", mainModule: "a.js",
    modules: { "a.js": "import t from './t.txt'; import j from './j.json'; import d from './d.bin'; import {x} from './x.js';"
      + "export default { fetch() { return Response.json([t, j.k, [...new Uint8Array(d)], x]) } }",
      "t.txt": { text: "text" }, "j.json": { json: { k: 1 } }, "d.bin": { data: new Uint8Array([1, 2]).buffer }, "x.js": { js: "export const x = 9" } },
  })),
  "/env": () => env.LOADER.get("e", () => code(
    "export default { fetch(r, env) { return Response.json([env.map.get('k'), env.date.getTime(), env.list, env.bytes[1]]) } }",
    { env: { map: new Map([["k", "v"]]), date: new Date(5), list: [1, { a: 2 }], bytes: new Uint8Array([7, 8]) } })),
  "/entry": () => env.LOADER.get("entry", () => code(
    "import { WorkerEntrypoint } from 'cloudflare:workers';"
    + "export class Other extends WorkerEntrypoint { fetch() { return new Response('other ' + this.ctx.props.who) } }"
    + "export default { fetch() { return new Response('default') } }")),
  "/forever": (url) => env.LOADER.get("f" + Math.random(), () => code(env.SELF)),
};
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/made") return new Response(String(made));
    const stub = routes[url.pathname](url);
    const entry = url.pathname === "/entry" ? stub.getEntrypoint("Other", { props: { who: "me" } }) : stub.getEntrypoint();
    try {
      const response = await entry.fetch(request);
      if (url.searchParams.has("twice")) { await response.text(); return await stub.getEntrypoint().fetch(request); }
      return response;
    } catch (error) {
      return new Response(`${error.name}: ${error.message}`, { status: 500 });
    }
  },
};
"""
URL = "http://example.com"


async def parent(box: Sandbox, name: str = "parent", **limits: int) -> Worker:
    bundle = Bundle.js(PARENT)
    return await box.load(name, replace(bundle, env=({"type": "worker_loader", "name": "LOADER"},)), limits=Limits(**limits))


async def ask(worker: Worker, path: str) -> tuple[str, str]:
    response = await worker.fetch(URL + path)
    return await response.text(), dict(response.headers).get(b"worker-loader-start", b"").decode()


async def test_a_key_is_made_once(box: Sandbox) -> None:
    worker = await parent(box)
    assert await ask(worker, "/get?key=k&a=1") == (f'[1,"1","{URL}/get?key=k&a=1"]', "cold")
    text, start = await ask(worker, "/get?key=k&a=2")
    assert (text.split(",")[:2], start) == (["[2", '"1"'], "warm")
    assert await ask(worker, "/made") == ("1", "")
    assert (await ask(worker, "/get?key=other&a=2"))[1] == "cold"


async def test_load_is_never_shared(box: Sandbox) -> None:
    worker = await parent(box)
    assert [await ask(worker, "/load") for _ in range(2)] == [(f'[1,null,"{URL}/load"]', "cold")] * 2
    # One stub stays one worker.
    assert (await ask(worker, "/load?twice"))[0].startswith("[2,")


async def test_two_tenants_with_one_key_never_meet(box: Sandbox) -> None:
    one = await parent(box)
    other = Worker(box, replace(one.target, key=WorkerKey("tenant2", "parent", "1")))
    assert (await ask(one, "/get?key=k&a=1"))[0].startswith('[1,"1"')
    assert await ask(other, "/get?key=k&a=2") == (f'[1,"2","{URL}/get?key=k&a=2"]', "cold")


async def test_errors_surface_on_the_first_request(box: Sandbox) -> None:
    worker = await parent(box)
    assert "no code today" in (await ask(worker, "/throws"))[0]
    assert "not today either" in (await ask(worker, "/rejects"))[0]
    text, _ = await ask(worker, "/syntax")
    assert "SyntaxError" in text
    assert "index.js:2" in text
    assert "gone.js" in (await ask(worker, "/nomain"))[0]
    assert "child" in (await ask(worker, "/child-throws"))[0]


async def test_what_a_dynamic_worker_is_given(box: Sandbox) -> None:
    worker = await parent(box)
    assert (await ask(worker, "/modules"))[0] == '["text",1,[1,2],9]'
    assert (await ask(worker, "/env"))[0] == '["v",5,[1,{"a":2}],8]'
    assert (await ask(worker, "/entry"))[0] == "other me"


async def test_no_outbound_means_none(box: Sandbox) -> None:
    worker = await parent(box)
    text, _ = await ask(worker, "/offline")
    assert "not permitted to access the internet" in text


async def test_limits_of_the_code_are_enforced(box: Sandbox) -> None:
    worker = await parent(box, cpu_ms=5000)
    text, _ = await ask(worker, "/spin")
    assert "CPU time" in text
    assert (await ask(worker, "/get?key=k&a=1"))[1] == "cold"


async def test_many_at_once(box: Sandbox) -> None:
    worker = await parent(box)
    answers = await asyncio.gather(*(ask(worker, f"/get?key={number % 5}&a={number % 5}") for number in range(50)))
    assert all(f'"{number % 5}"' in text for number, (text, _) in enumerate(answers))


async def test_subrequests_in_a_pair(box: Sandbox) -> None:
    source = """
      const code = { compatibilityDate: "2025-06-01", mainModule: "a.js",
        modules: { "a.js": "export default { fetch: () => new Response('x') }" } };
      export default { async fetch(request, env) {
        const count = Number(new URL(request.url).searchParams.get("n"));
        try { for (let i = 0; i < count; i++) await env.LOADER.get("k", () => code).getEntrypoint().fetch(request); }
        catch (error) { return new Response(error.message, { status: 500 }); }
        return new Response("all");
      } };
    """
    bundle = replace(Bundle.js(source), env=({"type": "worker_loader", "name": "LOADER"},))
    worker = await box.load("many", bundle, limits=Limits(subrequests=5))
    assert await (await worker.fetch(f"{URL}/?n=5")).text() == "all"
    assert "Too many subrequests" in await (await worker.fetch(f"{URL}/?n=6")).text()
