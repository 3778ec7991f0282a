"""Starts the platform's processes together, keeps them up, stops them in order.

Owns the order of things and the promise that nothing outlives it. Must not know what the processes are (ops.processes) nor print.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.child import Child, Spec
from ops.logs import LogFile
from sandbox.errors import HostelError

# Seconds for all processes to answer. The slowest start seen on two busy cores took a tenth of it.
READY_SECONDS = 60.0
# A process that ends this often before everything is ready will not get better.
START_ATTEMPTS = 3
_PROBE_INTERVAL = 0.04
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class StartFailed(HostelError):
    """A process did not come up."""

    code = "start_failed"


class Supervisor:
    """The children of one home. Children are stopped in the order given, the last two together."""

    def __init__(
        self,
        specs: Sequence[Spec],
        *,
        logs: Path,
        environ: Mapping[str, str],
        cwd: Path,
        echo: Callable[[str], None],
        verbose: bool = False,
    ) -> None:
        """`logs` is the folder of the log files; `echo` gets the lines worth showing."""
        self._children = [Child(spec, log=LogFile(logs, spec.name, echo=echo, verbose=verbose), environ=environ, cwd=cwd) for spec in specs]
        self._tasks: list[asyncio.Task[None]] = []
        adopt_orphans()

    def pids(self) -> dict[str, int | None]:
        """The process of each child by name, for whoever looks."""
        return {child.spec.name: child.pid for child in self._children}

    def launch(self) -> None:
        """Start every child at once."""
        self._tasks = [asyncio.create_task(child.run(), name=child.spec.name) for child in self._children]

    async def ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until every child does its work, or raise `StartFailed` with the end of the log of the one that does not."""
        deadline = time.monotonic() + seconds
        waits = [asyncio.create_task(self._await_ready(child, deadline)) for child in self._children]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    def reload(self) -> None:
        """Have every child run what is installed now; returns at once."""
        for child in self._children:
            child.reload()

    async def stop(self) -> None:
        """Stop the first child, then the others together; kill what stays. Returns when no process is left."""
        first, *others = self._children
        await first.stop()
        await asyncio.gather(*(child.stop() for child in others))
        await self._close()

    def kill(self) -> None:
        """SIGKILL to every group, now; `stop` still has to be awaited."""
        for child in self._children:
            child.kill()

    async def _close(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        kill_strays()
        for child in self._children:
            child.log.close()

    async def _await_ready(self, child: Child, deadline: float) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                if await asyncio.wait_for(child.spec.ready(), 2.0):
                    return
            if child.restarts >= START_ATTEMPTS:
                raise StartFailed(_told(child, f"ended {child.restarts} times while starting"), process=child.spec.name)
            if time.monotonic() > deadline:
                raise StartFailed(_told(child, "does not answer"), process=child.spec.name)
            await asyncio.sleep(_PROBE_INTERVAL)


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans (Linux), so that `kill_strays` can find them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_strays() -> None:
    """Kill and reap every child process that is left: what a crashed child's own helpers may have become."""
    if sys.platform != "linux":
        return
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):
        for pid in listing.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _told(child: Child, reason: str) -> str:
    tail = "\n".join(f"    {line}" for line in child.log.tail)
    return f"The {child.spec.name} process {reason}. Its last words ({child.log.path}):\n{tail or '    (none)'}"
