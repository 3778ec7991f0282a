"""Headers of outbound requests and their responses, as bytes.

Owns what is dropped, added and kept between a guest and the wire: hop-by-hop fields (RFC 9110 §7.6.1), the loop guard (RFC 8586)
and the fields only the host may set. Must not connect or follow anything.
"""

from __future__ import annotations

import re
from typing import Final

from sandbox.bindings.failures import FetchInvalid, LoopDetected, UpstreamInvalid
from sandbox.http import Headers

LOOP_HEADER: Final = b"cdn-loop"
LOOP_NAME: Final = b"hostel"
# As many passes as Cloudflare's own CDN-Loop check lets through.
MAX_LOOPS: Final = 16
# All headers of one response together, names and values.
RESPONSE_HEADER_BYTES: Final = 128 * 1024

_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
# The host's to set: it follows from the URL and the body (Fetch: forbidden request-headers), or would change the exchange itself.
_HOSTS_OWN: Final = frozenset({b"host", b"content-length", b"expect", b"proxy-authorization"})
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def loops_of(headers: Headers) -> int:
    """How many times a request with these headers has left this platform before."""
    return sum(
        member.split(b";", 1)[0].strip().lower() == LOOP_NAME
        for name, value in headers
        if name.lower() == LOOP_HEADER
        for member in value.split(b",")
    )


def outgoing(headers: Headers, *, loops: int) -> Headers:
    """What goes on the wire for a guest's `headers` while it serves a request that has left here `loops` times.

    Raises `FetchInvalid` for a header that is none, `LoopDetected` past `MAX_LOOPS`.
    """
    if loops >= MAX_LOOPS:
        raise LoopDetected
    nominated = _nominated(headers)
    sent: Headers = []
    others: list[bytes] = []
    for name, value in headers:
        lower = name.lower()
        if not _TOKEN.fullmatch(name) or _NO_VALUE.search(value):
            raise FetchInvalid("A header of the request is not valid.")
        if lower == LOOP_HEADER:
            # Others' entries must stay (RFC 8586); ours count only as the host counts them.
            others += [member.strip() for member in value.split(b",") if member.split(b";", 1)[0].strip().lower() != LOOP_NAME]
        elif lower not in _HOP_BY_HOP and lower not in _HOSTS_OWN and lower not in nominated:
            sent.append((name, value.strip(b" \t")))
    sent.append((LOOP_HEADER, b", ".join([*filter(None, others), *[LOOP_NAME] * (loops + 1)])))
    return sent


def declared_length(headers: Headers) -> int | None:
    """The Content-Length a guest gave (a fixed-length stream), or None. Raises `FetchInvalid` unless it is one number."""
    values = {value.strip() for name, value in headers if name.lower() == b"content-length"}
    if not values:
        return None
    value = values.pop()
    if values or not value.isdigit():
        raise FetchInvalid("The request's Content-Length is not valid.")
    return int(value)


def incoming(raw: tuple[tuple[bytes, bytes], ...], *, decoded: bool) -> Headers:
    """What the guest sees of a response's `raw` headers; a length that no longer holds once the body is `decoded` is dropped.

    Raises `UpstreamInvalid` for control characters (a folded line, a bare CR) and past `RESPONSE_HEADER_BYTES`.
    """
    headers = [(name.lower(), value) for name, value in raw]
    if sum(len(name) + len(value) for name, value in headers) > RESPONSE_HEADER_BYTES:
        raise UpstreamInvalid(f"The response's headers are larger than {RESPONSE_HEADER_BYTES} bytes.", limit=RESPONSE_HEADER_BYTES)
    if any(not _TOKEN.fullmatch(name) or _NO_VALUE.search(value) for name, value in headers):
        raise UpstreamInvalid
    nominated = _nominated(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _HOP_BY_HOP and name not in nominated and not (decoded and name == b"content-length")
    ]


def first(headers: Headers, wanted: bytes) -> bytes | None:
    """The value of the first header called `wanted` (lower case), or None."""
    return next((value for name, value in headers if name.lower() == wanted), None)


def _nominated(headers: Headers) -> set[bytes]:
    """The fields a Connection header names as belonging to this hop only."""
    return {option.strip().lower() for name, value in headers if name.lower() == b"connection" for option in value.split(b",")} - {
        b"content-length",
        b"host",
        b"cookie",
        b"authorization",
        b"",
    }
