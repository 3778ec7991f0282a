"""A request to the control plane.

Owns the reverse proxy to its Unix socket: streaming both ways, the connection's own headers left behind, the visitor's address put in their
place. Must not answer for the control plane, except that it is not there.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

from gateway.bodies import BodyLost
from gateway.errors import BodyTooLarge, ControlPlaneDown, ControlPlaneFailed, MethodRefused
from gateway.exchange import Exchange
from gateway.origin import Origins
from gateway.respond import Ending
from sandbox.http import Headers

# The control plane has its own, lower limit for each address; this one only bounds what a stranger can make it read (bytes).
MAX_BYTES: Final = 512 * 1024 * 1024
CONNECT_SECONDS: Final = 5.0
CONNECTIONS: Final = 256
_PIECE_BYTES: Final = 64 * 1024
_BODILESS: Final = frozenset({204, 205, 304})

_DROPPED: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"),
        # Set here; a visitor's own word on who asks and how is not passed on.
        *(b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port"),
    }
)
_HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"})


class Control:
    """The control plane behind its socket. Belongs to one event loop."""

    def __init__(self, path: Path, origins: Origins) -> None:
        """Connect to `path`."""
        self._origins = origins
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(path), limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            max_line_size=64 * 1024,
            max_field_size=128 * 1024,
            max_headers=512,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def ask(self, path: str) -> Any:
        """What the control plane answers to `GET path`, as JSON. Raises what aiohttp raises, or ValueError."""
        async with self._session.get(URL(f"http://control{path}"), headers={"Host": "localhost"}) as response:
            return json.loads(await response.read())

    async def serve(self, exchange: Exchange) -> Ending:
        """Answer the exchange. Raises `HostelError` when nothing was sent."""
        inbound, scope, visitor = exchange.inbound, exchange.scope, exchange.visitor
        assert inbound is not None
        path: bytes = scope["raw_path"]
        if scope["method"] == "CONNECT" or path[:1] != b"/":
            raise MethodRefused
        query: bytes = scope["query_string"]
        url = URL(f"http://control{path.decode('ascii')}{'?' if query else ''}{query.decode('latin-1')}", encoded=True)
        body = await visitor.body(inbound, MAX_BYTES)
        call = asyncio.ensure_future(
            self._session.request(
                scope["method"],
                url,
                headers=[(_text(name), _text(value)) for name, value in self._headers(exchange)],
                data=body,
                allow_redirects=False,
            )
        )
        visitor.add_done_callback(lambda _: call.cancel())
        try:
            response = await call
        except aiohttp.ClientConnectorError as error:
            raise ControlPlaneDown from error
        except asyncio.CancelledError:
            if visitor.done():
                raise (BodyLost() if visitor.gone else BodyTooLarge(limit=MAX_BYTES)) from None
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ControlPlaneFailed from error
        try:
            return await self._answer(exchange, response)
        finally:
            response.close()

    def _headers(self, exchange: Exchange) -> Headers:
        inbound, host = exchange.inbound, exchange.host
        assert inbound is not None
        assert host is not None
        client, scheme = self._origins.of(exchange.scope["client"][0], inbound)
        return [
            *(pair for pair in inbound.kept if pair[0] not in _DROPPED),
            (b"x-forwarded-for", client.encode()),
            (b"x-forwarded-proto", scheme.encode()),
            (b"x-forwarded-host", host.authority.encode()),
            (b"hostel-request-id", exchange.request_id.encode()),
        ]

    @staticmethod
    async def _answer(exchange: Exchange, response: aiohttp.ClientResponse) -> Ending:
        visitor = exchange.visitor
        head = [(name.lower(), value) for name, value in response.raw_headers if name.lower() not in _HOP_BY_HOP]
        head.append((b"hostel-request-id", exchange.request_id.encode()))
        if exchange.scope["method"] == "HEAD" or response.status in _BODILESS:
            await exchange.start(response.status, head)
            await exchange.write(b"", more=False)
            return "sent"
        pump = asyncio.ensure_future(_pump(exchange, response, head))
        visitor.add_done_callback(lambda _: pump.cancel())
        try:
            await pump
        except asyncio.CancelledError:
            if visitor.done():
                return "left"
            pump.cancel()
            raise
        except (aiohttp.ClientError, OSError) as error:
            if not exchange.started:
                raise ControlPlaneFailed from error
            return "broken"
        return "sent"


async def _pump(exchange: Exchange, response: aiohttp.ClientResponse, head: Headers) -> None:
    """The head with the first piece, if that is there already, and then whatever comes."""
    reading = asyncio.ensure_future(response.content.read(_PIECE_BYTES))
    try:
        await asyncio.sleep(0)
        if not reading.done():
            # Nothing yet (events, a slow page): the head does not wait.
            await exchange.start(response.status, head)
            await exchange.write(b"", more=True)
        piece = await reading
    finally:
        reading.cancel()
    if not exchange.started:
        await exchange.start(response.status, head)
    while piece and not response.content.at_eof():
        await exchange.write(piece, more=True)
        piece = await response.content.read(_PIECE_BYTES)
    await exchange.write(piece, more=False)


def _text(value: bytes) -> str:
    """Aiohttp writes headers as UTF-8: what is UTF-8 passes unchanged, what is not becomes it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
