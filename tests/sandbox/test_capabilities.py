"""Capabilities and the flags binding as the sandbox has them: a way handed in, without a tenant or a flag."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from sandbox import Bundle, Limits, Sandbox, Worker
from sandbox.errors import HostelError
from sandbox.worker.capabilities import MAX_QUESTIONS, Question
from sandbox.worker.record import MARKS, InvocationRecord, Mark

URL = "http://visited.example"
READER = """
const big = "x".repeat(1 << 20);
const cyclic = {}; cyclic.self = cyclic;
const calls = {
  "/boolean": (f) => f.getBooleanDetails("on", false, { plan: "pro" }),
  "/get": (f) => f.get("on"),
  "/number": (f) => f.getNumberValue("on", 7),
  "/string": (f) => f.getStringDetails("on", "fallback"),
  "/object": (f) => f.getObjectValue("object", {}),
  "/unknown": (f) => f.getObjectDetails("unknown", { mine: [1] }),
  "/huge": (f) => f.getBooleanDetails("on", true, { big }),
  "/hugekey": async (f) => ({ ...await f.getBooleanDetails(big, true), flagKey: 0 }),
  "/cyclic": (f) => f.getBooleanDetails("on", true, cyclic),
  "/array": (f) => f.getBooleanDetails("on", true, [1]),
  "/getter": (f) => f.getBooleanDetails("on", true, { get a() { throw new Error("mine"); } }),
  "/later": (f) => f.getBooleanValue("later", false),
  "/refused": (f) => f.getBooleanDetails("refused", true),
  "/broken": (f) => f.getBooleanDetails("broken", true),
  "/many": async (f) => { let last; for (let i = 0; i < 1005; i++) last = await f.getBooleanDetails("on", false); return last; },
  "/marks": async (f) => { for (let i = 0; i < 150; i++) await f.get(`flag${i % 120}`); return 1; },
  "/track": async (f) => [await f.track("bought", { targetingKey: "ann" }, { value: 9.5 }), await f.track("seen")],
  "/untracked": async (f) => [await f.track("bought", cyclic), await f.track("bought", {}, { value: NaN }), await f.track("a", { big })],
  "/forgotten": (f) => { f.track("left"); return 1; },
  "/tag": (f) => [Object.prototype.toString.call(f), Object.keys(Object.getPrototypeOf(f)).length],
  "/illegal": (f) => { try { new f.constructor({ name: "FLAGS" }); } catch (error) { return error.message; } },
  "/patched": (f) => {
    JSON.parse = Promise.prototype.then = Object.hasOwn = () => { throw new Error("patched"); };
    return f.getBooleanValue("on", false);
  },
};
export default {
  async fetch(request, env) { return Response.json(await calls[new URL(request.url).pathname](env.FLAGS)); },
};
"""


class Host:
    """Answers as a flag engine might, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.records: list[InvocationRecord] = []

    def answer(self, question: Question) -> Any:
        asked = json.loads(question.text)
        self.asked.append({"method": question.method, "url": question.request.url, **asked})
        if question.method == "track":
            question.note(Mark("event", asked["event"], "production", number=asked["value"]))
            return "{}"
        flag = asked["flag"]
        question.note(Mark("flag", flag, "production", "on"))
        if flag == "later":
            return self.later()
        if flag == "refused":
            raise HostelError("Not today.")
        if flag == "broken":
            raise ZeroDivisionError
        if flag == "unknown":
            return json.dumps({"reason": "ERROR", "errorCode": "FLAG_NOT_FOUND", "errorMessage": "There is none."})
        if asked["type"] not in ("any", "boolean") and flag == "on":
            return json.dumps({"reason": "ERROR", "errorCode": "TYPE_MISMATCH", "errorMessage": "It is a boolean."})
        value = {"a": [1, {"b": None}]} if flag == "object" else True
        return json.dumps({"value": value, "variant": "on", "reason": "STATIC", "flagMetadata": {"layer": "l"}})

    @staticmethod
    async def later() -> str:
        await asyncio.sleep(0.01)
        return json.dumps({"value": True, "variant": "on", "reason": "STATIC"})


async def made(box: Sandbox) -> tuple[Worker, Host]:
    bundle = replace(Bundle.js(READER), env=({"type": "flags", "name": "FLAGS", "environment": "production"},))
    worker, host = await box.load("reader", bundle, limits=Limits()), Host()
    return Worker(box, replace(worker.target, capabilities={"FLAGS": host.answer}, on_finish=host.records.append)), host


