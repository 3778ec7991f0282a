"""Sending what is due to webhooks.

Owns the connections: an event loop in a thread of its own while there is something to send, and behind it the guard that keeps guests'
`fetch` off private addresses, asked when a name is resolved and again at the socket. One sender to a process, however many jobs ask for
it: slow webhooks hold up one of its threads and no build. Must not decide what is sent or what becomes of it: tenants.services.deliveries
does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import structlog

from tenants import services
from tenants.services import Attempted, Outgoing

log = structlog.get_logger(__name__)

UNDER_WAY = 32
# For the whole of an attempt: connecting, sending, and the answer's beginning.
ATTEMPT_SECONDS = 10.0
# How often a sender that waits for slow webhooks looks for others that are due.
LOOK_SECONDS = 0.5
RESPONSE_BYTES = 4 * services.RESPONSE_CHARACTERS


class Sender:
    """Sends until nothing is due."""

    def __init__(self) -> None:
        """Idle."""
        self._lock = threading.Lock()
        self._wanted = False
        self._running = False

    def run(self) -> dict[str, Any]:
        """Send what is due, or leave it to the thread of this process that is at it already; how many attempts were made."""
        with self._lock:
            self._wanted = True
            if self._running:
                return {"joined": True}
            self._running = True
        attempts = 0
        try:
            while self._again():
                attempts += Round().run()
        except BaseException:
            with self._lock:
                self._running = False
            raise
        return {"attempts": attempts}

    def _again(self) -> bool:
        """Whether somebody has asked since the last look; whoever asks after a no finds nobody at it."""
        with self._lock:
            wanted, self._wanted = self._wanted, False
            self._running = wanted
        return wanted


class Round:
    """One connected time of sending. The database is asked from the caller's thread, the loop's thread only sends."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhooks", daemon=True)
        self._outbound: Any = None

    def run(self) -> int:
        """Send until nothing is due and nothing under way; how many attempts."""
        if not services.deliveries_due():
            self._loop.close()
            return 0
        self._thread.start()
        under_way: dict[Future[Attempted], Outgoing] = {}
        attempts = 0
        try:
            self._call(self._open())
            while True:
                for outgoing in services.deliveries_claim(most=UNDER_WAY - len(under_way), under_way=list(under_way.values())):
                    under_way[asyncio.run_coroutine_threadsafe(self._attempt(outgoing), self._loop)] = outgoing
                    attempts += 1
                if not under_way:
                    return attempts
                for done in wait(under_way, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
                    services.delivery_attempted(outgoing=under_way.pop(done), attempted=done.result())
        finally:
            self._close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        from sandbox.bindings.fetch import Outbound  # noqa: PLC0415 - brings an HTTP client, which most processes never need

        self._outbound = Outbound(services.webhook_policy())

    def _close(self) -> None:
        if self._outbound is not None:
            self._call(self._outbound.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _attempt(self, outgoing: Outgoing) -> Attempted:
        """Send once. Raises nothing: what goes wrong is how the attempt went."""
        from sandbox.bindings.failures import FetchFailed  # noqa: PLC0415 - as above

        began = time.monotonic()

        def spent() -> int:
            return round((time.monotonic() - began) * 1000)

        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status, text = await self._exchange(outgoing)
        except TimeoutError:
            return Attempted(None, error="timed_out", ms=spent())
        except FetchFailed as failure:
            return Attempted(None, error=failure.code, ms=spent())
        except Exception as error:
            log.exception("a webhook could not be sent to", delivery=str(outgoing.id))
            return Attempted(None, error=type(error).__name__, ms=spent())
        return Attempted(status, response=text, ms=spent())

    async def _exchange(self, outgoing: Outgoing) -> tuple[int, str]:
        from sandbox.bindings.fetch import OutboundRequest  # noqa: PLC0415 - as above

        headers = [(name.encode(), value.encode()) for name, value in outgoing.headers]
        # A redirect is no success, and is not followed: where it leads was never agreed on.
        request = OutboundRequest("POST", outgoing.url, headers, "manual", outgoing.body, scope=f"webhooks:{outgoing.tenant_id}")
        response = await self._outbound.fetch(request)
        try:
            read = b""
            async for chunk in response.body:
                read += chunk
                if len(read) >= RESPONSE_BYTES:
                    break
        finally:
            await response.aclose()
        text = read[:RESPONSE_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        return response.status, text[: services.RESPONSE_CHARACTERS]


sender = Sender()
