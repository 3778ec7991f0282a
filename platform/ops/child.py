"""One supervised process: start, watch, stop, and leave nothing behind.

Owns a child's process group, its pipe and its restarts. Must not know what the child does or in which order children stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.logs import LogFile

# Seconds before the first restart; each further one waits twice as long, up to the ceiling.
BACKOFF_FIRST = 0.5
BACKOFF_MOST = 15.0
# A child that ran this long (seconds) is restarted without the delay its earlier crashes earned.
STEADY_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run. `ready` answers whether it does its work now; `grace` is the time (seconds) between SIGTERM and SIGKILL.

    `leftovers` are files that a killed process leaves and the next one stumbles over: removed before each start.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    grace: float = 2.0
    leftovers: Sequence[Path] = ()
    # The signal that makes the process replace what it runs without missing a request; None: it is stopped and started again.
    reload: signal.Signals | None = None


class Child:
    """Runs `spec` and restarts it when it ends, until stopped. One at a time: a new process starts after the old group is gone."""

    def __init__(self, spec: Spec, *, log: LogFile, environ: Mapping[str, str], cwd: Path) -> None:
        """Nothing is started yet."""
        self.spec = spec
        self.log = log
        self.restarts = 0
        self._environ = environ
        self._cwd = cwd
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        # Its end is wanted: the next one starts at once, and nobody is warned.
        self._replacing = False

    @property
    def pid(self) -> int | None:
        """The process's id while there is one; also its group's and session's."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Keep the process running; returns after `stop` or `kill`, when its whole group is gone."""
        delay = BACKOFF_FIRST
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if self._replacing:
                self._replacing, delay = False, BACKOFF_FIRST
                continue
            if time.monotonic() - started > STEADY_SECONDS:
                delay = BACKOFF_FIRST
            self.restarts += 1
            self.log.write(f"WARNING supervisor: ended with {describe(code)}; starting it again in {delay:g} s".encode())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, BACKOFF_MOST)

    def reload(self) -> None:
        """Have it run what is installed now: by its own signal, or by starting it again when it has ended what it is at."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._replacing = self.spec.reload is None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.spec.reload or signal.SIGTERM)

    async def stop(self) -> None:
        """SIGTERM to the process, which stops its own helpers; after `grace` seconds, or when it has ended, SIGKILL to its group."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.spec.grace)
        except TimeoutError:
            self.log.write(f"WARNING supervisor: still there {self.spec.grace:g} s after SIGTERM; killing it".encode())
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """SIGKILL to the whole group, now."""
        self._stopping.set()
        if self._process is not None:
            kill_group(self._process.pid)

    async def _run_once(self) -> int:
        for path in self.spec.leftovers:
            path.unlink(missing_ok=True)
        process, reader = await spawn(self.spec.command, self.log.write, environ=self._environ, cwd=self._cwd)
        self._process = process
        code = await process.wait()
        # Whatever it left behind would hold its port, its socket or its lock.
        await clear_group(process.pid)
        await reader
        return code


async def spawn(
    command: Sequence[str], sink: Callable[[bytes], None], *, environ: Mapping[str, str], cwd: Path
) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
    """Start `command` in a session of its own, ended by the kernel if this process dies.

    `sink` gets each line of its output (both kinds); the task ends when every process that holds the pipe has. The pipe is ours because
    asyncio's own `wait` returns only when nobody holds it any more, which is too late to end what a dead process left behind.
    """
    read, write = os.pipe()
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", buffering=0)
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            env=environ,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_bind_to_parent(os.getpid()),
        )
    except BaseException:
        transport.close()
        raise
    finally:
        os.close(write)
    return process, asyncio.create_task(pump(stream, sink))


async def pump(stream: asyncio.StreamReader, sink: Callable[[bytes], None]) -> None:
    """Give `sink` each line of `stream` until it ends; a line too long for the buffer comes in pieces."""
    pending = b""
    while chunk := await stream.read(65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            sink(line)
        if len(pending) > 65536:  # noqa: PLR2004 - the pipe's own size
            sink(pending)
            pending = b""
    if pending:
        sink(pending)


def kill_group(pid: int) -> None:
    """SIGKILL to every process of the group `pid` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def clear_group(pid: int, seconds: float = 1.0) -> None:
    """Kill what is left of the group that the ended process `pid` led, and reap it where it was adopted (see ops.supervisor)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        kill_group(pid)
        try:
            while os.waitpid(-pid, os.WNOHANG)[0]:  # noqa: ASYNC222 - does not wait
                pass
        except ChildProcessError:
            return
        await asyncio.sleep(0.01)


def describe(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _bind_to_parent(parent: int) -> Callable[[], None] | None:
    if _libc is None:
        return None

    def bind() -> None:
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return bind
