"""Runs over the API: a version or a draft, one request, and everything that was seen."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import settings

from tenants.models import AuditEvent, Version
from tests.api.conftest import Native

pytestmark = pytest.mark.usefixtures("runs_here")

ECHO = """
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    console.log("asked", url.pathname);
    console.error("twice");
    if (url.pathname === "/throw") throw new TypeError("no such thing");
    if (url.pathname === "/later") { ctx.waitUntil(Promise.resolve().then(() => console.log("later"))); return new Response("now"); }
    if (url.pathname === "/bytes") return new Response(new Uint8Array([0, 255, 1]));
    if (url.pathname === "/big") return new Response("é".repeat(1048576));
    if (url.pathname === "/stream")
      return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("a")); c.enqueue(new TextEncoder().encode("b")); c.close(); } }));
    if (url.pathname === "/spin") for (;;) {}
    if (url.pathname === "/fetch") { try { await fetch("http://127.0.0.1:9/x"); } catch (e) { return new Response("refused"); } }
    if (url.pathname === "/call") return env.OTHER.fetch("https://other/hi");
    globalThis.count = (globalThis.count ?? 0) + 1;
    return Response.json({
      method: request.method, url: request.url, body: await request.text(), count: globalThis.count,
      ip: request.headers.get("cf-connecting-ip"), own: request.headers.get("x-own"), spoof: request.headers.get("cf-ipcountry"),
      version: ctx.version?.metadata?.id, secret: env.KEY,
    });
  },
};
"""


def run(native: Native, *, worker: str = "hello", **values: Any) -> Any:
    reply = native.post(f"/workers/{worker}/run", values)
    assert reply.status == 200, reply.content
    return reply.json


def test_a_version_answers_and_everything_is_told(native: Native) -> None:
    made = native.upload(ECHO).json
    found = run(
        native, method="PUT", url="/a b".replace(" ", "%20") + "?x=é", headers=[["X-Own", "1"], ["CF-IPCountry", "XX"], ["Host", "evil"]], body="hé",
        client="203.0.113.9",
    )  # fmt: skip
    import json

    seen = json.loads(found["response"]["body"])
    assert seen["method"] == "PUT"
    assert seen["url"] == settings.HOSTEL.origin("hello.acme.localhost") + "/a%20b?x=%C3%A9"
    assert (seen["body"], seen["ip"], seen["own"], seen["spoof"]) == ("hé", "203.0.113.9", "1", None)
    assert (found["version"], found["number"], found["outcome"], found["error"]) == (made["id"], 1, "ok", None)
    assert [(line["level"], line["message"], line["worker"]) for line in found["logs"]] == [
        ("log", "asked /a%20b", "hello"),
        ("error", "twice", "hello"),
    ]
    assert found["response"]["status"] == 200
    assert ["content-type", "application/json"] in found["response"]["headers"]
    assert found["cpu_us"] > 0
    assert found["wall_us"] > 0
    assert found["memory_bytes"] > 1_000_000
    assert found["finished"]
    # An instance of its own for each: nobody sees what another has left.
    assert json.loads(run(native)["response"]["body"])["count"] == 1


def test_bodies_of_every_kind(native: Native) -> None:
    native.upload(ECHO)
    assert (run(native, url="/bytes")["response"]["body"], run(native, url="/bytes")["response"]["encoding"]) == (
        base64.b64encode(b"\0\xff\1").decode(),
        "base64",
    )
    big = run(native, url="/big")["response"]
    assert (big["body_bytes"], big["truncated"], big["encoding"], len(big["body"])) == (2 * 1048576, True, "utf-8", 524288)
    assert run(native, url="/stream")["response"]["body"] == "ab"
    sent = run(native, method="POST", body_base64=base64.b64encode(b"\xf0").decode())
    assert "\\ufffd" in sent["response"]["body"] or "\ufffd" in sent["response"]["body"]
    later = run(native, url="/later")
    assert (later["response"]["body"], [line["message"] for line in later["logs"]][-1]) == ("now", "later")


def test_what_goes_wrong_in_it_is_a_result(native: Native) -> None:
    native.upload(ECHO, limits={"cpu_ms": 50})
    threw = run(native, url="/throw")
    assert (threw["response"], threw["outcome"], threw["error"]["code"], threw["error"]["status"]) == (
        None,
        "exception",
        "worker_exception",
        500,
    )
    (caught,) = threw["exceptions"]
    assert (caught["name"], caught["message"], caught["file"], caught["line"]) == ("TypeError", "no such thing", "worker.js", 7)
    assert run(native, url="/spin")["error"]["code"] == "worker_exceeded_cpu"
    fetched = run(native, url="/fetch")
    (call,) = fetched["calls"]
    assert (call["kind"], call["method"], call["url"], call["status"]) == ("internet", "GET", "http://127.0.0.1:9/x", 0)
    assert call["error"]
    assert fetched["subrequests"] == 1


def test_other_workers_are_part_of_it(native: Native) -> None:
    native.upload("export default { fetch() { console.log('there'); return new Response('hi', { status: 201 }); } };", name="other")
    native.upload(ECHO, bindings=[{"type": "service", "name": "OTHER", "service": "other"}])
    found = run(native, url="/call")
    assert [(call["kind"], call["binding"], call["status"]) for call in found["calls"]] == [("service", "OTHER", 201)]
    assert [line["worker"] for line in found["logs"]] == ["hello", "hello", "other"]


def test_any_version_deployed_or_not(native: Native) -> None:
    native.upload("export default { fetch() { return new Response('one') } };")
    second = native.upload("export default { fetch() { return new Response('two') } };", deploy=False).json
    assert run(native)["response"]["body"] == "one"
    assert run(native, version=second["id"])["response"]["body"] == "two"
    reply = native.post(f"/workers/hello/versions/{second['id']}/run", {"url": "/"})
    assert (reply.status, reply.json["response"]["body"], reply.json["number"]) == (200, "two", 2)
    native.upload("export default { fetch() { return new Response('never deployed') } };", name="new", deploy=False)
    assert run(native, worker="new")["response"]["body"] == "never deployed"


def test_a_draft_leaves_nothing(native: Native) -> None:
    native.upload(ECHO, bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
    before = (Version.objects.count(), AuditEvent.objects.count())
    source = "import { x } from './x.js'; export default { fetch(_, env) { return new Response(x + env.KEY) } };"
    draft = {
        "main_module": "a.js",
        "modules": [{"name": "a.js", "content": source}, {"name": "x.js", "content": "export const x = 'draft '"}],
    }
    found = run(native, draft=draft)
    assert (found["response"]["body"], found["version"], found["number"]) == ("draft s3cret", None, None)
    assert run(native, draft={**draft, "bindings": []})["response"]["body"] == "draft undefined"
    assert run(native, worker="brand-new", draft=draft)["response"]["body"] == "draft undefined"
    assert (Version.objects.count(), AuditEvent.objects.count()) == before
    staging = settings.HOSTEL.home / "staging"
    assert not staging.exists() or not list(staging.iterdir())


def test_a_draft_that_does_not_build_says_where(native: Native) -> None:
    native.upload()

    def refused(source: str) -> Any:
        draft = {"main_module": "a.js", "modules": [{"name": "a.js", "content": source}]}
        reply = native.post("/workers/hello/run", {"draft": draft})
        assert reply.status == 400
        return reply.problem

    syntax = refused("export default {\n  fetch( { }\n};")
    assert (syntax["code"], syntax["file"], syntax["line"]) == ("script_syntax_error", "a.js", 3)
    assert syntax["column"] > 0
    assert refused("import './gone.js'; export default { fetch() {} };")["code"] == "module_not_found"
    threw = refused("\n\nthrow new Error('top');")
    assert (threw["code"], threw["line"]) == ("script_top_level_threw", 3)
    assert refused("export const x = 1;")["code"] == "script_no_handlers"
    assert refused("for (;;) {}; export default {}")["code"] == "startup_cpu_exceeded"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"method": "CONNECT"}, "method"),
        ({"method": "G T"}, "method"),
        ({"url": "ftp://x/"}, "url"),
        ({"url": "//x/"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://a:99999/"}, "url"),
        ({"url": "http://u@a/"}, "url"),
        ({"url": "/a\nb"}, "url"),
        ({"url": "/" + "x" * 20_000}, "url"),
        ({"headers": [["a b", "c"]]}, "headers"),
        ({"headers": [["a", "b\r\nc"]]}, "headers"),
        ({"headers": [["a", "\u2603"]]}, "headers"),
        ({"headers": [["a"]]}, "headers.0"),
        ({"headers": [["a", "x" * 70_000]]}, "headers"),
        ({"client": "nowhere"}, "client"),
        ({"body": "x", "body_base64": "eA=="}, "body"),
        ({"body_base64": "!"}, "body_base64"),
        ({"body": "x" * (1024 * 1024 + 1)}, "body"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_cannot_be_sent(native: Native, values: dict[str, Any], field: str) -> None:
    native.upload()
    reply = native.post("/workers/hello/run", values)
    assert (reply.status, reply.problem["field"]) == (400, field)


def test_what_is_not_there(native: Native, stranger: Native) -> None:
    native.upload()
    theirs = stranger.get("/workers/hello/versions").json["items"][0]["id"]
    assert native.post("/workers/gone/run", {}).problem["code"] == "worker_not_found"
    for version in (theirs, "nonsense", "00000000-0000-0000-0000-000000000000"):
        assert native.post("/workers/hello/run", {"version": version}).problem["code"] == "version_not_found"
    assert native.post(f"/workers/hello/versions/{theirs}/run", {}).problem["code"] == "version_not_found"
    assert native.post("/workers/hello/run", {"version": theirs, "draft": {"main_module": "a", "modules": []}}).status == 400
