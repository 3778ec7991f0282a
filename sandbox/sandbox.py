"""The sandbox as one object: build bundles, dispatch requests, look at the pool.

Owns the wiring of engine, scheduler, pool and calls for one event loop. Must not know where bundles come from.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.fetch import Outbound
from sandbox.bundle import Bundle
from sandbox.engine.engine import Engine
from sandbox.engine.recycle import RESERVE
from sandbox.errors import InvocationError, IsolateLost
from sandbox.guest import build as guest_build
from sandbox.http import Request, Response
from sandbox.limits import Limits
from sandbox.pool.admission import Admission
from sandbox.pool.entry import Entry
from sandbox.pool.pool import SWEEP_SECONDS, Pool, PoolConfig
from sandbox.protocol import events
from sandbox.scheduler.account import Account
from sandbox.scheduler.scheduler import Scheduler
from sandbox.webcrypto.service import Cryptographer
from sandbox.worker import startup
from sandbox.worker.calls import Calls
from sandbox.worker.invocation import Invocation, Lost
from sandbox.worker.isolate import Isolate
from sandbox.worker.loader import Loader
from sandbox.worker.record import LogLine
from sandbox.worker.target import Program, Target, WorkerKey

_REHEARSAL = Bundle.js("export default { async fetch(request, env, ctx) { return new Response(request.url); } };")
# A request whose isolate was lost to another one is tried this many times in all.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Where the guest is installed and what may be kept and reached."""

    guest_home: Path = Path("var/guest")
    pool: PoolConfig = field(default_factory=PoolConfig)
    # None: no worker reaches the internet.
    egress: EgressPolicy | None = field(default_factory=EgressPolicy.allowing)
    # Hears the steps when the guest has to be built first.
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle that has been run once and can be stored."""

    image: bytes
    handlers: tuple[str, ...]
    entrypoints: Mapping[str, tuple[str, ...]]
    startup_cpu_us: int
    warnings: tuple[str, ...]
    logs: tuple[LogLine, ...]
    guest_build: str


class Sandbox:
    """One per process and event loop: `async with Sandbox() as box`."""

    def __init__(self, config: SandboxConfig | None = None) -> None:
        """Nothing is loaded before `start`."""
        self.config = config or SandboxConfig()
        self._admission = Admission()
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self.close()

    async def start(self) -> None:
        """Load the guest (building it first if it is missing) and begin to serve. Raises `GuestBuildFailed`, `EngineFailed`."""
        loop = asyncio.get_running_loop()
        guest = await loop.run_in_executor(None, guest_build.install, self.config.guest_home, self.config.progress)
        self._engine = Engine(guest)
        self._scheduler = Scheduler(self._engine, loop)
        self._pool = Pool(self._engine, self._scheduler, self.config.pool)
        self._outbound = Outbound(self.config.egress) if self.config.egress is not None else None
        self._cryptographer = Cryptographer()
        self._calls = Calls(self._outbound, Loader(self.dispatch).reach, self._cryptographer)
        self._sweeper = loop.create_task(self._sweep())
        await self._replenish()

    async def close(self) -> None:
        """Stop serving; requests under way fail."""
        if self._sweeper is None:
            return
        self._sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeper
        self._sweeper = None
        self._pool.close()
        self._scheduler.close()
        self._cryptographer.close()
        # Turns the slow lane gave up are settled by callbacks.
        await asyncio.sleep(0)
        if self._outbound is not None:
            await self._outbound.close()
        self._engine.close()

    @property
    def guest_build(self) -> str:
        """Name of the guest's build; an image belongs to one."""
        return self._engine.build

    async def build(self, bundle: Bundle, limits: Limits | None = None, *, tenant: str = "~build") -> Built:
        """Run a bundle's top level and keep what it left. Raises `BundleInvalid` or a leaf of `StartupFailed`."""
        started = await startup.start(self._engine, self._scheduler, bundle, limits or Limits(), tenant)
        try:
            image = self._engine.pack(self._engine.capture(started.instance))
        finally:
            self._engine.retire(started.instance)
        warnings: tuple[str, ...] = (
            () if "fetch" in started.handlers else ("The worker has no fetch handler: it cannot answer HTTP requests.",)
        )
        warnings += started.warnings
        return Built(image, started.handlers, started.entrypoints, started.cpu_us, warnings, started.logs, self._engine.build)

    async def load(self, name: str, bundle: Bundle, *, limits: Limits | None = None, mode: Literal["reuse", "fresh"] = "reuse") -> Worker:
        """A worker out of a bundle, for programs without a control plane. Raises as `build` does."""
        limits = limits or Limits()
        built = await self.build(bundle, limits)

        async def source() -> Program:
            return Program(bundle, built.image)

        return Worker(self, Target(WorkerKey("local", name, "1"), source, limits, mode))

    async def dispatch(self, target: Target, request: Request) -> Response:
        """Have a worker answer a request.

        Raises a leaf of `InvocationError` (the worker failed), `Overloaded` (refused before it began) or what the target's source raises.
        Cancelling the call is the visitor leaving.
        """
        if target.calls is None:
            target.calls = self._calls
        if target.depth:
            return await self._attempts(target, request, None)
        tenant, limit = target.key.tenant, target.limits.concurrency
        if not self._admission.try_enter(tenant, limit):
            await self._admission.wait(tenant, limit)
        return await self._attempts(target, request, lambda: self._admission.leave(tenant))

    async def prewarm(self, target: Target) -> None:
        """Load a version before anybody asks for it. Raises what the target's source or its start-up raises."""
        await self._pool.prewarm(target)

    def pin(self, prefixes: Iterable[str]) -> None:
        """Keep pool entries by key prefix, whatever the budget says; replaces earlier pins."""
        self._pool.pin(prefixes)

    def evict(self, prefix: str) -> int:
        """Drop pool entries by key prefix; how many there were."""
        return self._pool.evict(prefix)

    def stats(self) -> dict[str, Any]:
        """Counters of pool, scheduler and outbound traffic, JSON-able."""
        return {
            "guest_build": self._engine.build,
            "pool": self._pool.as_dict(),
            "scheduler": {
                "fast_turns": self._scheduler.fast_turns,
                "slow_turns": self._scheduler.slow_turns,
                "waiting": self._scheduler.waiting,
            },
            "recycling": {
                "able": self._engine.recycler.able,
                "stock": len(self._engine.recycler),
                "recycled": self._engine.recycler.recycled,
                "refused": self._engine.recycler.refused,
            },
            "requests_by_tenant": self._admission.as_dict(),
            "outbound": self._outbound.stats() if self._outbound is not None else {},
        }

    async def _attempts(self, target: Target, request: Request, leave: Callable[[], None] | None) -> Response:
        """Serve the request; `leave` is called when it is over, however it ends."""
        for _ in range(ATTEMPTS):
            try:
                found = self._pool.warm(target)
                entry, isolate, start = (*found, "warm") if found is not None else await self._pool.acquire(target)
            except BaseException:
                if leave is not None:
                    leave()
                raise
            invocation = Invocation(_of_entry(target, entry), request, isolate, start, self._calls)  # type: ignore[arg-type]
            invocation.on_over = leave
            invocation.begin()
            try:
                return await _head(invocation)
            except Lost:
                continue
            except InvocationError as error:
                self._count(isolate, error)
                raise
        if leave is not None:
            leave()
        # Of these attempts nobody has left a record.
        raise IsolateLost(attempts=ATTEMPTS)

    def _count(self, isolate: Isolate, error: InvocationError) -> None:
        if isolate.dead:
            self._pool.stats.traps[str(error.outcome)] += 1

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._pool.sweep()
            await self._replenish()

    async def _replenish(self) -> None:
        """Keep a few instances ready whose pages are there already: an instance that has served once and was reset."""
        recycler = self._engine.recycler
        for _ in range(RESERVE - len(recycler) if recycler.able else 0):
            started = await startup.start(self._engine, self._scheduler, _REHEARSAL, Limits(), "~rehearsal")
            account = Account("~rehearsal", 1_000_000_000)
            turn = events.prelude() + events.request(2, "GET", "http://rehearsal/", [(b"host", b"rehearsal")], b"{}", "", None, False)
            await startup.run(self._scheduler, started.instance, turn, account)
            self._engine.retire(started.instance)


