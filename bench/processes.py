"""The processes of a run: started on the cores they belong on, measured, and gone when the run is over.

Owns placement, memory figures and endings. Must not know what a process serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.figures import BenchFailed

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Variant:
    """Where servers and the load generator run. None: wherever the system puts them."""

    name: str
    server_core: int | None = None
    generator_core: int | None = None


INSTALLED = Variant("as installed")


def variants() -> list[Variant]:
    """As installed, and one core each where the system can pin and has two cores to pin to."""
    if not hasattr(os, "sched_getaffinity"):
        return [INSTALLED]
    cores = sorted(os.sched_getaffinity(0))
    return [INSTALLED] if len(cores) < 2 else [INSTALLED, Variant("one core each", cores[0], cores[1])]  # noqa: PLR2004 - two


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one or more processes.

    `resident` counts a page once for every mapping of it: the guest's base image, which all instances map and nearly none of them changes,
    again for each instance. `proportional` divides a page by its mappings, so that it is what the machine has spent.
    """

    resident: int
    proportional: int

    @classmethod
    def of(cls, pids: Iterable[int]) -> Self:
        """The sum over processes. `BenchFailed` where the system does not tell (only Linux does)."""
        found = [_memory(pid) for pid in pids]
        return cls(sum(one.resident for one in found), sum(one.proportional for one in found))


class Server:
    """A process in a session of its own, with a log file, ended by the kernel should this process die."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Made by `start`."""
        self.name, self.process, self.log = name, process, log

    @property
    def pid(self) -> int:
        """The process's id, also its group's."""
        return self.process.pid

    async def ready(self, probe: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until `probe` says so; `BenchFailed` with the log's end when the process ends or the time is up."""
        try:
            async with asyncio.timeout(seconds):
                while self.process.returncode is None:
                    with contextlib.suppress(OSError, EOFError):
                        if await probe():
                            return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise BenchFailed(f"{self.name} does not answer after {seconds:g} s.\n{self.tail()}") from None
        raise BenchFailed(f"{self.name} ended with code {self.process.returncode} while starting.\n{self.tail()}")

    async def stop(self, grace: float = 10.0) -> None:
        """SIGTERM, then SIGKILL to the whole group; returns when the process is gone."""
        if self.process.returncode is None:
            self.process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.process.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(f"    {line}" for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def memory(self) -> Memory:
        """Of the process and everything below it."""
        return Memory.of(tree(self.pid))


async def start(
    name: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    core: int | None = None,
    cwd: Path | None = None,
) -> Server:
    """Start `command`, on `core` if one is named, its output in `folder/name.log`."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else is waiting
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environ,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_placed(core),
        )
    return Server(name, process, log)


async def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    environ: Mapping[str, str] | None = None,
    core: int | None = None,
    cwd: Path | None = None,
    given: bytes = b"",
    good: Sequence[int] = (0,),
) -> str:
    """What `command` writes to its standard output; `BenchFailed` unless it ends within `seconds`, with one of the `good` codes.

    `given` is what it finds on its standard input.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environ,
        cwd=cwd,
        preexec_fn=_placed(core),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(given), seconds)
    except TimeoutError:
        raise BenchFailed(f"{Path(command[0]).name} took longer than {seconds:g} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in good:
        raise BenchFailed(f"{Path(command[0]).name} failed: {(err or out).decode(errors='replace').strip()[-2000:]}")
    return out.decode()


def tree(pid: int) -> list[int]:
    """The process and its descendants (Linux)."""
    found = [pid]
    for parent in found:
        for listing in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, listing.read_text().split())
    return found


def free_ports(count: int, first: int = 0) -> list[int]:
    """Ports of 127.0.0.1 that nobody has now: the first free ones from `first` upwards, or any."""
    wanted = range(first, first + 100) if first else [0] * count
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in wanted:
            if len(found) == count:
                break
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(probe.getsockname()[1])
    if len(found) < count:
        raise BenchFailed(f"There are no {count} free ports from {first} to {first + 99}.")
    return found


def _memory(pid: int) -> Memory:
    try:
        fields = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
    except OSError as error:
        raise BenchFailed(f"The memory of process {pid} cannot be read: {error.strerror}.") from None
    return Memory(int(fields[fields.index("Rss:") + 1]) * 1024, int(fields[fields.index("Pss:") + 1]) * 1024)


def _placed(core: int | None) -> Callable[[], None]:
    def place() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return place
