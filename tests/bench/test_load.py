"""What the load generators send and read: both the same, to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench import generator
from bench.client import Ask, Endpoint, each_once, once
from bench.figures import BenchFailed
from bench.generator import Load
from bench.rows.rates import WARM

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving(reply: bytes = PLAIN) -> AsyncIterator[tuple[Endpoint, list[bytes]]]:
    """A server that answers everything with `reply`, and what it was sent."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                seen.append(head + await reader.readexactly(length))
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoint(server.sockets[0].getsockname()[1], "w.t.localhost"), seen
    finally:
        server.close()


@pytest.mark.parametrize("reply", [PLAIN, CHUNKED])
async def test_bodies_are_read_to_their_end(reply):
    async with serving(reply) as (endpoint, _):
        assert (await once(endpoint, Ask())).body == b"hello"


async def test_each_path_is_asked_for_once_and_failures_are_told():
    async with serving() as (endpoint, seen):
        assert await each_once(endpoint, [f"/{number}" for number in range(50)]) == 50
        assert len({request.split(b" ")[1] for request in seen}) == 50
    async with serving(BROKEN) as (endpoint, _):
        with pytest.raises(BenchFailed, match="503"):
            await each_once(endpoint, ["/a"])


def shape(request: bytes) -> tuple[bytes, set[bytes], bytes]:
    """The request without what may differ: order and case of header names."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return first, {name.lower() + value for name, _, value in (line.partition(b":") for line in headers)}, body


@pytest.mark.parametrize("row", ["body", "headers"])
async def test_both_generators_send_the_same(row, monkeypatch):
    load = Load(WARM[row].load.ask, connections=2)
    sent = []
    for program in (generator.WRK, None):
        monkeypatch.setattr(generator, "WRK", program)
        async with serving() as (endpoint, seen):
            sample = await generator.measure(load, endpoint, seconds=1)
        assert sample.requests > 0
        assert (sample.refused, sample.broken) == (0, 0)
        assert len(set(seen)) == 1
        sent.append(shape(seen[0]))
    assert sent[0] == sent[1]


@pytest.mark.parametrize("stand_in", [False, True])
async def test_a_tag_gives_every_request_a_path_of_its_own(stand_in, monkeypatch):
    if stand_in:
        monkeypatch.setattr(generator, "WRK", None)
    async with serving(BROKEN) as (endpoint, seen):
        sample = await generator.measure(Load(connections=2, tag="cold-7"), endpoint, seconds=1)
    paths = [request.split(b" ")[1] for request in seen]
    assert len(set(paths)) == len(paths) > 1
    assert all(path.startswith(b"/cold-7-") for path in paths)
    # Errors are not counted as work done.
    assert sample.rate == 0.0
    assert sample.refused == sample.requests


def test_the_rows_send_what_their_names_say():
    twenty = shape(WARM["headers"].load.ask.encode("w.t.localhost"))
    assert len(twenty[1]) == 20
    assert 900 < len(WARM["json"].load.ask.body) < 1_200
    assert len(WARM["body"].load.ask.body) == len(WARM["whole"].load.ask.body) == 102_400
