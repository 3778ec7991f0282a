"""The database, asked from threads.

Owns the few questions the gateway has (where does a host lead, what is a version's code) and the threads they are asked in, so that the
event loop never waits for a disk. Must not cache: routes.py and the sandbox's pool do.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection

from experiments import selectors as experiments
from flags import selectors as flags
from flags.evaluation.ruleset import Ruleset
from gateway.errors import RoutesUnavailable
from gateway.hosts import Host
from gateway.targets import VERSION_OF, worker_of
from sandbox import Limits, Program
from tenants import blobs, selectors
from tenants.builder import builder
from tenants.errors import NotFound
from tenants.rollout import RouteVersion, WorkerRoute
from tenants.runner import Asked

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")
# Few: a lookup takes a millisecond, and each thread keeps a database connection.
THREADS: Final = 4
CLOSE_SECONDS: Final = 2.0


class Directory:
    """Asks `tenants.selectors`. Belongs to one event loop; `close` it."""

    def __init__(self, *, guest_build: Callable[[], str]) -> None:
        """`guest_build` names the guest whose images can be used."""
        self._guest_build = guest_build
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="directory")

    async def route(self, host: Host) -> WorkerRoute | None:
        """Where `host` leads, or None. Raises `RoutesUnavailable`."""
        return await self.ask(lambda: _route(host))

    async def program(self, version_id: str) -> Program:
        """A version's code and image. Raises `HostelError`."""
        return await self.ask(lambda: self._program(version_id))

    async def ruleset(self, tenant_id: int, environment: str, known: Ruleset | None) -> Ruleset | None:
        """The flags of a tenant's environment, `known` itself where they are the same. Raises `RoutesUnavailable`."""
        return await self.ask(lambda: flags.ruleset_load(tenant=tenant_id, environment=environment, known=known))

    async def version(self, worker_id: int, version_id: str) -> RouteVersion | None:
        """One version of a worker. Raises `RoutesUnavailable`."""
        return await self.ask(lambda: selectors.route_version(worker_id=worker_id, version_id=version_id))

    async def run_route(self, asked: Asked) -> WorkerRoute | None:
        """The worker of a run, with its one version. Raises `HostelError`."""
        return await self.ask(
            lambda: selectors.run_route(tenant_id=asked.tenant_id, worker_name=asked.worker, version_id=asked.version or None)
        )

    async def draft(self, staged: str) -> tuple[Program, Limits]:
        """A staged bundle and the limits it has. Raises `BlobMissing`."""
        found = await self.ask(lambda: blobs.staging().load(staged))
        return Program(found.bundle), found.limits

    async def close(self) -> None:
        """Have every thread close its connection, and let go of them; a thread the database does not answer is not waited for."""
        barrier = threading.Barrier(THREADS, timeout=CLOSE_SECONDS)
        await asyncio.gather(*(self.ask(lambda: _part(barrier)) for _ in range(THREADS)))
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _program(self, version_id: str) -> Program:
        program = selectors.version_program(version_id, guest_build=self._guest_build())
        if program.image is None:
            try:
                builder().remake(version_id=version_id)
            except Exception:  # the request is served without an image, only slower
                log.exception("no image could be asked for", version=version_id)
        return program

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer to any question, asked in one of the threads. Raises what it raises, or `RoutesUnavailable` for the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _answered, question)


def _part(barrier: threading.Barrier) -> None:
    """Close this thread's connection, each thread once: none gets a second turn before all have had their first."""
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait()
    connection.close()


def _route(host: Host) -> WorkerRoute | None:
    """A worker by name, or by host, with the flag that chooses its version; or one version of a worker, whatever flags say.

    A worker may be called what looks like a preview of another one: its own name comes first.
    """
    if (by_name := worker_of(host)) is not None:
        tenant_id, worker_name = by_name
        worker_name, _, version_id = worker_name.partition(VERSION_OF)
        if version_id:
            return _version_route(tenant_id, worker_name, version_id)
        route = selectors.route_of_worker(tenant=tenant_id, worker_name=worker_name)
    else:
        route = selectors.route_lookup(host.name)
        if route is None and host.maybe_preview:
            return selectors.preview_lookup(host.name)
    flag = experiments.route_flag(route.worker_id) if route is not None else None
    return route if route is None or flag is None else replace(route, flag=flag)


def _version_route(tenant_id: int, worker_name: str, version_id: str) -> WorkerRoute | None:
    """A version of a worker, whatever is deployed; None where one of them is gone."""
    try:
        route = selectors.run_route(tenant_id=tenant_id, worker_name=worker_name, version_id=version_id)
    except NotFound:
        return None
    # Whoever names a version gets it, whatever a flag says.
    return route and replace(route, flag=None)


def _answered(question: Callable[[], Answer]) -> Answer:
    """The answer, asked once more on a new connection if the old one was dead."""
    try:
        return question()
    except (DatabaseError, InterfaceError):
        connection.close()
    try:
        return question()
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        raise RoutesUnavailable from error
