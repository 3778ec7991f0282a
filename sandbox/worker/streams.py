"""Bodies that flow: guest to host (`GuestBody`) and host to guest (`HostFeed`), with the protocol's credit.

Owns back-pressure and the ends of streams. Must not know which message a body belongs to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

from sandbox.errors import GuestFault
from sandbox.protocol import events

# What a stream may send before it is granted more (docs/protocol.md).
INITIAL_CREDIT: Final = 65_536
# Credit is granted in portions of at least this, so that small reads do not each cost a turn.
GRANT: Final = INITIAL_CREDIT // 2
CHUNK: Final = 65_536


class BodyBroken(Exception):
    """The body ended before its time."""


class GuestBody(AsyncIterator[bytes]):
    """An outbound body being produced by the guest, read by the host."""

    __slots__ = ("_chunks", "_ended", "_error", "_granted", "_on_close", "_on_read", "_post", "_taken", "_waiter", "identity", "received")

    def __init__(self, identity: int, post: Callable[[bytes], None], on_close: Callable[[], None], on_read: Callable[[], None]) -> None:
        """`post` sends a frame to the guest; `on_close` hears that nobody reads on, `on_read` that all there was has been read."""
        self.identity = identity
        self._post, self._on_close, self._on_read = post, on_close, on_read
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._error: str | None = None
        self._granted = INITIAL_CREDIT
        self._taken = 0
        self.received = 0

    def push(self, chunk: bytes, *, last: bool) -> None:
        """Bytes from the guest. Raises `GuestFault` when it sends more than it was granted."""
        self.received += len(chunk)
        if self.received > self._granted:
            raise GuestFault("The guest sent more of a body than it was granted.")
        if chunk:
            self._chunks.append(chunk)
        self._ended = self._ended or last
        self._notify()

    def fail(self, message: str) -> None:
        """The rest will not come."""
        if not self._ended:
            self._error = message
            self._ended = True
        self._notify()

    @property
    def ended(self) -> bool:
        """Whether the guest has sent its last byte (or failed)."""
        return self._ended

    @property
    def wants_reader(self) -> bool:
        """Whether bytes wait for the host to read them: the guest may be waiting for credit."""
        return bool(self._chunks)

    def __aiter__(self) -> Self:
        """Itself: a body is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next bytes; raises `BodyBroken` where the guest's stream broke off."""
        while not self._chunks:
            if self._error is not None:
                raise BodyBroken(self._error)
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        chunk = self._chunks.popleft()
        self._taken += len(chunk)
        if self._taken >= GRANT and not self._ended:
            taken, self._taken = self._taken, 0
            self._granted += taken
            self._post(events.credit(self.identity, taken))
        elif not self._chunks and not self._ended:
            self._on_read()
        return chunk

    async def aclose(self) -> None:
        """Nobody reads on."""
        self._chunks.clear()
        if not self._ended:
            self.fail("nobody reads this body any more")
            self._on_close()

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class HostFeed:
    """An inbound body: read from the host's iterator as the guest grants credit."""

    __slots__ = ("_began", "_closing", "_credit", "_identity", "_post", "_room", "_source", "_task", "done", "sent")

    def __init__(self, identity: int, source: AsyncIterator[bytes], post: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        """Start feeding; `ended` is called once, when nothing more will be posted."""
        self._identity, self._source, self._post = identity, source, post
        self._credit = INITIAL_CREDIT
        self._room = asyncio.Event()
        self._room.set()
        self.done = self._began = False
        # Bytes that were handed to the guest.
        self.sent = 0
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(lambda _: self._finish(ended))

    @property
    def stalled(self) -> bool:
        """Whether it waits for the guest to read."""
        return not self.done and self._credit <= 0

    def pull(self, count: int) -> None:
        """The guest takes `count` more bytes."""
        self._credit += count
        if self._credit > 0:
            self._room.set()

    def cancel(self) -> None:
        """The guest wants no more."""
        self._task.cancel()

    def _finish(self, ended: Callable[[], None]) -> None:
        self.done = True
        if not self._task.cancelled():
            self._task.exception()
        if not self._began:
            # Cancelled before its first step: what it would have closed is closed by another task.
            self._closing = asyncio.get_running_loop().create_task(self._close_source())
        ended()

    async def _close_source(self) -> None:
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()

    async def _run(self) -> None:
        self._began = True
        try:
            async for chunk in self._source:
                at = 0
                while at < len(chunk):
                    if self._credit <= 0:
                        self._room.clear()
                        await self._room.wait()
                    size = min(len(chunk) - at, self._credit, CHUNK)
                    self._credit -= size
                    self._post(events.body(self._identity, chunk[at : at + size], last=False))
                    at += size
                    self.sent += size
            self._post(events.body(self._identity, b"", last=True))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke the source breaks the guest's stream, and only that
            self._post(events.body_error(self._identity, getattr(error, "message", "") or "The body broke off."))
        finally:
            await self._close_source()
