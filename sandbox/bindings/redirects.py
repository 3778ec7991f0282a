"""Following redirects by the Fetch standard (§4.4, HTTP-redirect fetch, 2026).

Owns the decision whether and how a response leads to another request. Must not send anything: every hop goes through the egress
policy again in fetch.py.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from yarl import URL

from sandbox.bindings.failures import FetchInvalid, RedirectFailed
from sandbox.http import Headers

STATUSES: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 20
_BODY_HEADERS: Final = frozenset({b"content-encoding", b"content-language", b"content-location", b"content-type", b"content-length"})
# Fetch names Authorization; a cookie or key that a guest set by hand is as much a secret of the first origin.
_SECRET_HEADERS: Final = frozenset({b"authorization", b"cookie"})
_UNSAFE: Final = re.compile(rb"[^\x21-\x7e]")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,254}|[0-9A-Fa-f:.]+")
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a chain, before the policy and the wire have seen it."""

    method: str
    url: URL
    headers: Headers
    body: bytes | AsyncIterator[bytes] | None


def parse_url(text: str) -> URL:
    """An absolute http(s) URL without fragment and credentials, its path untouched. Raises `FetchInvalid`."""
    try:
        if _UNSAFE.search(text.encode("ascii")):
            raise ValueError  # noqa: TRY301 - one way out
        url = URL(text, encoded=True)
        host, port = url.raw_host, url.port
    except ValueError:
        raise FetchInvalid("The URL is not valid.") from None
    if url.scheme not in ("http", "https") or not host or not _HOST.fullmatch(host) or port is None or not 0 < port <= _MAX_PORT:
        raise FetchInvalid("Only http and https URLs with a host can be fetched.")
    return url.with_fragment(None).with_user(None)


def same_origin(one: URL, other: URL) -> bool:
    """Whether both have the same scheme, host and port."""
    return (one.scheme, (one.raw_host or "").lower(), one.port) == (other.scheme, (other.raw_host or "").lower(), other.port)


def next_hop(hop: Hop, status: int, location: bytes | None) -> Hop | None:
    """The request that a response with `status` and `location` asks for, or None when it is the answer itself.

    Raises `RedirectFailed` when the target is no http(s) URL, or the body is a stream that has been used up.
    """
    if status not in STATUSES or location is None:
        return None
    target = _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], location.strip()).decode("ascii")
    try:
        url = parse_url(str(hop.url.join(URL(target, encoded=True))))
    except (FetchInvalid, ValueError):
        raise RedirectFailed("The redirect's location is not an http or https URL.") from None
    method, headers, body = hop.method, hop.headers, hop.body
    if (status == 303 and method not in ("GET", "HEAD")) or (status in (301, 302) and method == "POST"):  # noqa: PLR2004
        method, body = "GET", None
        headers = [pair for pair in headers if pair[0].lower() not in _BODY_HEADERS]
    elif body is not None and not isinstance(body, bytes):
        raise RedirectFailed(
            "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect requiring "
            "the body to be retransmitted. To avoid this error in the future, construct this request from a buffer-like body "
            "initializer."
        )
    if not same_origin(url, hop.url):
        headers = [pair for pair in headers if pair[0].lower() not in _SECRET_HEADERS]
    return Hop(method, url, headers, body)
