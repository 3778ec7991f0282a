"""Headers between visitors and workers.

Owns what a worker is told about its visitor, what a visitor is told about the worker, and what neither may say in the platform's name.
Everything else passes byte for byte, in its order and as often as it came. Pure, and fed by strangers on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.errors import HostMissing, RequestRejected
from sandbox.errors import ResponseInvalid
from sandbox.http import Headers

OWN: Final = b"hostel-"
# All headers of one response together, names and values; what follows must fit one of granian's write buffers with room to spare.
RESPONSE_HEADER_BYTES: Final = 256 * 1024
RESPONSE_HEADERS: Final = 1024

# What a visitor must not say, because workers take it as the platform's word (Cloudflare's names for it).
_SPOOFED: Final = frozenset(
    {
        *(b"cf-connecting-ip", b"cf-connecting-ipv6", b"cf-connecting-o2o", b"cf-pseudo-ipv4", b"cf-ipcountry", b"cf-ray", b"cf-visitor"),
        *(b"cf-worker", b"cf-ew-via", b"true-client-ip", b"x-real-ip", b"x-forwarded-proto", b"x-forwarded-for"),
    }
)
# RFC 9110 §7.6.1; the server frames the message itself.
_HOP_BY_HOP: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"})

# What visitors choose a version by.
CHOOSING: Final = frozenset({b"cloudflare-workers-version-overrides", b"cloudflare-workers-version-key", b"cloudflare-workers-cohort"})

_HOST, _LENGTH, _OVERRIDES, _KEY, _FORWARDED, _PROTO, _LOOP, _ACCEPT, _CHUNKED, _TRACE, _DROPPED, _COHORT, _SIGNED = range(13)
_CHOICES: Final = frozenset({_OVERRIDES, _KEY, _COHORT, _SIGNED})
_KINDS: Final = {
    b"host": _HOST,
    b"content-length": _LENGTH,
    b"cloudflare-workers-version-overrides": _OVERRIDES,
    b"cloudflare-workers-version-key": _KEY,
    b"cloudflare-workers-cohort": _COHORT,
    b"hostel-version-override": _SIGNED,
    b"cdn-loop": _LOOP,
    b"accept": _ACCEPT,
    b"transfer-encoding": _CHUNKED,
    b"traceparent": _TRACE,
    **dict.fromkeys(_SPOOFED, _DROPPED),
    b"x-forwarded-for": _FORWARDED,
    b"x-forwarded-proto": _PROTO,
}


@dataclass(slots=True)
class Inbound:
    """A request's headers, read once."""

    host: bytes
    # As they came, without what a visitor must not say.
    kept: Headers
    # The declared length of the body in bytes; None when there is none or it comes in chunks.
    length: int | None = None
    chunked: bool = False
    overrides: str | None = None
    version_key: str | None = None
    cohort: str | None = None
    # Tokens of signed overrides, which no worker gets to see.
    signed: str = ""
    # For whoever believes them (origin.py).
    forwarded_for: bytes = b""
    forwarded_proto: bytes = b""
    accept: bytes = b""
    looped: bool = False
    # Several are none (W3C trace context §3.2).
    traceparent: bytes = b""


def read(raw: Headers) -> Inbound:
    """Sort a request's headers. Raises `HostMissing` unless there is exactly one host, `RequestRejected` for an impossible length."""
    kept: Headers = []
    inbound = Inbound(b"", kept)
    hosts = 0
    for pair in raw:
        name = pair[0]
        kind = _KINDS.get(name)
        if kind is None:
            if name[:7] != OWN:
                kept.append(pair)
            continue
        if kind == _HOST:
            hosts += 1
            inbound.host = pair[1]
        elif kind == _DROPPED:
            continue
        elif kind != _ACCEPT or inbound.accept:
            _note(inbound, kind, pair[1])
        else:
            inbound.accept = pair[1]
        if kind not in (_FORWARDED, _PROTO, _TRACE, _SIGNED):
            kept.append(pair)
    if hosts != 1:
        raise HostMissing
    return inbound


def _note(inbound: Inbound, kind: int, value: bytes) -> None:
    if kind in _CHOICES:
        _note_choice(inbound, kind, value)
    elif kind == _LENGTH:
        if not value.isdigit() or (inbound.length is not None and inbound.length != int(value)):
            raise RequestRejected("The request's Content-Length is not valid.", field="content-length")
        inbound.length = int(value)
    elif kind == _CHUNKED:
        inbound.chunked = True
    elif kind == _FORWARDED:
        inbound.forwarded_for = b", ".join(filter(None, (inbound.forwarded_for, value)))
    elif kind == _PROTO:
        inbound.forwarded_proto = value
    elif kind == _LOOP:
        inbound.looped = True
    elif kind == _TRACE:
        inbound.traceparent = b"-" if inbound.traceparent else value


def _note_choice(inbound: Inbound, kind: int, value: bytes) -> None:
    """A header that says which version is wanted."""
    text = value.decode("latin-1")
    if kind == _OVERRIDES:
        # Several lines of one structured field are one dictionary (RFC 8941 §4.2).
        inbound.overrides = ", ".join(filter(None, (inbound.overrides, text)))
    elif kind == _KEY:
        inbound.version_key = text
    elif kind == _COHORT:
        inbound.cohort = text
    else:
        inbound.signed = ", ".join(filter(None, (inbound.signed, text)))


def to_worker(inbound: Inbound, *, client: bytes, peer: bytes, scheme: bytes, request_id: bytes, trace: bytes) -> Headers:
    """The headers a worker gets: the visitor's, then the platform's word on who asks.

    `client` is the visitor's address, `peer` the connection's (a proxy's, or the same), `scheme` http or https, `trace` the `traceparent`
    of this request.
    """
    forwarded = inbound.forwarded_for + b", " + peer if inbound.forwarded_for else peer
    inbound.kept += (
        (b"cf-connecting-ip", client),
        (b"x-real-ip", client),
        (b"x-forwarded-for", forwarded),
        (b"x-forwarded-proto", scheme),
        (b"hostel-request-id", request_id),
        (b"traceparent", trace),
    )
    return inbound.kept


def from_worker(raw: Headers) -> tuple[Headers, int | None]:
    """The headers a visitor gets and the length the worker declared (None: none, or several that contradict each other).

    Dropped are the fields of the connection, the length (the caller sets it) and those in the platform's name.
    Raises `ResponseInvalid` past `RESPONSE_HEADER_BYTES` or `RESPONSE_HEADERS`.
    """
    headers: Headers = []
    lengths: set[bytes] = set()
    size = 0
    for pair in raw:
        name = pair[0].lower()
        size += len(name) + len(pair[1])
        if name == b"content-length":
            lengths.add(pair[1].strip())
        elif name not in _HOP_BY_HOP and name[:7] != OWN:
            headers.append(pair)
    if size > RESPONSE_HEADER_BYTES or len(raw) > RESPONSE_HEADERS:
        raise ResponseInvalid("The response has too many headers.", limit=RESPONSE_HEADER_BYTES, size=size)
    length = lengths.pop() if len(lengths) == 1 else b""
    return headers, int(length) if length.isdigit() and len(length) < 16 else None  # noqa: PLR2004 - far more than any body
