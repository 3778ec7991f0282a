"""Workers of the gateway's own tests: what a sandbox would answer, to the byte, and what none should.

Each is an async function from a request to a response; its name is the worker's. JavaScript cannot say most of this (bad status codes,
broken bodies at a given byte), so these stand in for the sandbox here; test_served.py has the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from sandbox import HostelError, InvocationError, Request, Response, Target
from sandbox.errors import CpuExceeded, GuestFault, QueueFull, SyntaxFailed, VisitorLeft, WorkerThrew

# Things that happened, for tests to ask about.
EVENTS: Counter[str] = Counter()
SEEN: dict[str, object] = {}


async def read(request: Request) -> bytes:
    if request.body is None:
        return b""
    if isinstance(request.body, bytes):
        return request.body
    return b"".join([chunk async for chunk in request.body])


def reply(body: object = b"hello", status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> Response:
    return Response(status, "", headers or [(b"content-type", b"text/plain")], body, "warm")  # type: ignore[arg-type]


async def hello(request: Request) -> Response:
    return reply()


async def echo(request: Request) -> Response:
    kind = "none" if request.body is None else "bytes" if isinstance(request.body, bytes) else "stream"
    body = await read(request)
    seen = {
        "method": request.method,
        "url": request.url,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
        "body": body.hex() if len(body) < 100_000 else len(body),
        "kind": kind,
    }
    return reply(json.dumps(seen).encode(), headers=[(b"content-type", b"application/json"), (b"x-latin", b"caf\xe9")])


async def mirror(request: Request) -> Response:
    """The body as it comes."""
    return reply(b"" if request.body is None else request.body, headers=[(b"content-type", b"application/octet-stream")])


async def sink(request: Request) -> Response:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    largest = 0
    assert request.body is not None
    assert not isinstance(request.body, bytes)
    async for chunk in request.body:
        total += len(chunk)
        largest = max(largest, len(chunk))
        if "slow" in request.url:
            await asyncio.sleep(0.001)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return reply(json.dumps({"total": total, "grown_kib": grown, "largest": largest}).encode())


async def source(request: Request) -> Response:
    count = int(request.url.partition("?")[2])

    async def body():
        try:
            for _ in range(count):
                EVENTS["source.pieces"] += 1
                yield b"z" * 65536
        finally:
            EVENTS["source.ended"] += 1

    return reply(body())


async def drip(request: Request) -> Response:
    """A stream that never ends, and what becomes of it."""
    EVENTS["drip.begun"] += 1
    closed = asyncio.Event()

    async def body():
        while not closed.is_set():
            yield b"drip\n"
            await asyncio.sleep(0.02)

    async def close() -> None:
        if not closed.is_set():
            closed.set()
            EVENTS["drip.closed"] += 1

    response = reply(body())
    response._close = close
    return response


async def late(request: Request) -> Response:
    """A head at once, a body much later."""

    async def body():
        await asyncio.sleep(1.5)
        yield b"at last"

    return reply(body())


async def stuck(request: Request) -> Response:
    """No response for as long as the visitor waits."""
    EVENTS["stuck.begun"] += 1
    assert request.disconnected is not None
    if not request.disconnected.done():
        left = asyncio.Event()
        request.disconnected.add_done_callback(lambda _: left.set())
        await left.wait()
    EVENTS["stuck.left"] += 1
    raise VisitorLeft


async def nap(request: Request) -> Response:
    """Leaves the body alone for a second, and then for good."""
    await asyncio.sleep(1)
    return reply()


async def held(request: Request) -> Response:
    """Answers when the test says so: when there is a file `go` in the home."""
    while not (Path(os.environ["HOSTEL_HOME"]) / "go").exists():
        await asyncio.sleep(0.01)
    return reply()


async def broken(request: Request) -> Response:
    async def body():
        for _ in range(3):
            yield b"abc"
        await asyncio.sleep(0.05)
        raise RuntimeError("the stream errored")

    return reply(body(), headers=[(b"content-length", b"100")] if "length" in request.url else None)


async def lies(request: Request) -> Response:
    """A stream with another length than it declared."""
    pieces, declared = json.loads(bytes.fromhex(request.url.partition("?")[2]))

    async def body():
        for piece in pieces:
            yield piece.encode()

    return reply(body(), headers=[(b"content-length", str(declared).encode())])


async def says(request: Request) -> Response:
    """What the query (JSON in hexadecimal) wants said."""
    wanted = json.loads(bytes.fromhex(request.url.partition("?")[2]))
    return reply(
        wanted.get("body", "x").encode("latin-1"),
        wanted.get("status", 200),
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in wanted.get("headers", [])]
        + [(b"x-wide", b"a" * wanted.get("wide", 0))],
    )


class OwnMistake(HostelError):
    """Something in the platform broke."""

    code = "own_mistake"


_FAILURES: dict[str, Callable[[], Exception]] = {
    "threw": lambda: WorkerThrew("secret message", exception="Error", exception_message="secret message", stack="at secret.js:1"),
    "cpu": CpuExceeded,
    "busy": QueueFull,
    "syntax": lambda: SyntaxFailed("secret.js has an error", file="secret.js", line=3),
    "fault": GuestFault,
    "own": OwnMistake,
    "crash": lambda: RuntimeError("secret bug"),
}


async def fails(request: Request) -> Response:
    make = _FAILURES[request.url.partition("?")[2]]
    raise make()


async def counts(request: Request) -> Response:
    return reply(json.dumps(EVENTS).encode())


class Box:
    """Stands in for the sandbox."""

    async def dispatch(self, target: Target, request: Request) -> Response:
        handler: Callable[[Request], Awaitable[Response]] = globals()[target.key.worker]
        response = await handler(request)
        response.start = "cold" if EVENTS[target.key.text] == 0 else "warm"
        EVENTS[target.key.text] += 1
        return response


__all__ = ["EVENTS", "SEEN", "Box", "InvocationError"]
