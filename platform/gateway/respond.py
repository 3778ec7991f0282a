"""A worker's response on its way to the visitor.

Owns what the bytes on the wire are: the status and headers as the worker gave them, a body where there may be one, a length that is true,
and a broken connection where the body broke off, so that nobody takes a part for the whole. Must not know where the response came from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Literal

import structlog

from gateway import headers
from gateway.exchange import Exchange
from sandbox.errors import ResponseInvalid
from sandbox.http import Headers, Response

log = structlog.get_logger(__name__)

Ending = Literal["sent", "left", "broken"]

_BODILESS: Final = frozenset({204, 205, 304})
_LOWEST, _HIGHEST = 200, 599
# Chunks written before other tasks get their turn: a body whose pieces are all there never waits by itself.
_TURN: Final = 8
_SERVER: Final = (b"server", b"hostel")


async def respond(exchange: Exchange, response: Response, own: Headers) -> Ending:
    """Send `response` with the platform's `own` headers. Raises `ResponseInvalid`, and then nothing was sent."""
    if not _LOWEST <= response.status <= _HIGHEST:
        raise ResponseInvalid(f"The status {response.status} cannot be answered.", limit=_HIGHEST)
    head, declared = headers.from_worker(response.headers)
    if not any(pair[0] == b"server" for pair in head):
        head.append(_SERVER)
    head += own
    body = response.body
    if response.status in _BODILESS or exchange.scope["method"] == "HEAD":
        return await _without_body(exchange, response, head, declared)
    if isinstance(body, bytes):
        head.append((b"content-length", b"%d" % len(body)))
        await _start(exchange, response.status, head)
        await exchange.write(body, more=False)
        return "sent"
    if declared is not None:
        head.append((b"content-length", b"%d" % declared))
    return await _stream(exchange, response, body, head, declared)


async def _start(exchange: Exchange, status: int, head: Headers) -> None:
    try:
        await exchange.start(status, head)
    except RuntimeError as error:
        # The server's own check of every name and value.
        raise ResponseInvalid("The response has a header that is none.") from error


async def _without_body(exchange: Exchange, response: Response, head: Headers, declared: int | None) -> Ending:
    """HEAD gets the length a GET would get, where that is known."""
    length = len(response.body) if isinstance(response.body, bytes) and response.body else declared
    if length is not None and response.status not in _BODILESS:
        head.append((b"content-length", b"%d" % length))
    await _start(exchange, response.status, head)
    await exchange.write(b"", more=False)
    await response.aclose()
    return "sent"


async def _stream(exchange: Exchange, response: Response, body: AsyncIterator[bytes], head: Headers, declared: int | None) -> Ending:
    visitor = exchange.visitor
    closing: list[asyncio.Future[None]] = []
    # Closing the body is what wakes a loop that waits for the worker's next piece.
    visitor.add_done_callback(lambda _: closing.append(asyncio.ensure_future(response.aclose())))
    try:
        await _start(exchange, response.status, head)
        # The server keeps the head back until a body follows; the first piece may be long in coming.
        await exchange.write(b"", more=True)
        complete = await _pump(exchange, body, declared)
    except ResponseInvalid:
        raise
    except Exception as error:  # noqa: BLE001 - whatever broke the body breaks this connection, and only that
        if not visitor.done():
            log.debug("a response body broke off", request_id=exchange.request_id, error=repr(error))
        complete = False
    finally:
        await response.aclose()
        await asyncio.gather(*closing)
    if visitor.done():
        return "left"
    if not complete:
        return "broken"
    await exchange.write(b"", more=False)
    return "sent"


async def _pump(exchange: Exchange, body: AsyncIterator[bytes], declared: int | None) -> bool:
    """Write every piece; False when there are not as many bytes as were `declared`."""
    total = count = 0
    async for piece in body:
        total += len(piece)
        if declared is not None and total > declared:
            return False
        await exchange.write(piece, more=True)
        count += 1
        if count % _TURN == 0:
            await asyncio.sleep(0)
            if exchange.visitor.done():
                return False
    return declared is None or total == declared
