"""The store behind `caches`: responses of GET requests, in this process's memory, each worker's apart.

Owns keys, sizes and ages. Must not know HTTP beyond what an entry's head says: the guest decides what may be stored and for how long.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.webcrypto.failures import CryptoFailed

Answer = tuple[str, bytes]
Key = tuple[str, str, str]

ENTRY_BYTES: Final = 5 * 1024 * 1024
TENANT_BYTES: Final = 32 * 1024 * 1024
PROCESS_BYTES: Final = 256 * 1024 * 1024
KEY_CHARACTERS: Final = 16_384
# A year; longer is as good as for ever to a store in memory.
LONGEST_SECONDS: Final = 31_536_000


@dataclass(slots=True)
class _Entry:
    tenant: str
    head: str
    body: bytes
    until: float
    size: int


class CacheStore:
    """Entries of all workers of a process, the least recently used first to go: of the tenant that is over its share, then of anybody."""

    __slots__ = ("_entries", "_sizes", "_total")

    def __init__(self) -> None:
        """Empty."""
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._total = 0

    def operation(self, name: str, tenant: str, worker: str) -> Callable[[Mapping[str, Any], list[bytes]], Answer]:
        """What answers `cache.match`, `cache.put` or `cache.delete` for a worker of a tenant."""
        work = {"cache.match": self._match, "cache.put": self._put, "cache.delete": self._delete}[name]
        return lambda parameters, blobs: work(tenant, (worker, str(parameters["cache"]), str(parameters["url"])), parameters, blobs)

    def _match(self, _: str, key: Key, parameters: Mapping[str, Any], blobs: list[bytes]) -> Answer:
        del parameters, blobs
        entry = self._entries.get(key)
        if entry is None:
            return "", b""
        if entry.until <= time.monotonic():
            self._drop(key)
            return "", b""
        self._entries.move_to_end(key)
        return entry.head, entry.body

    def _put(self, tenant: str, key: Key, parameters: Mapping[str, Any], blobs: list[bytes]) -> Answer:
        head, body = str(parameters["head"]), blobs[0]
        size = len(body) + 4 * (len(head) + len(key[1]) + len(key[2]))
        if size > ENTRY_BYTES or len(key[2]) > KEY_CHARACTERS:
            raise CryptoFailed("Error", f"The response is too large for the cache: {size} bytes, {ENTRY_BYTES} are allowed.")
        self._drop(key)
        self._entries[key] = _Entry(tenant, head, body, time.monotonic() + min(float(parameters["seconds"]), LONGEST_SECONDS), size)
        self._sizes[tenant] = self._sizes.get(tenant, 0) + size
        self._total += size
        self._make_room(tenant)
        return "", b""

    def _delete(self, _: str, key: Key, parameters: Mapping[str, Any], blobs: list[bytes]) -> Answer:
        del parameters, blobs
        return ("true" if self._drop(key) else "false"), b""

    def _make_room(self, tenant: str) -> None:
        while self._sizes.get(tenant, 0) > TENANT_BYTES:
            self._drop(next(key for key, entry in self._entries.items() if entry.tenant == tenant))
        while self._total > PROCESS_BYTES:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._total -= entry.size
        self._sizes[entry.tenant] -= entry.size
        if not self._sizes[entry.tenant]:
            del self._sizes[entry.tenant]
        return entry.until > time.monotonic()


OPERATIONS: Final = frozenset({"cache.match", "cache.put", "cache.delete"})
