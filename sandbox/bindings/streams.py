"""Bodies of outbound exchanges, both ways, and the translation of aiohttp's errors.

Owns how bytes move between a guest's iterators and aiohttp, always one step at a time. Must not decide what may be fetched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import AsyncIterablePayload, BytesPayload, Payload

from sandbox.bindings.decoding import Gunzip
from sandbox.bindings.failures import FetchFailed, FetchInvalid, FetchTimedOut, HostUnresolved, NetworkLost, TlsFailed, UpstreamInvalid
from sandbox.bindings.guard import Refusal
from sandbox.http import Headers

_PIECE_BYTES: Final = 64 * 1024


class ResponseBody:
    """An iterator over a response's body that gives the connection back at its end and drops it when closed early."""

    def __init__(self, response: aiohttp.ClientResponse, *, leave: Callable[[], None]) -> None:
        """Read from `response`; call `leave` once, when the connection is needed no more."""
        self._response = response
        self._leave: Callable[[], None] | None = leave
        self._gunzip: Gunzip | None = None
        self._pieces: Iterator[bytes] = iter(())

    def decode(self) -> None:
        """Take gzip off from here on."""
        self._gunzip = Gunzip()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Itself: a body is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next bytes, never empty and at most 64 KiB. Raises `FetchFailed` when the body breaks off."""
        try:
            while True:
                if (piece := next(self._pieces, None)) is not None:
                    return piece
                if self._leave is None:
                    raise StopAsyncIteration
                if chunk := await self._response.content.read(_PIECE_BYTES):
                    self._pieces = iter((chunk,)) if self._gunzip is None else self._gunzip.feed(chunk)
                elif self._response.content.at_eof():
                    if self._gunzip is not None:
                        self._gunzip.finish()
                    self._done(early=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._done(early=True)
            raise translate(error, "") or NetworkLost() from None
        except FetchFailed:
            self._done(early=True)
            raise

    async def aclose(self) -> None:
        """Stop reading; the connection is closed unless the body was at its end."""
        self._pieces = iter(())
        self._done(early=True)

    def _done(self, *, early: bool) -> None:
        leave, self._leave = self._leave, None
        if leave is None:
            return
        if early:
            self._response.close()
        else:
            self._response.release()
        leave()


def request_payload(body: bytes | AsyncIterator[bytes] | None, headers: Headers, *, declared: int | None) -> Payload | None:
    """What aiohttp is to send for `body`; sets the length in `headers` where it is known.

    `declared` is the guest's own Content-Length: of a stream it is kept and enforced, of anything else it is ignored.
    """
    payload: Payload | None = None
    if isinstance(body, bytes):
        # aiohttp warns of large bytes, and would write them past the socket's back-pressure.
        payload = BytesPayload(body) if len(body) <= _PIECE_BYTES else AsyncIterablePayload(_pieces(body))
        headers.append((b"content-length", b"%d" % len(body)))
    elif body is not None:
        payload = AsyncIterablePayload(_measured(body, declared))
        if declared is not None:
            headers.append((b"content-length", b"%d" % declared))
    if all(name.isascii() and value.isascii() for name, value in headers):
        return payload
    return _Verbatim(payload)


class _Verbatim(Payload):
    """A body whose head goes out in the guest's own bytes.

    aiohttp can only write headers as UTF-8. It keeps the head back until the body's first bytes, so this is where what was
    handed over as Latin-1 becomes Latin-1 again. `_headers_buf` is private to aiohttp, whose version is pinned.
    """

    def __init__(self, inner: Payload | None) -> None:
        super().__init__(inner, content_type="application/octet-stream")
        self._inner = inner

    @property
    def size(self) -> int | None:
        return 0 if self._inner is None else self._inner.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise NotImplementedError

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        writer._headers_buf = writer._headers_buf.decode().encode("latin-1")  # type: ignore[attr-defined]  # noqa: SLF001
        if self._inner is not None:
            await self._inner.write_with_length(writer, content_length)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])


async def _measured(body: AsyncIterator[bytes], declared: int | None) -> AsyncIterator[bytes]:
    """`body`, broken off when it does not have the `declared` length: the other side must not take a cut body for a whole one."""
    total = 0
    async for chunk in body:
        total += len(chunk)
        if declared is not None and total > declared:
            raise FetchInvalid("The request's body is longer than its Content-Length.")
        if chunk:
            yield chunk
    if declared is not None and total < declared:
        raise FetchInvalid("The request's body is shorter than its Content-Length.")


def translate(error: BaseException, host: str) -> FetchFailed | None:
    """The guest's error for one of aiohttp's; None when the egress guard is behind it.

    Says nothing that tells a closed port from a filtered one, or one address from another.
    """
    cause: BaseException | None = error
    # aiohttp wraps what the guard, the socket or a request's body raised, and never more than a few times.
    for _ in range(8):
        if cause is None:
            break
        if isinstance(cause, Refusal):
            return None
        if isinstance(cause, FetchFailed):
            return cause
        cause = getattr(cause, "os_error", None) or cause.__cause__ or cause.__context__
    make = next((make for kinds, make in _TRANSLATIONS if isinstance(error, kinds)), NetworkLost)
    named = make in (HostUnresolved, TlsFailed) and host
    return make(f"{(make.__doc__ or '').rstrip('.')}: {host[:253]}.") if named else make()


# The first that fits: aiohttp's tree has several parents for most of its errors.
_TRANSLATIONS: Final[tuple[tuple[tuple[type[BaseException], ...], type[FetchFailed]], ...]] = (
    ((aiohttp.ClientConnectorDNSError,), HostUnresolved),
    ((aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError), TlsFailed),
    ((aiohttp.ConnectionTimeoutError,), FetchTimedOut),
    ((aiohttp.ClientResponseError,), UpstreamInvalid),
    ((aiohttp.ClientOSError,), NetworkLost),
    ((aiohttp.InvalidURL, ValueError), FetchInvalid),
)
