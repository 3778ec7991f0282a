"""The pool itself: keyed, least recently used, with a byte budget, a time to live and a share for each tenant.

Owns entries and their isolates. Entries are immutable content, so they are never stale: a new version is a new key. Must not know what a
request says.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sandbox.engine.engine import Engine
from sandbox.engine.image import Image, ImageInvalid
from sandbox.engine.memory import empty_free_lists, give_back_memory
from sandbox.limits import MIB, Limits
from sandbox.pool.entry import Entry, Loading
from sandbox.pool.stats import PoolStats
from sandbox.scheduler.scheduler import Scheduler
from sandbox.worker import startup
from sandbox.worker.isolate import Isolate
from sandbox.worker.target import Target

# Beyond this many isolates for one key, requests share isolates.
ISOLATES_PER_KEY: Final = 16
# Beyond this many requests in a shared isolate, another is made after all…
REQUESTS_PER_ISOLATE: Final = 64
# …up to here.
ISOLATES_PER_KEY_AT_MOST: Final = 64
SWEEP_SECONDS: Final = 5.0
# Removed entries after which freed memory is given back to the system.
TRIM_AFTER: Final = 500
# Sweeps after a burst that tidy up: recycled instances and what was under way go later than entries.
TIDYING: Final = 5


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """What the pool may keep."""

    # Estimated private bytes of all entries together.
    budget_bytes: int = 1024 * MIB
    # Of one tenant, as a part of the budget; it binds only when the budget is full.
    tenant_share: float = 0.5
    # Seconds an unused isolate is kept.
    ttl_seconds: float = 300.0


class Pool:
    """Entries by key, the least recently used first."""

    def __init__(self, engine: Engine, scheduler: Scheduler, config: PoolConfig) -> None:
        """Empty."""
        self._engine, self._scheduler, self._config = engine, scheduler, config
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._loading: dict[str, Loading] = {}
        self._bytes: dict[str, int] = {}
        self._by_tenant: Counter[str] = Counter()
        # Bytes one tenant may have when the budget is full, and who has more.
        self._share = config.budget_bytes * config.tenant_share
        self._over_share: set[str] = set()
        self._total = 0
        # Entries removed since the latest sweep, and since memory was last given back to the system; sweeps that have more to give.
        self._removed = self._untrimmed = 0
        self._tidying = 0
        # Entries whose limits had changed.
        self._set_asides = 0
        self._pins: frozenset[str] = frozenset()
        self.stats = PoolStats()

    def warm(self, target: Target) -> tuple[Entry, Isolate] | None:
        """An isolate that can take a request to `target` at once, or None."""
        entry = self._entries.get(target.key.text)
        if entry is None:
            return None
        if entry.granted_bytes != target.limits.memory_bytes:
            self._set_aside(entry)
            return None
        self._entries.move_to_end(entry.key)
        entry.used = time.monotonic()
        if target.mode == "fresh":
            return None
        isolate = entry.free_isolate()
        if isolate is None and len(entry.isolates) + entry.coming >= ISOLATES_PER_KEY:
            isolate = entry.shared_isolate()
            if isolate is not None and len(isolate.inflight) >= REQUESTS_PER_ISOLATE and len(entry.isolates) < ISOLATES_PER_KEY_AT_MOST:
                isolate = None
        if isolate is None:
            return None
        self.stats.hits += 1
        return entry, isolate

    async def acquire(self, target: Target) -> tuple[Entry, Isolate, Literal["cold", "warm"]]:
        """An isolate for a request that `warm` had none for. Raises what the target's source or its start-up raises."""
        self.stats.misses += 1
        key = target.key.text
        entry = self._entries.get(key)
        if entry is None:
            entry = await self._load(key, target)
            # Whoever loaded it may have left an isolate behind.
            isolate = entry.free_isolate()
            if isolate is not None and (target.mode != "fresh" or not isolate.served):
                return entry, isolate, "warm" if isolate.served else "cold"
        return entry, await self._make(entry, target), "cold"

    async def prewarm(self, target: Target) -> None:
        """Fetch what the first request to `target` would have to wait for. Raises what the target's source or its start-up raises."""
        if target.key.text not in self._entries:
            await self._load(target.key.text, target)

    def pin(self, prefixes: Iterable[str]) -> None:
        """Keep entries whose keys start so whatever the budget and the time to live say; replaces earlier pins."""
        self._pins = frozenset(prefixes)

    def evict(self, prefix: str) -> int:
        """Drop every entry whose key starts with `prefix`; requests under way fail. How many there were."""
        keys = [key for key in self._entries if key.startswith(prefix)]
        for key in keys:
            self._remove(key)
        self.stats.evictions += len(keys)
        return len(keys)

    def rested(self, entry: Entry, isolate: Isolate, mode: str) -> None:
        """An isolate has no turn left to run: keep it, or close it."""
        if isolate.dead:
            entry.drop(isolate)
        elif not isolate.inflight and (isolate.retired or (mode == "fresh" and isolate.served)):
            entry.drop(isolate)
            isolate.kill()
        else:
            return
        self._account(entry)

    def sweep(self) -> None:
        """Close what has not been used for the time to live; called every `SWEEP_SECONDS`."""
        limit = time.monotonic() - self._config.ttl_seconds
        for key in [key for key, entry in self._entries.items() if entry.used < limit and self._evictable(entry)]:
            self._remove(key)
            self.stats.expired += 1
        self._scheduler.sweep()
        self._engine.recycler.sweep()
        self._tidy()

    def close(self) -> None:
        """Drop everything."""
        for key in list(self._entries):
            self._remove(key)

    def as_dict(self) -> dict[str, Any]:
        """Counters and sizes, JSON-able."""
        isolates = busy = 0
        for entry in self._entries.values():
            isolates += len(entry.isolates)
            busy += sum(bool(isolate.inflight) for isolate in entry.isolates)
        return {
            "entries": len(self._entries),
            "instances": isolates,
            "instances_busy": busy,
            "snapshots": sum(entry.image is not None for entry in self._entries.values()),
            "bytes": self._total,
            "pins": sorted(self._pins),
            "budget_bytes": self._config.budget_bytes,
            "bytes_by_tenant": dict(self._by_tenant),
            **self.stats.as_dict(),
        }

    async def _load(self, key: str, target: Target) -> Entry:
        """The entry of a key nobody has: one load for all who ask at the same time."""
        loading = self._loading.get(key)
        if loading is not None:
            return await asyncio.shield(loading)
        loading = self._loading[key] = asyncio.get_running_loop().create_future()
        try:
            entry = await self._fetch(key, target)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                loading.cancel()
            else:
                loading.set_exception(error)
                loading.exception()
            raise
        else:
            self._entries[key] = entry
            self._account(entry)
            loading.set_result(entry)
            return entry
        finally:
            del self._loading[key]

    async def _fetch(self, key: str, target: Target) -> Entry:
        program = await target.source()
        self.stats.loads += 1
        limits = target.limits.lowered_by(program.limits) if program.limits else target.limits
        image = self._image(program.image, limits)
        entry = Entry(key, target.key.tenant, program.bundle, limits, program.limits, image, target.limits.memory_bytes)
        if entry.image is None:
            # Its first isolate is the proof that the bundle works; it is kept for the request that asked.
            await self._start(entry, target)
        return entry

    def _set_aside(self, entry: Entry) -> None:
        """Serve no more requests with an entry whose memory limit has changed; those under way go on, and its time to live ends it."""
        key, size = entry.key, self._bytes.pop(entry.key, 0)
        del self._entries[key]
        self._set_asides += 1
        # No target has such a key, and what evicts by prefix still finds it.
        entry.key = f"{key}~{self._set_asides}"
        self._entries[entry.key], self._bytes[entry.key] = entry, size
        for isolate in list(entry.isolates):
            isolate.retired = True
            self.rested(entry, isolate, "reuse")

    def _image(self, stored: bytes | None, limits: Limits) -> Image | None:
        if stored is None:
            return None
        try:
            return self._engine.unpack(stored, limits.memory_bytes)
        except ImageInvalid:
            return None

    async def _make(self, entry: Entry, target: Target) -> Isolate:
        entry.coming += 1
        try:
            if entry.image is None:
                return await self._start(entry, target)
            instance = self._engine.instantiate(entry.limits.memory_bytes, entry.image)
            self.stats.restored += 1
            return self._adopt(entry, instance, target)
        finally:
            entry.coming -= 1

    async def _start(self, entry: Entry, target: Target) -> Isolate:
        started = await startup.start(self._engine, self._scheduler, entry.bundle, entry.limits, entry.tenant, target.weight)
        self.stats.started += 1
        entry.handlers, entry.entrypoints = started.handlers, started.entrypoints
        return self._adopt(entry, started.instance, target)

    def _adopt(self, entry: Entry, instance: Any, target: Target) -> Isolate:
        mode = target.mode
        isolate = Isolate(instance, self._scheduler, lambda rested: self.rested(entry, rested, mode), self._engine.retire)
        entry.isolates.append(isolate)
        self._account(entry)
        return isolate

    def _account(self, entry: Entry) -> None:
        """Count the entry's bytes again and make room if the budget is passed."""
        if entry.key not in self._entries:
            return
        size = entry.bytes(len(self._engine.base))
        change = size - self._bytes.get(entry.key, 0)
        self._bytes[entry.key] = size
        self._count(entry.tenant, change)
        if self._total > self._config.budget_bytes:
            self._make_room(keep=entry.key)

    def _make_room(self, keep: str) -> None:
        """Drop idle entries, oldest first: of tenants over their share, then of anybody."""
        for over_share in (True, False):
            if over_share and not self._over_share:
                # The usual case, in which no entry has to be looked at.
                continue
            leaving: list[str] = []
            excess = self._total - self._config.budget_bytes
            for key, entry in self._entries.items():
                if excess <= 0:
                    break
                if key != keep and self._evictable(entry) and (not over_share or entry.tenant in self._over_share):
                    leaving.append(key)
                    excess -= self._bytes.get(key, 0)
            for key in leaving:
                self._remove(key)
                self.stats.evictions += 1
            if self._total <= self._config.budget_bytes:
                return

    def _evictable(self, entry: Entry) -> bool:
        return entry.idle and not any(entry.key.startswith(pin) for pin in self._pins)

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key)
        self._count(entry.tenant, -self._bytes.pop(key, 0))
        self._removed += 1
        entry.close()

    def _tidy(self) -> None:
        """Give back what removed entries have left behind: the C library and Python keep it unless they are asked."""
        removed, self._removed = self._removed, 0
        self._untrimmed += removed
        if self._untrimmed >= TRIM_AFTER:
            self._untrimmed = 0
            self._tidying = TIDYING
            give_back_memory()
        elif self._tidying and not removed and len(self._entries) < TRIM_AFTER:
            # A burst is over: with little alive, looking at everything that is costs little.
            self._tidying -= 1
            empty_free_lists()
            give_back_memory()

    def _count(self, tenant: str, change: int) -> None:
        """Add to what there is of `tenant`, and of all."""
        self._total += change
        held = self._by_tenant[tenant] = self._by_tenant[tenant] + change
        if held > self._share:
            self._over_share.add(tenant)
        else:
            self._over_share.discard(tenant)
        if held <= 0:
            del self._by_tenant[tenant]
