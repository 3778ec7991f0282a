"""The visitor's side of a request: what of the body has come, and whether anybody still waits.

Owns every call of ASGI's `receive`. A body is read whole when it is small and declared, else handed on in pieces as the worker takes them;
a connection is watched only when somebody wants to know, because watching costs more than most requests take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from gateway.errors import BodyTimedOut, BodyTooLarge, RequestRejected
from gateway.headers import Inbound

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Bodies up to this are read before the worker is asked (bytes).
SMALL_BYTES: Final = 64 * 1024
# They have this long to come.
SMALL_SECONDS: Final = 30.0


class BodyLost(RequestRejected):
    """The visitor left before the whole body had come."""

    code = "request_body_lost"


class Visitor(asyncio.Future[None]):
    """One request's visitor; as a future it is done when the visitor has gone, and the connection is watched from its first callback on."""

    def __init__(self, receive: Receive) -> None:
        """Nothing is received before somebody asks."""
        super().__init__(loop=asyncio.get_running_loop())
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._wanted = False
        self._reading = False
        # Whether the body turned out to be too large; the worker hears of it as a departure.
        self.overflowed = False

    @property
    def gone(self) -> bool:
        """Whether the visitor is known to have left."""
        return self.done() and not self.overflowed

    def add_done_callback(self, *args: Any, **options: Any) -> None:
        """As a future's own; also begins to watch."""
        super().add_done_callback(*args, **options)
        self.watch()

    async def body(self, inbound: Inbound, limit: int) -> bytes | RequestBody | None:
        """The request's body, of at most `limit` bytes. Raises `BodyTooLarge`, `BodyTimedOut` and `BodyLost`."""
        if not inbound.length and not inbound.chunked:
            return None
        length = None if inbound.chunked else inbound.length
        if length is not None and length > limit:
            raise BodyTooLarge(limit=limit, size=length)
        self._reading = True
        body = RequestBody(self, self._receive, length, limit)
        if length is None or length > SMALL_BYTES:
            return body
        try:
            async with asyncio.timeout(SMALL_SECONDS):
                return b"".join([chunk async for chunk in body])
        except TimeoutError:
            raise BodyTimedOut from None

    def watch(self) -> None:
        """Find out when the visitor leaves. While a body is still to come its reader finds out; the watch begins after it."""
        self._wanted = True
        if self._watcher is None and not self._reading and not self.done():
            self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def leave(self, *, overflowed: bool = False) -> None:
        """The visitor has gone, or (`overflowed`) is treated so."""
        self._reading = False
        self.overflowed = overflowed
        if not self.done():
            self.set_result(None)

    def arrived(self) -> None:
        """The whole body has come."""
        self._reading = False
        if self._wanted:
            self.watch()

    def release(self) -> None:
        """The exchange is over. What the worker still does after it is not told that the visitor left: the visitor was served."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.leave()


class RequestBody:
    """A body in the pieces it comes in; never more than one is held."""

    __slots__ = ("_ended", "_length", "_limit", "_receive", "_total", "_visitor")

    def __init__(self, visitor: Visitor, receive: Receive, length: int | None, limit: int) -> None:
        """`length` is what was declared."""
        self._visitor = visitor
        self._receive = receive
        self._length = length
        self._limit = limit
        self._total = 0
        self._ended = False

    def __aiter__(self) -> RequestBody:
        """Itself: a body is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece, never empty."""
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._ended = True
                self._visitor.leave()
                raise BodyLost
            piece: bytes = message["body"]
            self._total += len(piece)
            if self._total > self._limit:
                self._ended = True
                self._visitor.leave(overflowed=True)
                raise BodyTooLarge(limit=self._limit)
            # granian ends every body with an empty message: a round trip that a declared length saves.
            if not message["more_body"] or self._total == self._length:
                self._ended = True
                self._visitor.arrived()
            if piece:
                return piece
        raise StopAsyncIteration
