"""Tail workers: what a worker's invocations left, handed to other workers of the same tenant.

Owns the queue before each consumer: bounded, delivered in batches off the path, one batch at a time, and honest about what found no room.
Delivery is at most once: what waits in a process that dies is lost to its tail workers (the spool has it all the same). Items look like
Cloudflare's `TraceItem`. Must not tail a tail: an invocation of a tail handler is told to nobody.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from gateway.records import Listener
from sandbox import HostelError, InvocationRecord, Request
from sandbox.http import Headers
from sandbox.trace import begin
from telemetry.frames import Owner
from tenants.rollout import RouteVersion, WorkerRoute

log = structlog.get_logger(__name__)

EVENT: Final = "tail"
# Items that wait for one consumer, and that it gets at once.
WAITING: Final = 1_000
BATCH: Final = 100
# Of one batch as JSON: well below what the guest takes inline.
BATCH_BYTES: Final = 512 * 1024
# How long an item waits for company.
GATHER_SECONDS: Final = 0.5
# Consumers with something waiting, in one process.
CONSUMERS: Final = 1_000
_PRIVATE: Final = re.compile(r"auth|cookie|key|secret|token|passw", re.IGNORECASE)
REDACTED: Final = "REDACTED"

# Runs an event at a tenant's worker, by name.
Deliver = Callable[[int, str, Request], Awaitable[object]]
Item = dict[str, Any]


class Tailing:
    """The consumers' queues of one process. Belongs to one event loop; `close` it."""

    def __init__(self, deliver: Deliver) -> None:
        """Hand batches to `deliver`."""
        self._deliver = deliver
        self._queues: dict[tuple[int, str], deque[Item]] = {}
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}
        self.delivered = 0
        # By reason: "queue_full" and "too_many_consumers" never waited, "failed" met a consumer that could not take it.
        self.lost: Counter[str] = Counter()

    def listener(self, route: WorkerRoute, version: RouteVersion) -> Listener | None:
        """Who hears the records of a version; None where nobody wants them."""
        consumers = [name for consumer in route.tail_consumers if (name := consumer_name(consumer))]
        if not consumers:
            return None

        def listen(_: Owner, record: InvocationRecord) -> None:
            if record.event == EVENT:
                return
            item = item_of(record, version)
            for name in consumers:
                self._put((route.tenant_id, name), item)

        return listen

    def as_dict(self) -> dict[str, Any]:
        """Counters since the start, JSON-able."""
        return {"delivered": self.delivered, "waiting": sum(map(len, self._queues.values())), "lost": dict(self.lost)}

    async def close(self) -> None:
        """Give up what waits."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _put(self, place: tuple[int, str], item: Item) -> None:
        queue = self._queues.get(place)
        if queue is None:
            if len(self._queues) >= CONSUMERS:
                self.lost["too_many_consumers"] += 1
                return
            queue = self._queues[place] = deque()
            self._tasks[place] = asyncio.get_running_loop().create_task(self._run(place, queue))
        if len(queue) >= WAITING:
            self.lost["queue_full"] += 1
            return
        queue.append(item)

    async def _run(self, place: tuple[int, str], queue: deque[Item]) -> None:
        """Deliver until nothing waits any more."""
        try:
            while queue:
                if len(queue) < BATCH:
                    await asyncio.sleep(GATHER_SECONDS)
                items = batch_of(queue)
                body = json.dumps(items, separators=(",", ":")).encode()
                try:
                    await self._deliver(*place, Request("", f"tail://{place[1]}/", [], body, trace=begin(), event=EVENT))
                    self.delivered += len(items)
                except HostelError as error:
                    self.lost["failed"] += len(items)
                    log.info("a tail worker did not take its events", tenant=place[0], worker=place[1], error=error.code, events=len(items))
                except Exception:
                    self.lost["failed"] += len(items)
                    log.exception("a tail worker could not be reached", tenant=place[0], worker=place[1])
        finally:
            # No await since the queue was found empty: nothing can have come in between.
            del self._queues[place], self._tasks[place]


def consumer_name(consumer: object) -> str:
    """The worker that an entry of `tail_consumers` names; empty for what is none."""
    name = consumer.get("service") if isinstance(consumer, Mapping) else None
    return name if isinstance(name, str) else ""


def batch_of(queue: deque[Item]) -> list[Item]:
    """Take what goes at once: so many items, of so many bytes; one that is too long by itself loses its text and says so."""
    items: list[Item] = []
    size = 0
    while queue and len(items) < BATCH:
        length = _length(queue[0])
        if items and size + length > BATCH_BYTES:
            break
        item = queue.popleft()
        if length > BATCH_BYTES:
            item = {**item, "logs": [], "exceptions": [], "event": None, "truncated": True}
        items.append(item)
        size += length
    return items


def item_of(record: InvocationRecord, version: RouteVersion) -> Item:
    """A record as a `TraceItem`. Header values that may be credentials are left out."""
    event = {
        "request": {"url": record.url, "method": record.method, "headers": _headers(record.headers or []), "cf": {}},
        **({"response": {"status": record.status}} if record.status else {}),
    }
    return {
        "event": event if record.event == "fetch" else None,
        "eventTimestamp": round(record.started_ms),
        "logs": [{"timestamp": round(line.timestamp), "level": line.level, "message": [line.message]} for line in record.logs],
        "exceptions": [
            {"timestamp": round(each.timestamp), "name": each.name, "message": each.message, "stack": each.stack}
            for each in record.exceptions
        ],
        "diagnosticsChannelEvents": [],
        "scriptName": record.worker,
        "entrypoint": record.entrypoint or "default",
        "scriptVersion": {"id": version.id, "tag": version.tag, "message": ""},
        "scriptTags": [],
        "outcome": str(record.outcome),
        "executionModel": "stateless",
        "truncated": record.logs_dropped > 0,
        "cpuTime": record.cpu_us / 1000,
        "wallTime": record.wall_us / 1000,
    }


def _headers(headers: Headers) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1").lower()
        text = REDACTED if _PRIVATE.search(key) else value.decode("latin-1")
        told[key] = f"{told[key]}, {text}" if key in told else text
    return told


def _length(item: Item) -> int:
    """About how long it is as JSON: escapes may make it longer, which the bound has room for."""
    event = item["event"] or {"request": {"url": "", "headers": {}}}
    text = sum(len(line["message"][0]) + 60 for line in item["logs"])
    text += sum(len(each["message"]) + len(each["stack"]) + 80 for each in item["exceptions"])
    return (
        500 + text + len(event["request"]["url"]) + sum(len(name) + len(value) + 6 for name, value in event["request"]["headers"].items())
    )
