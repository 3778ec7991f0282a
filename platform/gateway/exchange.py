"""One HTTP request and what has been answered to it.

Owns the state that routing, worker and proxy share. Must not do anything by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.bodies import Receive, Visitor
from gateway.headers import Inbound
from gateway.hosts import Host

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Exchange:
    """A request under way."""

    __slots__ = ("host", "inbound", "request_id", "scope", "send", "started", "status", "visitor", "worker")

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Nothing has been read or answered."""
        self.scope = scope
        self.send = send
        self.visitor = Visitor(receive)
        self.request_id = request_id
        self.inbound: Inbound | None = None
        self.host: Host | None = None
        # The key of the version that serves it.
        self.worker = ""
        # 0 until a head was sent; `started` says that it cannot be taken back.
        self.status = 0
        self.started = False

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head. Raises whatever the server objects to, and then nothing was sent."""
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        self.status = status
        self.started = True

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body; waits while the visitor reads slower. Without a last piece the connection is broken off."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})
