"""Calls into dispatch namespaces, and through outbound workers.

Owns the reading of what a guest asks a dispatcher for, and the redirects of a fetch() that an outbound worker answers: each hop goes
through it again, so that it sees every address. Must not know where workers come from: the target carries the ways to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.bindings import wire
from sandbox.bindings.failures import FetchInvalid, RedirectFailed
from sandbox.bindings.redirects import MAX_REDIRECTS, Hop, next_hop, parse_url
from sandbox.http import Request, Response
from sandbox.worker.target import Dispatched, Service

# As the guest names a limit -> its name here, and the least that means something.
_LIMITS: Final = {"cpuMs": ("cpu_ms", 1), "subRequests": ("subrequests", 0)}
_MODES: Final = ("follow", "manual", "error")


def wanted(spec: Mapping[str, Any]) -> Dispatched:
    """What a `FETCH` target of the kind `dispatch` asks for; what is not well-formed in it counts as absent."""
    parameters = spec.get("outbound")
    return Dispatched(
        worker=str(spec.get("worker", "")),
        props=spec.get("props"),
        limits=_limits(spec.get("limits")),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


async def through(worker: Service, request: Request, redirect: str) -> tuple[Response, str, bool]:
    """The outbound worker's answer to a fetch(), the URL it is of, and whether redirects led there (followed as `redirect` says).

    Raises `FetchFailed`, or what the worker raises.
    """
    if redirect not in _MODES:
        raise FetchInvalid("The redirect mode must be follow, manual or error.")
    hop = Hop(request.method, parse_url(request.url), request.headers, request.body)
    for redirects in range(MAX_REDIRECTS + 1):
        response = await worker(
            Request(hop.method, str(hop.url), hop.headers, hop.body, id=request.id, trace=request.trace, follows=request.follows)
        )
        try:
            location = wire.first(response.headers, b"location")
            following = None if redirect == "manual" else next_hop(hop, response.status, location)
            if following is None:
                return response, str(hop.url), redirects > 0
        except BaseException:
            await response.aclose()
            raise
        await response.aclose()
        if redirect == "error":
            raise RedirectFailed("The response is a redirect, and the request's redirect mode is 'error'.")
        hop = following
    raise RedirectFailed("Too many redirects.", limit=MAX_REDIRECTS)


def _limits(given: Any) -> dict[str, int]:
    if not isinstance(given, dict):
        return {}
    found: dict[str, int] = {}
    for name, value in given.items():
        known, least = _LIMITS.get(name, ("", 0))
        if known and isinstance(value, int) and not isinstance(value, bool) and value >= least:
            found[known] = value
    return found