async def asked(worker: Worker, path: str) -> Any:
    response = await worker.fetch(URL + path)
    return json.loads(await response.read())


async def test_an_evaluation_comes_from_the_host(box: Sandbox) -> None:
    worker, host = await made(box)
    details = {"flagKey": "on", "value": True, "variant": "on", "reason": "STATIC", "flagMetadata": {"layer": "l"}}
    assert await asked(worker, "/boolean") == details
    assert host.asked == [
        {"method": "evaluate", "url": f"{URL}/boolean", "flag": "on", "type": "boolean", "context": {"plan": "pro"}},
    ]
    assert await asked(worker, "/get") is True
    assert await asked(worker, "/object") == {"a": [1, {"b": None}]}
    assert await asked(worker, "/later") is True
    assert await asked(worker, "/tag") == ["[object Flagship]", 10]
    assert await asked(worker, "/illegal") == "Illegal constructor"
    assert await asked(worker, "/patched") is True


async def test_what_goes_wrong_gives_the_default_and_says_why(box: Sandbox) -> None:
    worker, host = await made(box)
    assert await asked(worker, "/number") == 7
    wrong = {"flagKey": "on", "reason": "ERROR", "flagMetadata": {}}
    assert await asked(worker, "/string") == {
        **wrong,
        "value": "fallback",
        "errorCode": "TYPE_MISMATCH",
        "errorMessage": "It is a boolean.",
    }
    unknown = await asked(worker, "/unknown")
    assert (unknown["value"], unknown["errorCode"]) == ({"mine": [1]}, "FLAG_NOT_FOUND")
    asks = len(host.asked)
    for path in ("/huge", "/hugekey", "/cyclic", "/array", "/getter"):
        details = await asked(worker, path)
        assert (details["value"], details["reason"], details["errorCode"]) == (True, "ERROR", "INVALID_CONTEXT"), path
    assert len(host.asked) == asks, "none of it reached the host"
    assert (await asked(worker, "/refused"))["errorMessage"] == "Not today."
    assert (await asked(worker, "/broken"))["errorMessage"] == "internal error"


async def test_questions_are_bounded_metered_and_no_subrequests(box: Sandbox) -> None:
    worker, host = await made(box)
    last = await asked(worker, "/many")
    assert (last["value"], last["errorCode"]) == (False, "GENERAL")
    assert f"the limit is {MAX_QUESTIONS}" in last["errorMessage"]
    assert len(host.asked) == MAX_QUESTIONS
    await asked(worker, "/boolean")
    assert host.records[0].subrequests == 0
    assert host.records[0].cpu_us > host.records[1].cpu_us


async def test_marks_are_kept_with_the_record_within_a_bound(box: Sandbox) -> None:
    worker, host = await made(box)
    await asked(worker, "/marks")
    record = host.records[0]
    assert len({mark.name for mark in record.marks}) == len(record.marks) == MARKS
    assert record.marks_dropped == 20


async def test_events_are_tracked(box: Sandbox) -> None:
    worker, host = await made(box)
    assert await asked(worker, "/track") == [None, None]
    assert [(mark.name, mark.number) for mark in host.records[0].marks] == [("bought", 9.5), ("seen", None)]
    assert host.asked[0]["context"] == {"targetingKey": "ann"}
    assert await asked(worker, "/untracked") == [None, None, None]
    assert len(host.asked) == 2
    assert [line.level for line in host.records[1].logs] == ["warn"] * 3
    # Nobody waited for the answer: it counts all the same.
    assert await asked(worker, "/forgotten") == 1
    assert host.records[2].marks[0].name == "left"


async def test_a_binding_without_a_way_gives_defaults(box: Sandbox) -> None:
    worker, _ = await made(box)
    blind = Worker(box, replace(worker.target, capabilities={}))
    details = await asked(blind, "/boolean")
    assert (details["value"], details["errorCode"]) == (False, "GENERAL")


async def test_nothing_is_evaluated_at_start_up(box: Sandbox) -> None:
    source = """
    import { env } from "cloudflare:workers";
    const found = await env.FLAGS.getBooleanValue("on", false).catch((error) => error.message);
    export default { fetch: () => new Response(found) };
    """
    bundle = replace(Bundle.js(source), env=({"type": "flags", "name": "FLAGS", "environment": "production"},))
    worker = await box.load("early", bundle)
    assert "Disallowed operation called within global scope" in await (await worker.fetch(URL)).text()
