"""One request from its first header to its last byte.

Owns the order of things: read the headers, find the host, send the request where it belongs, and turn whatever goes wrong into an answer.
Also the process's life: what is started before the first request and closed after the last. Must not know how any of it is done.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

import structlog

from gateway import headers, pages
from gateway.bodies import BodyLost, Receive
from gateway.errors import HostUnknown, UpgradeRefused
from gateway.exchange import Exchange, Scope, Send
from gateway.hosts import Hosts
from gateway.respond import Ending
from gateway.stats import Stats
from sandbox.errors import HostelError, VisitorLeft

log = structlog.get_logger(__name__)
access = structlog.get_logger("gateway.access")

_IDS: Final = 1 << 32


class Destination(Protocol):
    """Whatever can answer an exchange."""

    async def serve(self, exchange: Exchange) -> Ending:
        """Answer; raises `HostelError` when nothing was sent."""
        ...


class Parts(Protocol):
    """What a process needs beside this module (assembly.py makes the real ones)."""

    @property
    def workers(self) -> Destination:
        """Where tenants' hosts lead."""
        ...

    @property
    def control(self) -> Destination:
        """Where the platform's own hosts lead."""
        ...

    async def close(self) -> None:
        """Stop everything."""
        ...


# Given the process's counters, and what its request ids begin with.
Starter = Callable[[Stats, str], Awaitable[Parts]]


class Gateway:
    """The ASGI application of one process."""

    def __init__(self, start: Starter, *, control_hosts: Collection[str], log_requests: bool = False) -> None:
        """`start` is called at lifespan's start-up, or at the first request where the server has no lifespan."""
        self._start = start
        self._control_hosts = frozenset(control_hosts)
        self._log_requests = log_requests
        self._parts: Parts | None = None
        self._starting: asyncio.Task[Parts] | None = None
        self._hosts = Hosts()
        # Unique among the processes of a machine, and nothing that counts visitors for strangers.
        self._id_prefix = secrets.token_hex(6)
        self._ids = itertools.count(secrets.randbelow(_IDS))
        self.stats = Stats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI's kind."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        else:
            await self._refuse_upgrade(scope, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        stats = self.stats
        stats.requests += 1
        stats.under_way += 1
        started = time.perf_counter_ns()
        exchange = Exchange(scope, receive, send, f"{self._id_prefix}{next(self._ids) % _IDS:08x}")
        ending: str = "error"
        try:
            parts = self._parts or await self._started()
            inbound = exchange.inbound = headers.read(scope["headers"])
            host = exchange.host = self._hosts.read(inbound.host)
            if host.name in self._control_hosts:
                stats.to_control += 1
                ending = await parts.control.serve(exchange)
            else:
                stats.to_workers += 1
                ending = await parts.workers.serve(exchange)
        except (VisitorLeft, BodyLost):
            ending = "left"
        except HostelError as error:
            if error.fault == "platform":
                log.warning("a request failed", code=error.code, request_id=exchange.request_id, error=error.message, **error.detail)
            ending = await self._refuse(exchange, error)
        except Exception:
            log.exception("a request failed", request_id=exchange.request_id)
            ending = await self._refuse(exchange, HostelError())
        finally:
            exchange.visitor.release()
            stats.under_way -= 1
            self._note(exchange, ending, started)

    async def _refuse(self, exchange: Exchange, error: HostelError) -> str:
        """Answer with a page, or break the connection off where an answer has begun."""
        self.stats.errors[error.code] += 1
        if exchange.started:
            return "broken"
        inbound, host = exchange.inbound, exchange.host
        status, head, body = pages.render(
            error,
            request_id=exchange.request_id,
            accept=inbound.accept if inbound is not None else b"",
            host=host.name if host is not None and isinstance(error, HostUnknown) else "",
        )
        await exchange.start(status, head)
        await exchange.write(b"" if exchange.scope["method"] == "HEAD" else body, more=False)
        return error.code

    def _note(self, exchange: Exchange, ending: str, started: int) -> None:
        stats = self.stats
        stats.statuses[exchange.status] += 1
        if ending == "left":
            stats.left += 1
        elif ending == "broken":
            stats.broken += 1
        if self._log_requests:
            scope, host = exchange.scope, exchange.host
            access.info(
                "request",
                request_id=exchange.request_id,
                method=scope["method"],
                host=host.name if host is not None else "",
                path=scope["path"],
                status=exchange.status,
                ending=ending,
                worker=exchange.worker,
                ms=(time.perf_counter_ns() - started) / 1e6,
            )

    async def _refuse_upgrade(self, scope: Scope, send: Send) -> None:
        """WebSockets have no place yet: say so in HTTP, which the server's extension allows before the connection is accepted."""
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        self.stats.errors[UpgradeRefused.code] += 1
        status, head, body = pages.render(UpgradeRefused(), request_id=f"{self._id_prefix}{next(self._ids) % _IDS:08x}", accept=accept)
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1011})
            return
        await send({"type": "websocket.http.response.start", "status": status, "headers": head})
        await send({"type": "websocket.http.response.body", "body": body})

    async def _started(self) -> Parts:
        """The parts, started by whoever comes first."""
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._begin())
        return await asyncio.shield(self._starting)

    async def _begin(self) -> Parts:
        try:
            self._parts = await self._start(self.stats, self._id_prefix)
        except BaseException:
            # The next request tries again.
            self._starting = None
            raise
        return self._parts

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._started()
        except Exception as error:
            log.exception("the gateway could not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Stop everything that was started; repeatable."""
        parts, self._parts, self._starting = self._parts, None, None
        if parts is not None:
            await parts.close()
