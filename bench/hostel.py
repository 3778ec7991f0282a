"""The Hostel that is measured: `ops serve` in a home of its own, and gateway processes beside it.

Owns its life, its tenants and its uploads. It is the tree this file stands in, started as `make serve` starts it but for the settings
below.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from bench import processes
from bench.client import Ask, Endpoint, once
from bench.figures import BenchFailed
from bench.plan import ROOT, SCRATCH, Plan
from bench.processes import Memory, Server, Variant
from bench.sides import COMPATIBILITY_DATE, WORKERS, source

# What differs from a fresh install, and why; the report says so too.
SETTINGS: Final[Mapping[str, str]] = {
    "HOSTEL_DEMO": "false",
    # The limits that would otherwise be measured: requests under way per tenant, calls of the API per minute.
    "HOSTEL_LIMITS": "concurrency=10000",
    "HOSTEL_API_CALLS_PER_MINUTE": "1000000",
}
# One tenant is measured; the other is the neighbour it has to bear.
TENANT: Final = "bench"
NOISY: Final = "noisy"
# Building the guest takes a minute or two where it is not cached.
_START_SECONDS: Final = 420.0


class Gateway:
    """A gateway process of its own, with an empty pool."""

    def __init__(self, server: Server, port: int, home: Path) -> None:
        """Made by `Hostel.gateway`."""
        self._server, self.port, self._home = server, port, home

    def endpoint(self, worker: str) -> Endpoint:
        """Where `worker` of the measured tenant answers."""
        return Endpoint(self.port, host(worker))

    def memory(self) -> Memory:
        """Of the server and its worker process."""
        return self._server.memory()

    async def stats(self) -> dict[str, Any]:
        """What the process counts."""
        (found,) = await _ask_all(self._sockets(), "GET", "/stats")
        return found

    async def evict(self, prefix: str) -> None:
        """Drop what its pool holds under keys that begin with `prefix`."""
        await _ask_all(self._sockets(), "POST", "/evict", {"prefix": prefix})

    def _sockets(self) -> list[Path]:
        return [path for pid in processes.tree(self._server.pid) if (path := self._home / "run" / f"gateway-{pid}.sock").exists()]


class Hostel:
    """Started with `async with`; one for a whole run, as an operator has one."""

    name = "hostel"

    def __init__(self, plan: Plan) -> None:
        """Nothing is started."""
        self._plan = plan
        # Short: the paths of its Unix sockets are limited to a hundred bytes.
        self.home = Path(tempfile.mkdtemp(prefix="hostel-bench-"))
        (self.port,) = processes.free_ports(1, plan.first_port)
        self.tenants: dict[str, dict[str, str]] = {}
        self._stack = AsyncExitStack()
        self._server: Server | None = None
        self._pinned: dict[str, Gateway] = {}

    async def __aenter__(self) -> Self:
        """Start it, make its tenants, upload the workers."""
        self._stack.callback(shutil.rmtree, self.home, ignore_errors=True)
        self._stack.callback(self._keep_logs)
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything and remove the home."""
        await self._stack.aclose()

    @asynccontextmanager
    async def serving(self, variant: Variant) -> AsyncIterator[Callable[[str], Endpoint]]:
        """The running Hostel, or, where cores are named, one gateway process pinned to its core."""
        if variant.server_core is None:
            yield lambda worker: Endpoint(self.port, host(worker))
            return
        if variant.name not in self._pinned:
            self._pinned[variant.name] = await self._stack.enter_async_context(self.gateway(core=variant.server_core))
        yield self._pinned[variant.name].endpoint

    @asynccontextmanager
    async def gateway(self, *, core: int | None = None) -> AsyncIterator[Gateway]:
        """One more gateway process on the same home, as operations.md describes for other supervisors."""
        (port,) = processes.free_ports(1, self._plan.first_port)
        environ = self._environ(HOSTEL_PORT=str(port), HOSTEL_GATEWAY_WORKERS="1")
        told = await processes.run([sys.executable, "-m", "ops", "commands"], seconds=30, environ=environ, cwd=ROOT)
        command = next(shlex.split(line.removeprefix("gateway: ")) for line in told.splitlines() if line.startswith("gateway: "))
        server = await processes.start(f"gateway-{port}", command, folder=SCRATCH / "log", environ=environ, core=core, cwd=ROOT)
        try:
            await server.ready(lambda: _healthy(port), 60.0)
            yield Gateway(server, port, self.home)
        finally:
            await server.stop()

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Gateway]:
        """A gateway process that has served nothing yet."""
        async with self.gateway() as gateway:
            yield gateway

    async def upload(self, worker: str, code: bytes, *, tenant: str = TENANT, loader: bool = False) -> None:
        """Upload and deploy one ES module, the way wrangler does; returns when Hostel says that it is live."""
        account = self.tenants[tenant]
        metadata: dict[str, Any] = {"main_module": "worker.js", "compatibility_date": COMPATIBILITY_DATE}
        if loader:
            metadata["bindings"] = [{"type": "worker_loader", "name": "LOADER"}]
        form = aiohttp.FormData()
        form.add_field("metadata", json.dumps(metadata), content_type="application/json")
        form.add_field("worker.js", code, filename="worker.js", content_type="application/javascript+module")
        url = f"http://127.0.0.1:{self.port}/client/v4/accounts/{account['account']}/workers/scripts/{worker}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {account['token']}"}) as session,
            session.put(url, data=form, timeout=aiohttp.ClientTimeout(60)) as response,
        ):
            if response.status != 200:  # noqa: PLR2004 - the number says it
                raise BenchFailed(f"The upload of {worker} was answered with {response.status}: {(await response.text())[:500]}")

    async def evict_everywhere(self, prefix: str) -> None:
        """Drop pool entries by prefix in every gateway process."""
        await _ask_all(sorted((self.home / "run").glob("gateway-*.sock")), "POST", "/evict", {"prefix": prefix})

    async def guest_build(self) -> str:
        """The build of the guest that is measured."""
        (first, *_) = await _ask_all(sorted((self.home / "run").glob("gateway-*.sock")), "GET", "/stats")
        return str(first["sandbox"]["guest_build"])

    async def gateways(self) -> int:
        """How many gateway processes the supervisor runs."""
        assert self._server is not None
        return sum((self.home / "run" / f"gateway-{pid}.sock").exists() for pid in processes.tree(self._server.pid))

    @property
    def guest_home(self) -> Path:
        """Where the guest is installed."""
        return Path(os.environ.get("HOSTEL_GUEST_CACHE") or ROOT / "var" / "guest")

    async def _start(self) -> None:
        self._server = server = await processes.start(
            "hostel", [sys.executable, "-m", "ops", "serve"], folder=SCRATCH / "log", environ=self._environ(), cwd=ROOT
        )
        self._stack.push_async_callback(server.stop)
        await server.ready(lambda: _healthy(self.port), _START_SECONDS)
        told = await processes.run([sys.executable, "-m", "bench.seed", TENANT, NOISY], seconds=60, environ=self._environ(), cwd=ROOT)
        self.tenants = json.loads(told.splitlines()[-1])
        for worker, loader in WORKERS.items():
            await self.upload(worker, source(worker).read_bytes(), loader=loader)
        await self.upload("spin", source("spin").read_bytes(), tenant=NOISY)

    def _keep_logs(self) -> None:
        """What its processes said, for whoever wonders about a figure."""
        with contextlib.suppress(OSError):
            shutil.copytree(self.home / "log", SCRATCH / "log" / "processes", dirs_exist_ok=True)

    def _environ(self, **changes: str) -> dict[str, str]:
        """Hostel's own settings from outside are left out: what is measured is what the report says."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith("HOSTEL_") and name not in _FOREIGN}
        own = {"HOSTEL_HOME": str(self.home), "HOSTEL_PORT": str(self.port), "HOSTEL_GUEST_CACHE": str(self.guest_home)}
        own["HOSTEL_FRONTEND_CACHE"] = str(self.guest_home.parent / "frontend")
        return {**outer, **SETTINGS, **own, **changes}


_FOREIGN: Final = frozenset({"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"})


def host(worker: str, tenant: str = TENANT) -> str:
    """The host name of a worker."""
    return f"{worker}.{tenant}.localhost"


async def _healthy(port: int) -> bool:
    with contextlib.suppress(BenchFailed):
        return (await once(Endpoint(port, "localhost"), Ask("/healthz"), seconds=5.0)).status == 200  # noqa: PLR2004
    return False


async def _ask_all(sockets: Sequence[Path], method: str, path: str, body: Any = None) -> list[dict[str, Any]]:
    async def ask(socket: Path) -> dict[str, Any]:
        connector = aiohttp.UnixConnector(path=str(socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://gateway{path}", json=body) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    return await asyncio.gather(*map(ask, sockets))
