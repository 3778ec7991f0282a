"""Whether this process can serve, answered by itself.

Owns `/healthz` and `/readyz` of the control plane's hosts; every other request of theirs goes on to the control plane. A gateway is ready
while it can run workers and has not been told to drain: it serves what it knows without a database and without a control plane, and a
balancer that took it away for their sake would take away what still works. Must hold nothing of a tenant's.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Final

from controlplane.health import Check, report
from gateway.drain import Drain
from gateway.errors import GatewayDraining
from gateway.exchange import Exchange
from gateway.proxy import Control
from gateway.respond import Ending

# What the control plane says of itself is asked for at most this often, and waited for no longer.
KEPT_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 2.0
_JSON: Final = b"application/json"
_PLAIN: Final = b"text/plain; charset=utf-8"


class Front:
    """Stands before the control plane."""

    def __init__(self, control: Control, drain: Drain, *, guest: Callable[[], str], database: Callable[[], bool]) -> None:
        """`guest` names the guest that is loaded ("" for none), `database` says whether the last look at it succeeded."""
        self._control = control
        self._drain = drain
        self._guest = guest
        self._database = database
        self._known: tuple[float, Check] = (float("-inf"), Check("control", ok=False))
        self._asking: asyncio.Task[Check] | None = None

    async def serve(self, exchange: Exchange) -> Ending:
        """Answer the exchange. Raises `HostelError` when nothing was sent."""
        scope = exchange.scope
        path = scope["raw_path"]
        if scope["method"] not in ("GET", "HEAD") or path not in (b"/healthz", b"/readyz"):
            if self._drain.closed:
                raise GatewayDraining
            return await self._control.serve(exchange)
        if path == b"/healthz":
            return await _answer(exchange, 200, _PLAIN, b"ok\n")
        status, found = report(await self._checks())
        return await _answer(exchange, status, _JSON, json.dumps(found).encode() + b"\n")

    async def _checks(self) -> list[Check]:
        guest, database = bool(self._guest()), self._database()
        return [
            Check("guest", guest, reason="" if guest else "no guest is loaded"),
            Check("pool", not self._drain.on, reason="it is draining" if self._drain.on else ""),
            Check("database", database, needed=False, reason="" if database else "it does not answer: what is known is served on"),
            await self._control_check(),
        ]

    async def _control_check(self) -> Check:
        """What the control plane says, asked once for all who ask meanwhile."""
        when, known = self._known
        if time.monotonic() - when < KEPT_SECONDS:
            return known
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Check:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                found = await self._control.ask("/readyz")
            check = Check("control", ok=bool(found["ready"]), needed=False, reason=_why(found))
        except Exception as error:  # noqa: BLE001 - whatever it is, the control plane cannot be asked
            check = Check("control", ok=False, needed=False, reason=f"it does not answer ({type(error).__name__})")
        self._known = (time.monotonic(), check)
        return check


def _why(found: dict[str, Any]) -> str:
    """What is the matter with the control plane, in its own words."""
    bad = {name: check for name, check in found["checks"].items() if not check["ok"]}
    return "; ".join(f"{name}: {check.get('reason', 'not well')}" for name, check in bad.items())


async def _answer(exchange: Exchange, status: int, kind: bytes, body: bytes) -> Ending:
    head = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"hostel-request-id", exchange.request_id.encode()),
    ]
    await exchange.start(status, head)
    await exchange.write(b"" if exchange.scope["method"] == "HEAD" else body, more=False)
    return "sent"
