"""HTTP messages as they stand at the sandbox's border.

Owns the request a worker is given and the response it gave, as bytes that nothing on the way may change (order, case and
repetition of headers included). Must not parse, correct or add headers, and knows no server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sandbox.trace import Trace
    from sandbox.worker.record import Mark

Headers = list[tuple[bytes, bytes]]
Body = bytes | AsyncIterator[bytes] | None


@dataclass(slots=True)
class Request:
    """What the worker is asked. `url` is absolute and percent-encoded; header names are lower-case bytes."""

    method: str
    url: str
    headers: Headers = field(default_factory=list)
    body: Body = None
    # Done (or cancelled) when the visitor has gone; None when nobody can tell.
    disconnected: asyncio.Future[None] | None = None
    # Whom its records name: the visitor's request, and its place in a trace.
    id: str = ""
    trace: Trace | None = None
    # Not a request at all, but an event for the handler of this name: its argument, as JSON, is the body.
    event: str = ""
    # What goes along into the workers that this one calls; whoever sends the request knows what it means.
    follows: Mapping[str, str] | None = None
    # What whoever sends it wants remembered in the record.
    marks: tuple[Mark, ...] = ()


async def _nothing() -> None:
    return None


@dataclass(slots=True)
class Response:
    """What the worker answered. A body that is an iterator must be read to its end or closed with `aclose`."""

    status: int
    reason: str
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    # Whether the instance was made for this request.
    start: Literal["cold", "warm"] = "warm"
    # The pool key that served it.
    key: str = ""
    _close: Callable[[], Awaitable[None]] = _nothing

    async def aclose(self) -> None:
        """Tell the worker that nobody reads the rest; harmless when the body has ended."""
        await self._close()

    async def read(self) -> bytes:
        """The whole body, for callers that need no stream."""
        if isinstance(self.body, bytes):
            return self.body
        return b"".join([chunk async for chunk in self.body])

    async def text(self) -> str:
        """The whole body as UTF-8; bad bytes become U+FFFD."""
        return (await self.read()).decode("utf-8", "replace")
