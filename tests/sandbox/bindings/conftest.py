"""Real servers on loopback, and an Outbound that may reach them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.fetch import Outbound

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Server:
    """A server that sees and says raw bytes."""

    port: int = 0
    # Heads of the requests that came, as they came.
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def raw_server(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    """Call `handler` with the head of every request until it closes the connection."""
    state = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        state.connections += 1
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                state.heads.append(head)
                await handler(reader, writer, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, limit=2**20)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(payload: bytes, *, close: bool = False) -> Handler:
    """A handler that always answers `payload`."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(payload)
        await writer.drain()
        if close:
            writer.close()

    return handler


def ok(body: bytes = b"hello", *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture
async def servers() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Starts raw servers that end with the test."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler | bytes, host: str = "127.0.0.1") -> Server:
            return await stack.enter_async_context(raw_server(says(handler) if isinstance(handler, bytes) else handler, host))

        yield start


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    """May reach 127.0.0.0/8 and nothing else that is not public."""
    async with Outbound(EgressPolicy.allowing("127.0.0.0/8")) as it:
        yield it


@pytest.fixture
async def strict() -> AsyncIterator[Outbound]:
    """The default policy."""
    async with Outbound(EgressPolicy()) as it:
        yield it
