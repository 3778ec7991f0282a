"""Refuses bodies that are too large before Django has stored them.

Owns the one check that must stand in front of Django: under ASGI, Django spools a whole body to disk before it looks at
the URL. Must not look at anything but the length; what a body holds is read later, within the views' own bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from api.problems import CONTENT_TYPE, problem
from cfapi.envelope import failure
from cfapi.errors import UploadTooLarge
from sandbox.errors import HostelError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
CLIENT_PREFIX = "/client/"
# Of a body that is refused, so much is still taken off the wire before the answer, for so long at the most.
DRAINED_BYTES = 256 * 1024 * 1024
DRAIN_SECONDS = 10.0


class BodyLimit:
    """ASGI middleware: answers 413 from Content-Length, or as soon as more than `limit` bytes have come."""

    def __init__(self, app: Application, *, limit: int) -> None:
        """Wrap `app`; `limit` is in bytes."""
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is an HTTP request whose body is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = UploadTooLarge(f"A request may have {self._limit} bytes.", limit=self._limit)
        if _declared(scope) > self._limit:
            await _drain(receive)
            await _refuse(scope, send, error)
            return
        counted = _Counted(receive, self._limit)
        await self._app(scope, counted.receive, send)
        if counted.exceeded:
            await _drain(receive)
            await _refuse(scope, send, error)


class _Counted:
    """A receive channel that ends in a disconnect when too much has come: Django then drops what it spooled and answers nothing."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit
        self.exceeded = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.exceeded = True
                return {"type": "http.disconnect"}
        return message


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _drain(receive: Receive) -> None:
    """Let what is still coming come, within bounds, and drop it.

    A connection that is closed on bytes under way is reset, and the reset may overtake the answer: one client in three saw no 413.
    """
    left = DRAINED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


async def _refuse(scope: Scope, send: Send, error: HostelError) -> None:
    """Answer in the shape of the API that was asked, and close."""
    if scope["path"].startswith(CLIENT_PREFIX):
        kind, document = "application/json", failure(error)
    else:
        kind, document = CONTENT_TYPE, problem(error)
    body = json.dumps(document).encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
