"""Connection pools that no two tenants share.

Owns one aiohttp session for each scope (a tenant), so that a kept-alive connection, a DNS answer or a full pool of one tenant is
never another's. Must not decide what may be reached (guard.py) or follow anything.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import aiohttp

from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.guard import Guard, Lookup, system_lookup

# Waiting for a free connection, resolving and connecting, together.
CONNECT_SECONDS: Final = 10.0
CONNECTIONS_PER_SCOPE: Final = 100
# Idle lanes kept for reuse; those with requests under way do not count.
IDLE_LANES: Final = 256
RESOLVER_THREADS: Final = 32
# Read buffer of one response: what arrives before the guest asks for more.
BUFFER_BYTES: Final = 64 * 1024
_LINE_BYTES: Final = 16 * 1024
_FIELD_BYTES: Final = 32 * 1024
_FIELDS: Final = 256
# Nothing is sent that the guest did not ask for.
_NO_AUTO_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass(slots=True)
class Lane:
    """One scope's session and how many requests use it now."""

    session: aiohttp.ClientSession
    users: int = 0


class Lanes:
    """The lanes of one process, by (scope, name the operator trusts or ""). Belongs to one event loop."""

    def __init__(self, policy: EgressPolicy, *, lookup: Lookup = system_lookup, tls: ssl.SSLContext | None = None) -> None:
        """Vet by `policy`, resolve with `lookup`, verify servers with `tls` (the system's authorities by default)."""
        self.refused: Counter[str] = Counter()
        self._policy = policy
        self._lookup = lookup
        self._tls = tls
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="egress-dns")
        self._lanes: OrderedDict[tuple[str, str], Lane] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many lanes there are."""
        return len(self._lanes)

    @property
    def requests(self) -> int:
        """Requests under way."""
        return sum(lane.users for lane in self._lanes.values())

    def enter(self, scope: str, trusted_name: str = "") -> Lane:
        """The lane of `scope`, kept until as many `leave`s; one of its own for each name the operator trusts."""
        key = (scope, trusted_name)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(self._session(trusted=bool(trusted_name)))
        self._lanes.move_to_end(key)
        lane.users += 1
        return lane

    def leave(self, lane: Lane) -> None:
        """Give back one use of `lane`; forget the longest unused idle lanes beyond `IDLE_LANES`."""
        lane.users -= 1
        if len(self._lanes) <= IDLE_LANES:
            return
        idle = [key for key, other in self._lanes.items() if not other.users]
        for key in idle[: len(self._lanes) - IDLE_LANES]:
            task = asyncio.ensure_future(self._lanes.pop(key).session.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close every connection."""
        lanes, self._lanes = self._lanes, OrderedDict()
        await asyncio.gather(*(lane.session.close() for lane in lanes.values()), *self._closing)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _session(self, *, trusted: bool) -> aiohttp.ClientSession:
        guard = Guard(self._policy, trusted=trusted, lookup=self._lookup, threads=self._threads, refused=self.refused)
        connector = aiohttp.TCPConnector(
            resolver=guard,
            socket_factory=guard.open_socket,
            limit=CONNECTIONS_PER_SCOPE,
            ttl_dns_cache=10,
            ssl=self._tls or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_NO_AUTO_HEADERS,
            read_bufsize=BUFFER_BYTES,
            max_line_size=_LINE_BYTES,
            max_field_size=_FIELD_BYTES,
            max_headers=_FIELDS,
        )
