"""Events that are no requests: a handler of their name gets them, under the same limits and with the same record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Bundle, InvocationError, InvocationRecord, Outcome, Request, Sandbox
from sandbox.limits import Limits

SOURCE = """
import { WorkerEntrypoint } from "cloudflare:workers";
let seen = [];
export default {
  async tail(events, env, ctx) {
    await null;
    for (const event of events) {
      if (event.do === "throw") throw new Error("no");
      if (event.do === "spin") for (;;) {}
      if (event.do === "wait") ctx.waitUntil(Promise.resolve().then(() => console.log("waited")));
    }
    seen = events;
    console.log(env.NAME, events.length, JSON.stringify(events[0] ?? null));
  },
  fetch() { return Response.json(seen); },
};
export class Named extends WorkerEntrypoint { tail(events) { console.log("named", this.env.NAME, events.length); } }
"""


async def told(box: Sandbox, events: Any, *, entrypoint: str = "", source: str = SOURCE, handler: str = "tail") -> InvocationRecord:
    worker = await box.load("tailer", Bundle.js(source, env={"NAME": "n"}), limits=Limits(cpu_ms=200))
    records: list[InvocationRecord] = []
    worker.target.on_finish, worker.target.entrypoint = records.append, entrypoint
    request = Request("", "tail://tailer/", [], json.dumps(events).encode(), event=handler)
    try:
        response = await box.dispatch(worker.target, request)
        assert (response.status, await response.read()) == (204, b"")
    except InvocationError:
        assert records[0].outcome != "ok"
    (record,) = records
    assert (record.event, record.method) == (handler, "")
    return record


@pytest.mark.parametrize("events", [[], [{"a": 1}], [{"text": "é\u2028\U0001f600"}] * 3])
async def test_the_handler_gets_its_argument(box: Sandbox, events: list[Any]) -> None:
    record = await told(box, events)
    assert record.outcome == Outcome.OK
    first = json.dumps(events[0], ensure_ascii=False, separators=(",", ":")) if events else "null"
    assert record.logs[0].message == f"n {len(events)} {first}"


async def test_a_named_entrypoint_gets_it_too(box: Sandbox) -> None:
    assert (await told(box, [1, 2], entrypoint="Named")).logs[0].message == "named n 2"


async def test_what_it_promised_is_waited_for(box: Sandbox) -> None:
    assert [line.message for line in (await told(box, [{"do": "wait"}])).logs][-1] == "waited"


@pytest.mark.parametrize(("do", "outcome"), [("throw", Outcome.EXCEPTION), ("spin", Outcome.EXCEEDED_CPU)])
async def test_its_failures_have_their_outcome(box: Sandbox, do: str, outcome: Outcome) -> None:
    assert (await told(box, [{"do": do}])).outcome == outcome


async def test_a_handler_that_is_not_there_is_an_exception(box: Sandbox) -> None:
    record = await told(box, [], source="export default { fetch() {} };")
    assert record.exceptions[0].message == "Handler does not export a tail() function."
    record = await told(box, [], entrypoint="Nobody")
    assert record.outcome == Outcome.EXCEPTION