def _of_entry(target: Target, entry: Entry) -> Target:
    """The target under the limits its own code asked for."""
    if not entry.own_limits and entry.bundle.outbound:
        return target
    return replace(target, limits=target.limits.lowered_by(entry.own_limits), outbound=target.outbound and entry.bundle.outbound)


async def _head(invocation: Invocation) -> Response:
    if invocation.head.done():
        return invocation.head.result()
    try:
        return await invocation.head
    except asyncio.CancelledError:
        invocation._on_disconnect(None)  # noqa: SLF001 - the two are one mechanism
        raise


class Worker:
    """A worker loaded without a control plane."""

    def __init__(self, box: Sandbox, target: Target) -> None:
        """Made by `Sandbox.load`."""
        self._box, self.target = box, target

    async def fetch(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """One request; raises as `Sandbox.dispatch` does."""
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
        return await self._box.dispatch(self.target, Request(method, url, encoded, body))

    async def scheduled(self, *, cron: str = "", time_ms: float | None = None) -> dict[str, Any]:
        """Have `scheduled` run, for tests: `{"noRetry": bool}`. Raises as `Sandbox.dispatch` does."""
        now = time.time() * 1000 if time_ms is None else time_ms
        return await self._event("scheduled", {"cron": cron, "scheduledTime": now})

    async def queue(self, name: str, messages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Have `queue` run over messages (id, timestamp in milliseconds, attempts, body), for tests.

        What becomes of each: `{"messages": [{"id", "ack", "delaySeconds"?}]}`. Raises as `Sandbox.dispatch` does.
        """
        return await self._event("queue", {"queue": name, "messages": [dict(message) for message in messages]})

    async def _event(self, handler: str, data: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(data).encode()
        response = await self._box.dispatch(self.target, Request("POST", f"http://{handler}/", [], body, event=handler))
        decided: dict[str, Any] = json.loads(await response.read() or b"{}")
        return decided
