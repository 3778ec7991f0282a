"""A request to a worker.

Owns the way from a host to a response: what the worker is asked and what the platform says of it. This is the hot path: no database, no
formatting, no allocation that can be kept from the last request. Must not run anything itself.
"""

from __future__ import annotations

from typing import Final

from gateway import headers
from gateway.errors import BodyTooLarge, MethodRefused, RequestLooped
from gateway.exchange import Exchange
from gateway.flagging import Flagged
from gateway.origin import Origins
from gateway.quota import Quotas
from gateway.records import refused
from gateway.respond import Ending, respond
from gateway.routes import Entry, Routes
from gateway.selecting import NO_WISHES, Wishes, chooses, told, wishes
from gateway.stats import Stats
from gateway.targets import Box, Targets
from sandbox import Request, Target
from sandbox.bindings.wire import MAX_LOOPS, loops_of
from sandbox.errors import HostelError, VisitorLeft
from sandbox.http import Headers
from sandbox.trace import begin
from tenants.rollout import WorkerRoute

_START: Final = {"cold": (b"hostel-start", b"cold"), "warm": (b"hostel-start", b"warm")}
_NO_HEADERS: Final[Headers] = []


class Workers:
    """Sends requests to workers."""

    def __init__(self, box: Box, routes: Routes, targets: Targets, stats: Stats, origins: Origins, *, quotas: Quotas | None = None) -> None:
        """Run in `box` what `routes` and `targets` find, as often as `quotas` allow (None: always)."""
        self._quotas = quotas
        self._box = box
        self._routes = routes
        self._targets = targets
        self._stats = stats
        self._origins = origins

    async def serve(self, exchange: Exchange) -> Ending:
        """Answer the exchange; how it ended. Raises `HostelError` when nothing was sent."""
        inbound, host, scope, visitor = exchange.inbound, exchange.host, exchange.scope, exchange.visitor
        assert inbound is not None
        assert host is not None
        entry = self._routes.peek(host) or await self._routes.find(host)
        wished = NO_WISHES
        if entry.route is not None and chooses(entry.route, inbound):
            entry, wished = await self._wished(entry, exchange)
        flagged = await self._flagged(entry, exchange, wished) if entry.route is not None and entry.route.flag is not None else None
        prepared = self._targets.choose(entry, wished.overrides, wished.version_key, wished.cohort, flagged=flagged)
        target = told(prepared.target, entry.route, wished)
        limit = target.limits.request_bytes
        exchange.worker = prepared.key
        path = scope["raw_path"]
        _require_servable(scope["method"], path, inbound)
        route, left = entry.route, _NO_HEADERS
        peer, request_id = scope["client"][0], exchange.request_id.encode()
        client, scheme = self._origins.of(peer, inbound)
        url = f"{scheme}://{host.authority}{path.decode('ascii') if path[:1] == b'/' else '/' + path.decode('ascii')}"
        if query := scope["query_string"]:
            url = f"{url}?{query.decode('latin-1')}"
        trace = begin(inbound.traceparent)
        if self._quotas is not None and route is not None and route.quotas:
            left = await self._admitted(self._quotas, route, target, Request(scope["method"], url, id=exchange.request_id, trace=trace))
        request = Request(
            scope["method"],
            url,
            headers.to_worker(
                inbound, client=client.encode(), peer=peer.encode(), scheme=scheme.encode(), request_id=request_id, trace=trace.header
            ),
            await visitor.body(inbound, limit),
            visitor,
            exchange.request_id,
            trace,
            marks=() if flagged is None else (flagged.mark,),
            follows=wished.follows,
        )
        try:
            response = await self._box.dispatch(target, request)
        except VisitorLeft:
            if visitor.overflowed:
                raise BodyTooLarge(limit=limit) from None
            raise
        except HostelError as error:
            refused(target, request, error)
            raise
        if response.start == "cold":
            self._stats.cold += 1
        own = [*prepared.own, _START[response.start], (b"hostel-request-id", request_id), *left, *wished.own]
        try:
            return await respond(exchange, response, own)
        except BaseException:
            await response.aclose()
            raise

    async def _wished(self, entry: Entry, exchange: Exchange) -> tuple[Entry, Wishes]:
        """What the request says of the version it wants, and where that is found."""
        inbound, route = exchange.inbound, entry.route
        assert inbound is not None
        assert route is not None
        client, scheme = self._origins.of(exchange.scope["client"][0], inbound)
        wished = wishes(route, inbound, client=client, scheme=scheme)
        return (entry if wished.follows is None else await self._targets.overridden(entry, wished.follows)), wished

    async def _flagged(self, entry: Entry, exchange: Exchange, wished: Wishes) -> Flagged | None:
        """What the worker's version flag makes of the request."""
        inbound, host, scope = exchange.inbound, exchange.host, exchange.scope
        if self._targets.flags is None or inbound is None or host is None:
            return None
        client, scheme = self._origins.of(scope["client"][0], inbound)
        query = scope["query_string"].decode("latin-1")
        url = f"{scheme}://{host.authority}{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"
        return await self._targets.flags.choose(entry, scope["method"], url, inbound.kept, client, wished.version_key)

    @staticmethod
    async def _admitted(quotas: Quotas, route: WorkerRoute, target: Target, request: Request) -> Headers:
        """Count the request against its tenant's quotas; the headers that say what is left. Raises what they raise, and notes it."""
        try:
            return await quotas.admit(route)
        except HostelError as error:
            refused(target, request, error)
            raise


def _require_servable(method: str, path: bytes, inbound: headers.Inbound) -> None:
    """Raise `MethodRefused` or `RequestLooped` for what no worker is asked."""
    if method == "CONNECT" or not path:
        raise MethodRefused
    if inbound.looped and loops_of(inbound.kept) > MAX_LOOPS:
        raise RequestLooped(limit=MAX_LOOPS)
