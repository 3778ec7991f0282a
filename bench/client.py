"""A small HTTP client: one keep-alive connection, one request at a time.

Owns the wire. Used where requests are counted rather than timed, and by the stand-in for wrk (bench/standin.py): the parsing is as little
as a load generator can do with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.figures import BenchFailed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a worker answers: `host` tells workers behind one port apart."""

    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encode(self, host: str, path: str | None = None) -> bytes:
        """Its bytes, to `path` if another one is given."""
        lines = [f"{self.method} {self.path if path is None else path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One connection to 127.0.0.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Made by `connected`."""
        self._reader, self._writer = reader, writer

    async def send(self, request: bytes) -> Answer:
        """The answer to an encoded request. OSError or EOFError (IncompleteReadError) when the connection breaks."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        elif "chunked" in headers.get("transfer-encoding", ""):
            body = b"".join([chunk async for chunk in self._chunks()])
        else:
            body = b""
        return Answer(int(lines[0].split(" ", 2)[1]), headers, body)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readuntil(b"\r\n")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """A connection that is closed with its block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def once(endpoint: Endpoint, ask: Ask, *, seconds: float = 30.0) -> Answer:
    """One request on a connection of its own; `BenchFailed` if there is no answer in time."""
    try:
        async with asyncio.timeout(seconds), connected(endpoint.port) as connection:
            return await connection.send(ask.encode(endpoint.host))
    except TimeoutError:
        raise BenchFailed(f"{endpoint.host} (port {endpoint.port}) did not answer {ask.path} within {seconds:g} s.") from None


async def each_once(endpoint: Endpoint, paths: Iterable[str], *, connections: int = 4, seconds: float = 300.0) -> int:
    """Ask for each path once, over so many connections; how many were asked for. `BenchFailed` for any answer that is not 200."""
    waiting = iter(paths)
    asked = 0

    async def work() -> None:
        nonlocal asked
        async with connected(endpoint.port) as connection:
            for path in waiting:
                answer = await connection.send(Ask(path).encode(endpoint.host))
                if answer.status != 200:  # noqa: PLR2004 - the number says it
                    raise BenchFailed(f"{endpoint.host} answered {path} with {answer.status}: {answer.body[:300]!r}")
                asked += 1

    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work())
    except TimeoutError:
        raise BenchFailed(f"{asked} requests to {endpoint.host} took longer than {seconds:g} s.") from None
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return asked
