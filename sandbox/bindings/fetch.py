"""The guest's fetch() towards the internet.

Owns one outbound exchange from admission to the last byte: policy, redirects, streaming both ways, time-outs, errors. Must not know
guests, frames or Django: the sandbox hands in bytes and gets bytes.

    call -> admit (URL, port, literal address) -> lane of the tenant -> guard (DNS, socket) -> response -> redirect? admit again
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from sandbox.bindings import wire
from sandbox.bindings.decoding import ACCEPT_ENCODING, decodes
from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.failures import EgressRefused, FetchFailed, FetchInvalid, RedirectFailed
from sandbox.bindings.guard import Lookup, system_lookup
from sandbox.bindings.lanes import Lane, Lanes
from sandbox.bindings.networks import parse_address
from sandbox.bindings.redirects import MAX_REDIRECTS, Hop, next_hop, parse_url
from sandbox.bindings.streams import ResponseBody, request_payload, translate
from sandbox.http import Headers

_NO_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
_BODILESS: Final = frozenset({101, 103, 204, 205, 304})


@dataclass(slots=True)
class OutboundRequest:
    """What a guest wants fetched. A stream body is read once, as fast as the other side takes it."""

    method: str
    # Absolute, percent-encoded.
    url: str
    headers: Headers = field(default_factory=list)
    # "follow", "manual" or "error", as in the Fetch standard.
    redirect: str = "follow"
    body: bytes | AsyncIterator[bytes] | None = None
    # Whose connections may be used: the tenant.
    scope: str = ""
    # How often the request being served has left this platform before (`wire.loops_of` its headers).
    loops: int = 0


@dataclass(slots=True)
class OutboundResponse:
    """The answer, decoded. `body` must be read to its end or closed with `aclose`."""

    status: int
    reason: str
    # Of the last hop, without fragment.
    url: str
    redirected: bool
    headers: Headers
    body: ResponseBody

    async def aclose(self) -> None:
        """Give the connection up, or back; harmless when the body has ended."""
        await self.body.aclose()

    async def read(self) -> bytes:
        """The whole body, for callers that need no stream."""
        return b"".join([chunk async for chunk in self.body])


class Outbound:
    """One per process and event loop; `close` it."""

    def __init__(self, policy: EgressPolicy, *, lookup: Lookup = system_lookup, tls: ssl.SSLContext | None = None) -> None:
        """Allow what `policy` allows. `lookup` and `tls` replace the system's resolver and authorities."""
        self._policy = policy
        self._lanes = Lanes(policy, lookup=lookup, tls=tls)
        self._fetches = 0
        self._failed: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        """For `async with`."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Break off what is under way and close every connection."""
        await self._lanes.close()

    def stats(self) -> dict[str, Any]:
        """Counters since the start, JSON-able: refusals by the registry's word for the address, failures by code."""
        return {
            "fetches": self._fetches,
            "under_way": self._lanes.requests,
            "lanes": len(self._lanes),
            "refused": dict(self._lanes.refused),
            "failed": dict(self._failed),
        }

    async def fetch(self, call: OutboundRequest) -> OutboundResponse:
        """The response to `call`, once its head is there. Raises `FetchFailed`; cancelling breaks the exchange off."""
        self._fetches += 1
        try:
            return await self._follow(call)
        except FetchFailed as failure:
            self._failed[failure.code] += 1
            raise

    async def _follow(self, call: OutboundRequest) -> OutboundResponse:
        method = call.method.upper()
        if method in _NO_METHODS or not method.isascii() or not method.replace("-", "").replace("_", "").isalnum():
            raise FetchInvalid(f"The method {call.method[:40]!r} cannot be fetched.")
        if call.redirect not in ("follow", "manual", "error"):
            raise FetchInvalid("The redirect mode must be follow, manual or error.")
        hop = Hop(method, parse_url(call.url), call.headers, call.body)
        for redirects in range(MAX_REDIRECTS + 1):
            response, body = await self._send(hop, call)
            try:
                following = None if call.redirect == "manual" else next_hop(hop, response.status, _location(response))
                if following is None:
                    return self._answer(hop, response, body, redirected=redirects > 0)
            except BaseException:
                await body.aclose()
                raise
            await body.aclose()
            if call.redirect == "error":
                raise RedirectFailed("The response is a redirect, and the request's redirect mode is 'error'.")
            hop = following
        raise RedirectFailed("Too many redirects.", limit=MAX_REDIRECTS)

    def _admit(self, url: URL, scope: str) -> tuple[Lane, URL]:
        """The lane for `url` and how aiohttp is to be told it. Refuses here what needs no resolver to refuse."""
        host, port = url.raw_host or "", url.port or 0
        trusted = self._policy.trusts_name(host, port)
        address = parse_address(host)
        reason = "" if self._policy.permits_port(port) else "port"
        if address is not None:
            reason = reason or ("" if trusted else self._policy.objection(address, port))
            url = url.with_host(str(address))
        if reason:
            self._lanes.refused[reason] += 1
            raise _refused(host)
        return self._lanes.enter(scope, host.lower() if trusted else ""), url

    async def _send(self, hop: Hop, call: OutboundRequest) -> tuple[aiohttp.ClientResponse, ResponseBody]:
        """One exchange up to the response's head. The body that comes with it holds the lane."""
        headers = wire.outgoing(hop.headers, loops=call.loops)
        if wire.first(headers, b"accept-encoding") is None:
            headers.append((b"accept-encoding", ACCEPT_ENCODING))
        payload = request_payload(hop.body, headers, declared=wire.declared_length(hop.headers))
        lane, url = self._admit(hop.url, call.scope)
        if url.raw_host != hop.url.raw_host:
            headers.append((b"host", (hop.url.host_port_subcomponent or "").encode()))
        try:
            response = await lane.session.request(
                hop.method,
                url,
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
                data=payload,
                allow_redirects=False,
            )
        except BaseException as error:
            self._lanes.leave(lane)
            if isinstance(error, aiohttp.ClientError | OSError | ValueError):
                raise translate(error, hop.url.raw_host or "") or _refused(hop.url.raw_host or "") from None
            raise
        return response, ResponseBody(response, leave=partial(self._lanes.leave, lane))

    @staticmethod
    def _answer(hop: Hop, response: aiohttp.ClientResponse, body: ResponseBody, *, redirected: bool) -> OutboundResponse:
        bodiless = hop.method == "HEAD" or response.status in _BODILESS
        decoded = not bodiless and decodes(wire.first(list(response.raw_headers), b"content-encoding"))
        headers = wire.incoming(response.raw_headers, decoded=decoded)
        if decoded:
            body.decode()
        return OutboundResponse(response.status, response.reason or "", str(hop.url), redirected, headers, body)


def _location(response: aiohttp.ClientResponse) -> bytes | None:
    return wire.first(list(response.raw_headers), b"location")


def _refused(host: str) -> EgressRefused:
    """The one refusal a guest ever sees: it names what the guest wrote, never what that resolved to."""
    return EgressRefused(f"The host {host[:253]!r} is not allowed by this platform's egress policy.")
