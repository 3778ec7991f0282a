"""The egress policy at the two moments that matter: when a name is resolved, and when a socket is about to connect.

Owns name resolution for guests and the making of their sockets. Asking twice is what defeats DNS rebinding: whatever a resolver, a
cache or a library did in between, no socket is made for an address the policy objects to. Must not speak HTTP.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from sandbox.bindings.egress import EgressPolicy

Lookup = Callable[[str, int], list[str]]
# Lookups of one tenant at once: a tenant whose name servers never answer holds up these threads and no others.
LOOKUPS_PER_SCOPE = 4


class Refusal(OSError):
    """The policy objects to an address. An OSError, because that is what aiohttp takes for "could not connect, try the next"."""

    def __init__(self) -> None:
        """Carry no address: aiohttp puts the text into errors that others print."""
        super().__init__("not allowed by the egress policy")


def system_lookup(host: str, port: int) -> list[str]:
    """The addresses of `host` from the system's resolver, in its order. Blocks; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard(AbstractResolver):
    """Resolves and makes sockets for one lane (lanes.py). `trusted`: the operator named the host, its addresses are not vetted."""

    def __init__(self, policy: EgressPolicy, *, trusted: bool, lookup: Lookup, threads: ThreadPoolExecutor, refused: Counter[str]) -> None:
        """Count refusals by reason in `refused`; run `lookup` in `threads`."""
        self._policy = policy
        self._trusted = trusted
        self._lookup = lookup
        self._threads = threads
        self._refused = refused
        self._slots = asyncio.Semaphore(LOOKUPS_PER_SCOPE)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses of `host` that may be connected to. Raises `Refusal` when it has some and none may."""
        async with self._slots:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, host, port)
        allowed = [text for text in found if self._allows(text, port)]
        if found and not allowed:
            raise Refusal
        return [self._result(host, port, text) for text in allowed if family in (socket.AF_UNSPEC, _family(text))]

    async def close(self) -> None:
        """Nothing of its own to close."""

    def open_socket(self, info: tuple[Any, Any, Any, str, tuple[Any, ...]]) -> socket.socket:
        """An unconnected socket for the address in `info` (as of getaddrinfo). Raises `Refusal`."""
        family, kind, protocol, _, target = info
        if not self._allows(str(target[0]), int(target[1])):
            raise Refusal
        return socket.socket(family, kind, protocol)

    def _allows(self, text: str, port: int) -> bool:
        if self._trusted:
            return True
        reason = self._policy.objection(ip_address(text), port)
        if reason:
            self._refused[reason] += 1
        return not reason

    @staticmethod
    def _result(host: str, port: int, text: str) -> ResolveResult:
        return ResolveResult(
            hostname=host, host=text, port=port, family=_family(text), proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
        )


def _family(text: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in text else socket.AF_INET
