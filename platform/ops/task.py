"""A process that does one step of a start and ends.

Owns its events: lines that begin with `@`, by which it says how far it is. Must not know what the steps are for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from ops.child import clear_group, kill_group, spawn
from ops.logs import LogFile
from ops.supervisor import StartFailed

# What `python -m ops prepare` says.
MIGRATED = "@migrated"
SEEDED = "@seeded"
NOTE = "@note "


class Task:
    """Runs while its block runs: leaving the block ends the process and everything it started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: LogFile,
        environ: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Output goes to `log`, which is closed with the block; `on_line` hears every line as it comes."""
        self._command = command
        self._log = log
        self._environ = environ
        self._cwd = cwd
        self._on_line = on_line
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._process: asyncio.subprocess.Process
        self._reader: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Start it."""
        self._process, self._reader = await spawn(self._command, self._hear, environ=self._environ, cwd=self._cwd)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        kill_group(self._process.pid)
        await self._process.wait()
        await clear_group(self._process.pid)
        await self._reader
        self._log.close()

    async def reached(self, event: str) -> None:
        """Wait for the line `event`; raise `StartFailed` if the process ends without it."""
        seen = asyncio.create_task(self._events[event].wait())
        await asyncio.wait({seen, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        seen.cancel()
        if not self._events[event].is_set():
            raise self._failure()

    async def finished(self) -> None:
        """Wait for the end; raise `StartFailed` unless it is a good one."""
        await asyncio.wait({self._reader})
        if await self._process.wait():
            raise self._failure()

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        if text.startswith("@"):
            self._events[text].set()
        self._on_line(text)
        self._log.write(line)

    def _failure(self) -> StartFailed:
        tail = "\n".join(f"    {line}" for line in self._log.tail)
        return StartFailed(f"The step “{self._log.name}” failed. Its last words ({self._log.path}):\n{tail}", process=self._log.name)
