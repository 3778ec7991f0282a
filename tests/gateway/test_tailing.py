"""Tail workers get batches, never more than is bounded, and what is lost is counted."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import pytest

from gateway.tailing import BATCH, BATCH_BYTES, WAITING, Tailing, batch_of, consumer_name, item_of
from sandbox import HostelError, InvocationRecord, Limits, LogLine, Outcome, Request, Thrown
from telemetry.frames import Owner
from tenants.rollout import RouteVersion, WorkerRoute

VERSION = RouteVersion("00000001-0000-4000-8000-000000000000", 1, "tagged", "2026-11-22T00:00:00+00:00", 10_000, Limits())
OWNER = Owner(7, 8, "hello", VERSION.id)


def route(*consumers: object) -> WorkerRoute:
    return WorkerRoute(7, "acme", "0" * 32, False, 8, "hello", "t" * 32, "reuse", "d", (VERSION,), tail_consumers=consumers)


def record(url: str = "http://a/", **values: Any) -> InvocationRecord:
    return InvocationRecord(
        "acme", "hello", "v", "", Outcome.OK, values.pop("status", 200), "warm", 1_500, 2_500, 1, 0, 0, 0, 0, 1_000.4, "", values.pop("event", "fetch"), "GET", url, "r", "", "", "", 0, **values,
    )  # fmt: skip


class Consumer:
    """Takes what is delivered, as slowly as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str, list[Any]]] = []
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.at_once = self.most_at_once = 0

    async def __call__(self, tenant_id: int, worker: str, request: Request) -> None:
        assert request.event == "tail"
        assert isinstance(request.body, bytes)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.error:
                raise self.error
            self.got.append((tenant_id, worker, json.loads(request.body)))
        finally:
            self.at_once -= 1

    def items(self, worker: str = "tailer") -> list[Any]:
        return [item for _, name, items in self.got for item in items if name == worker]


async def settled(tailing: Tailing) -> None:
    async with asyncio.timeout(30):
        while tailing._queues:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tailing.GATHER_SECONDS", 0.01)


async def test_every_consumer_gets_every_item_in_batches() -> None:
    consumer = Consumer()
    tailing = Tailing(consumer)
    listen = tailing.listener(route({"service": "tailer"}, {"service": "other"}), VERSION)
    assert listen is not None
    for number in range(250):
        listen(OWNER, record(f"http://a/{number}"))
    await settled(tailing)
    for name in ("tailer", "other"):
        assert [item["event"]["request"]["url"] for item in consumer.items(name)] == [f"http://a/{number}" for number in range(250)]
    assert max(len(items) for _, _, items in consumer.got) == BATCH
    assert {tenant for tenant, _, _ in consumer.got} == {7}
    assert tailing.as_dict() == {"delivered": 500, "waiting": 0, "lost": {}}


async def test_nobody_listens_where_nobody_wants_to_hear() -> None:
    tailing = Tailing(Consumer())
    assert tailing.listener(route(), VERSION) is None
    assert tailing.listener(route({"service": 1}, "x", {}), VERSION) is None
    assert consumer_name({"service": "a"}) == "a"


async def test_a_tail_is_not_tailed() -> None:
    tailing = Tailing(Consumer())
    listen = tailing.listener(route({"service": "tailer"}), VERSION)
    assert listen is not None
    listen(OWNER, record(event="tail"))
    assert tailing.as_dict()["waiting"] == 0


async def test_a_slow_consumer_has_a_bounded_queue_and_one_batch_at_a_time() -> None:
    consumer = Consumer()
    consumer.open.clear()
    tailing = Tailing(consumer)
    listen = tailing.listener(route({"service": "tailer"}), VERSION)
    assert listen is not None
    for _ in range(WAITING + 50):
        listen(OWNER, record())
    assert tailing.as_dict() == {"delivered": 0, "waiting": WAITING, "lost": {"queue_full": 50}}
    consumer.open.set()
    await settled(tailing)
    assert (len(consumer.items()), consumer.most_at_once) == (WAITING, 1)


@pytest.mark.parametrize("error", [HostelError(), RuntimeError("x")])
async def test_a_consumer_that_fails_is_given_the_next_batch_all_the_same(error: Exception) -> None:
    consumer = Consumer()
    tailing = Tailing(consumer)
    listen = tailing.listener(route({"service": "tailer"}), VERSION)
    assert listen is not None
    consumer.error = error
    listen(OWNER, record())
    await settled(tailing)
    consumer.error = None
    listen(OWNER, record())
    await settled(tailing)
    assert tailing.as_dict() == {"delivered": 1, "waiting": 0, "lost": {"failed": 1}}


async def test_closing_gives_up_what_waits() -> None:
    consumer = Consumer()
    consumer.open.clear()
    tailing = Tailing(consumer)
    listen = tailing.listener(route({"service": "tailer"}), VERSION)
    assert listen is not None
    listen(OWNER, record())
    await asyncio.sleep(0)
    await tailing.close()
    assert not tailing._tasks


def test_an_item_is_a_trace_item_without_credentials() -> None:
    headers = [(b"accept", b"a"), (b"Accept", b"b"), (b"authorization", b"Bearer x"), (b"cookie", b"s=1"), (b"x-api-key", b"k")]
    made = record(headers=headers, logs=[LogLine(5.6, "warn", "hi")], exceptions=[Thrown(7.0, "Error", "no", "at x", "handler")])
    item = item_of(made, VERSION)
    assert item["event"]["request"]["headers"] == {
        "accept": "a, b",
        "authorization": "REDACTED",
        "cookie": "REDACTED",
        "x-api-key": "REDACTED",
    }
    assert item["event"]["response"] == {"status": 200}
    assert (item["eventTimestamp"], item["cpuTime"], item["wallTime"], item["outcome"]) == (1_000, 1.5, 2.5, "ok")
    assert item["logs"] == [{"timestamp": 6, "level": "warn", "message": ["hi"]}]
    assert item["exceptions"] == [{"timestamp": 7, "name": "Error", "message": "no", "stack": "at x"}]
    assert item["scriptVersion"] == {"id": VERSION.id, "tag": "tagged", "message": ""}
    assert "response" not in item_of(record(status=0), VERSION)["event"]


def test_a_batch_is_bounded_in_bytes() -> None:
    large = item_of(record(logs=[LogLine(0, "log", "x" * (BATCH_BYTES // 2 - 2_000))]), VERSION)
    queue = deque([large, large, large])
    assert [len(batch_of(queue)), len(batch_of(queue)), len(batch_of(queue))] == [2, 1, 0]
    huge = item_of(record(logs=[LogLine(0, "log", "x" * BATCH_BYTES)]), VERSION)
    (cut,) = batch_of(deque([huge]))
    assert (cut["truncated"], cut["logs"], cut["scriptName"]) == (True, [], "hello")
