"""The live tail as a client reads it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from telemetry.ingester import Ingester
from telemetry.models import Tail
from tenants.models import Worker
from tests.api.conftest import PREFIX, Native
from tests.telemetry.making import Writer, line, owner, record

SECONDS = 30.0


class Stream:
    """Events of one stream as they come."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.pieces = pieces
        self.left = b""

    async def next(self) -> dict[str, Any]:
        """The next event; comments are passed by."""
        async with asyncio.timeout(SECONDS):
            while b"\n\n" not in self.left:
                self.left += await anext(self.pieces)
        text, _, self.left = self.left.partition(b"\n\n")
        fields = dict(each.split(": ", 1) for each in text.decode().split("\n") if not each.startswith(":"))
        return {**fields, "data": json.loads(fields["data"])} if "data" in fields else await self.next()


@pytest.fixture(autouse=True)
async def no_connection_left(transactional_db: None) -> AsyncIterator[None]:
    """The threads that serve sync_to_async outlive the test, and the database must not find them connected."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def worker(native: Native) -> Worker:
    return Worker.objects.create(tenant=native.tenant, name="hello")


class Feed:
    """Stores records as a gateway and a background worker would."""

    def __init__(self, native: Native, worker: Worker, folder: Path) -> None:
        self.place = owner(native.tenant.pk, worker.pk)
        self.folder = folder
        self.writer = Writer(folder)

    async def __call__(self, *numbers: int, **values: Any) -> None:
        self.writer.batch(*[(self.place, record(request_id=f"aaaaaaaaaaaa{number:08x}", **values)) for number in numbers])
        await sync_to_async(Ingester(self.folder).read)()


@pytest.fixture
def feed(native: Native, worker: Worker, tmp_path: Path) -> Any:
    made = Feed(native, worker, tmp_path / "spool")
    yield made
    made.writer.close()


async def opened(native: Native, query: str = "", **headers: str) -> Any:
    client = AsyncClient()
    reply = await client.get(f"{PREFIX}/workers/hello/tail{query}", headers={"Authorization": f"Bearer {native.secret}", **headers})
    assert reply.status_code == 200, reply.content
    assert reply.headers["Content-Type"] == "text/event-stream"
    return reply


async def test_what_happens_is_heard_and_a_reconnect_goes_on(native: Native, feed: Feed) -> None:
    reply = await opened(native)
    async with aclosing(aiter(reply)) as pieces:
        stream = Stream(pieces)
        first = await stream.next()
        assert (first["event"], first["data"]) == ("open", {"window_seconds": 900})
        await feed(1, 2, logs=[line("hi")])
        one, two = await stream.next(), await stream.next()
        assert [each["data"]["request_id"][-1] for each in (one, two)] == ["1", "2"]
        assert one["data"]["logs"][0]["message"] == "hi"
    await feed(3)
    reply = await opened(native, **{"Last-Event-ID": one["id"]})
    async with aclosing(aiter(reply)) as pieces:
        stream = Stream(pieces)
        assert (await stream.next())["event"] == "open"
        assert [(await stream.next())["data"]["request_id"][-1] for _ in range(2)] == ["2", "3"]
    assert await Tail.objects.acount() == 0


async def test_filters(native: Native, feed: Feed) -> None:
    reply = await opened(native, "?failed=true&text=here")
    async with aclosing(aiter(reply)) as pieces:
        stream = Stream(pieces)
        await stream.next()
        await feed(1, logs=[line("here")])
        await feed(2, outcome="exception", logs=[line("absent")])
        await feed(3, outcome="exception", logs=[line("here")])
        assert (await stream.next())["data"]["request_id"][-1] == "3"


async def test_what_the_window_has_lost_is_said(native: Native, feed: Feed) -> None:
    await feed(1)
    reply = await opened(native, **{"Last-Event-ID": "1.0"})
    async with aclosing(aiter(reply)) as pieces:
        stream = Stream(pieces)
        assert (await stream.next())["event"] == "open"
        after = await stream.next()
        # Row 1 belongs to nobody, or to this very record.
        assert after["event"] in {"dropped", "invocation"}


async def test_silence_has_a_heartbeat(native: Native, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.views.tail.HEARTBEAT_SECONDS", 0.0)
    reply = await opened(native)
    async with aclosing(aiter(reply)) as pieces, asyncio.timeout(SECONDS):
        assert b"event: open" in await anext(pieces)
        assert await anext(pieces) == b": still here\n\n"


async def test_it_ends_so_that_rights_are_looked_at_again(native: Native, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.views.tail.STREAM_SECONDS", 0.0)
    reply = await opened(native)
    async with asyncio.timeout(SECONDS):
        text = b"".join([piece async for piece in reply])
    assert b"event: end" in text
    assert await Tail.objects.acount() == 0


@pytest.mark.parametrize("query", ["sample=0", "sample=2", "sample=x", "sample=nan", "cursor=x", "status=7", "limit=3"])
def test_bad_questions(native: Native, worker: Worker, query: str) -> None:
    problem = native.get(f"/workers/hello/tail?{query}").problem
    assert (problem["status"], problem["field"]) == (400, query.partition("=")[0])
    assert not Tail.objects.exists()
