"""Bodies that flow, visitors that leave, and streams that break: nothing is buffered, nothing is left running, no part passes for a whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os

import pytest

from .conftest import Server
from .wire import Connection, ask, message

HUNDRED = 1600  # pieces of 64 KiB


async def test_a_hundred_megabytes_down(server: Server) -> None:
    before = server.rss_kib()
    connection = await Connection.open(server.port)
    await connection.send(message("source.acme.localhost", f"/?{HUNDRED}"))
    answer = await connection.head()
    assert answer.get(b"transfer-encoding") == b"chunked"
    total = 0
    while size := int(await connection.reader.readuntil(b"\r\n"), 16):
        total += len(await connection.reader.readexactly(size))
        await connection.reader.readexactly(2)
    assert total == HUNDRED * 65536
    assert server.rss_kib() - before < 16 * 1024
    await connection.close()


async def test_a_slow_reader_holds_the_worker_up(server: Server) -> None:
    connection = await Connection.open(server.port)
    before = (await server.events()).get("source.pieces", 0)
    ended = (await server.events()).get("source.ended", 0)
    await connection.send(message("source.acme.localhost", f"/?{HUNDRED}"))
    await connection.head()
    await asyncio.sleep(1)
    # What fits the sockets, the client's reader (4 MiB) and the server's four chunks.
    assert (await server.events())["source.pieces"] - before < 400
    await connection.close()
    await server.until("source.ended", ended + 1)


async def test_a_hundred_megabytes_up(server: Server) -> None:
    before = server.rss_kib()
    for framing in (b"Content-Length: %d" % (HUNDRED * 65536), b"Transfer-Encoding: chunked"):
        connection = await Connection.open(server.port)
        await connection.send(message("sink.acme.localhost", "/", "POST", [framing]))
        piece = os.urandom(65536)
        for _ in range(HUNDRED):
            await connection.send(piece if b"Length" in framing else b"10000\r\n" + piece + b"\r\n")
        if b"chunked" in framing:
            await connection.send(b"0\r\n\r\n")
        seen = json.loads((await connection.answer()).body)
        assert seen["total"] == HUNDRED * 65536
        assert seen["largest"] < 2**20
        await connection.close()
    assert server.rss_kib() - before < 16 * 1024


async def test_a_slow_worker_holds_the_sender_up(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("nap.acme.localhost", "/", "POST", [b"Content-Length: 100000000"]))
    sent = 0

    async def push() -> None:
        nonlocal sent
        while True:
            await connection.send(b"x" * 65536)
            sent += 65536

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(push(), 0.8)
    assert sent < 20_000_000
    # What cannot be sent any more is not waited for.
    connection.writer.transport.abort()


async def test_both_ways_at_once(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("mirror.acme.localhost", "/", "POST", [b"Transfer-Encoding: chunked"]))
    await connection.send(b"4\r\nping\r\n")
    await connection.head()
    for index in range(5):
        assert await asyncio.wait_for(connection.reader.readuntil(b"\r\n"), 5) == b"4\r\n"
        assert await connection.reader.readexactly(6) == b"ping\r\n"
        await connection.send(b"4\r\nping\r\n" if index < 4 else b"0\r\n\r\n")
    assert await connection.reader.readexactly(5) == b"0\r\n\r\n"
    await connection.close()


async def test_binary_survives_the_way_through(server: Server) -> None:
    body = os.urandom(5_000_000)
    answer = await ask(server.port, "mirror.acme.localhost", "/", "PUT", body=body)
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()


async def test_the_head_does_not_wait_for_the_body(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("late.acme.localhost"))
    assert (await asyncio.wait_for(connection.head(), 1)).status == 200
    assert await asyncio.wait_for(connection.reader.readexactly(12), 5) == b"7\r\nat last\r\n"
    await connection.close()


async def test_a_visitor_who_leaves_a_stream_ends_it(server: Server) -> None:
    for _ in range(3):
        connection = await Connection.open(server.port)
        await connection.send(message("drip.acme.localhost"))
        await connection.head()
        await connection.reader.readexactly(20)
        await connection.close()
    await server.until("drip.closed", 3)
    assert (await server.stats())["left"] >= 3


async def test_a_visitor_who_leaves_before_the_answer_is_noticed(server: Server) -> None:
    for body in (None, b"x" * 1000):
        connection = await Connection.open(server.port)
        begun = (await server.events()).get("stuck.left", 0)
        await connection.send(message("stuck.acme.localhost", "/", "POST" if body else "GET", body=body))
        await asyncio.sleep(0.1)
        await connection.close()
        await server.until("stuck.left", begun + 1)
    # The request for the figures is the one under way.
    assert (await server.stats())["requests"]["under_way"] == 0


async def test_a_visitor_who_leaves_in_the_middle_of_a_body_is_noticed(server: Server) -> None:
    connection = await Connection.open(server.port)
    before = (await server.stats())["left"]
    await connection.send(message("sink.acme.localhost", "/", "POST", [b"Content-Length: 1000000"]) + b"x" * 500_000)
    await asyncio.sleep(0.1)
    await connection.close()
    for _ in range(100):
        if (await server.stats())["left"] > before:
            break
        await asyncio.sleep(0.02)
    assert (await server.stats())["left"] == before + 1


@pytest.mark.parametrize("path", ["/", "/length"])
async def test_a_stream_that_breaks_is_seen_to_be_broken(server: Server, path: str) -> None:
    before = (await server.stats())["broken"]
    answer = await ask(server.port, "broken.acme.localhost", path)
    assert answer.status == 200
    assert answer.body == b"abcabcabc"
    assert not answer.complete
    assert (await server.stats())["broken"] == before + 1


@pytest.mark.parametrize(
    ("pieces", "declared", "complete"),
    [(["ab", "cd"], 4, True), (["ab"], 4, False), (["abcd", "efgh"], 4, True), (["abcdefgh"], 4, False), ([], 0, True)],
)
async def test_a_stream_of_another_length_than_declared(server: Server, pieces: list[str], declared: int, complete: bool) -> None:
    answer = await ask(server.port, "lies.acme.localhost", "/?" + json.dumps([pieces, declared]).encode().hex())
    assert answer.get(b"content-length") == str(declared).encode()
    assert answer.complete == complete
    assert len(answer.body) <= declared


async def test_an_unread_body_does_not_spoil_the_connection(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("hello.acme.localhost", "/", "POST", body=b"x" * 100_000))
    assert (await connection.answer()).body == b"hello"
    await connection.close()
    connection = await Connection.open(server.port)
    for _ in range(3):
        await connection.send(message("hello.acme.localhost", "/", "POST", body=b"x" * 100))
        assert (await connection.answer()).body == b"hello"
    await connection.close()


async def test_a_declared_body_that_is_too_large_is_refused_unread(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("sink.acme.localhost", "/", "POST", [b"Content-Length: 600000000"]))
    answer = await connection.answer()
    assert (answer.status, answer.get(b"hostel-error")) == (413, b"request_body_too_large")
    await connection.close()


async def test_nothing_is_left_behind(server: Server) -> None:
    for _ in range(50):
        stats = await server.stats()
        if stats["requests"]["under_way"] == 0:
            break
        await asyncio.sleep(0.05)
    assert stats["requests"]["under_way"] == 0
    assert "ERROR" not in server.log.read_text()
