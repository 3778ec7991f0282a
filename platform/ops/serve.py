"""`make serve`: from an environment to a platform that answers, and down again.

Owns the order of the steps and what a person is told. Must not do the steps itself: the guest, the schema and the demo tenant are made by
processes of their own, the platform's processes belong to ops.supervisor.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from typing import Any, TypeVar

from controlplane import config
from controlplane.config import ROOT, Config
from ops import processes, welcome
from ops.lock import HomeLock, StartRefused, require_free_port
from ops.logs import LogFile
from ops.progress import Progress, Step
from ops.supervisor import Supervisor
from ops.task import MIGRATED, NOTE, SEEDED, Task
from sandbox.errors import HostelError
from ui.frontend import build

T = TypeVar("T")
# What `hostel reload` sends.
RELOAD = signal.SIGUSR1


class Stopped(Exception):
    """A person or the system asked for the end."""


class Start:
    """One run of the platform, from the first check to the last process."""

    def __init__(self, config: Config, *, verbose: bool = False, progress: Progress | None = None) -> None:
        """`verbose` shows every line of every process."""
        self._config = config
        self._verbose = verbose
        self._progress = progress or Progress()
        self._stop = asyncio.Event()
        self._supervisor: Supervisor | None = None
        self._began = time.monotonic()

    async def run(self) -> int:
        """Start, serve until told to stop, stop; returns an exit code."""
        # Whatever any process of the home writes is its owner's alone: the database holds hashes, the logs hold names.
        os.umask(0o077)
        with ExitStack() as stack:
            try:
                self._make_home()
                stack.enter_context(HomeLock(self._config.run, port=self._config.port))
                require_free_port(self._config.host, self._config.port)
                self._clear_sockets()
            except StartRefused as refusal:
                self._progress.say(refusal.message)
                return 2
            for warning in config.warnings(self._config):
                self._progress.say(f"  ! {warning}")
            self._listen_to_signals()
            try:
                await self._up()
                await self._stop.wait()
            except Stopped:
                pass
            except HostelError as failure:
                self._progress.say(f"\n{failure.message}")
                return 1
            finally:
                await self._down()
        return 0

    async def _up(self) -> None:
        async with self._task("prepare", ["-m", "ops", "prepare"], self._pass_on_notes) as prepare, self._frontend() as frontend:
            await self._guest()
            with self._progress.step("bringing the database up to date"):
                await self._unless_stopped(prepare.reached(MIGRATED))
            self._supervisor = Supervisor(
                processes.specs(self._config),
                logs=self._config.home / "log",
                environ=processes.environment(self._config),
                cwd=ROOT,
                echo=self._progress.say,
                verbose=self._verbose,
            )
            self._supervisor.launch()
            with self._progress.step("starting the processes"):
                await self._unless_stopped(self._supervisor.ready())
            self._say_wall()
            with self._progress.step("setting up the demo tenant"):
                await self._unless_stopped(prepare.reached(SEEDED))
            if frontend is not None:
                with self._progress.step("fetching the editor and charts"):
                    await self._unless_stopped(frontend.finished())
        self._progress.say(welcome.text(self._config, seconds=time.monotonic() - self._began))

    def _say_wall(self) -> None:
        """What the kernel keeps from the processes that run guests, as the gateway found it."""
        report = self._config.run / "wall"
        if report.exists():
            self._progress.say(f"  · {report.read_text()}")

    async def _guest(self) -> None:
        arguments = ["-m", "sandbox.guest.build", "--home", str(self._config.guest_home)]
        with self._progress.step("building the JavaScript guest") as step:
            async with self._task("guest", arguments, _noting(step)) as build:
                await self._unless_stopped(build.finished())

    def _frontend(self) -> AbstractAsyncContextManager[Task | None]:
        """What pages bring from elsewhere, fetched beside everything else; it never fails a start."""
        home = self._config.frontend_home
        if build.current(home):
            return nullcontext()
        return self._task("frontend", ["-m", "ui.frontend.build", "--home", str(home)], self._pass_on_notes)

    def _task(self, name: str, arguments: list[str], on_line: Callable[[str], None]) -> Task:
        log = LogFile(self._config.home / "log", name, echo=self._progress.say, verbose=self._verbose)
        return Task([sys.executable, *arguments], log=log, environ=processes.environment(self._config), cwd=ROOT, on_line=on_line)

    def _pass_on_notes(self, line: str) -> None:
        for kind, mark in ((NOTE, "·"), (build.MISSING, "!")):
            if line.startswith(kind):
                self._progress.say(f"  {mark} {line.removeprefix(kind)}")

    async def _down(self) -> None:
        if self._supervisor is None:
            return
        self._progress.say("\nStopping.")
        began = time.monotonic()
        await self._supervisor.stop()
        self._progress.say(f"Stopped in {time.monotonic() - began:.1f} s.")

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or `Stopped` as soon as somebody asks for the end."""
        doing, stop = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Stopped
            return doing.result()
        finally:
            for task in (doing, stop):
                task.cancel()
            await asyncio.gather(doing, stop, return_exceptions=True)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(RELOAD, self._on_reload)
        # A terminal that goes away takes what was started on it along; without one, this is how services are told to reload.
        loop.add_signal_handler(signal.SIGHUP, self._on_signal if sys.stdin is not None and sys.stdin.isatty() else self._on_reload)

    def _on_signal(self) -> None:
        if self._stop.is_set() and self._supervisor is not None:
            self._supervisor.kill()
        self._stop.set()

    def _on_reload(self) -> None:
        if self._supervisor is not None and not self._stop.is_set():
            self._progress.say("Reloading: gateway processes are replaced one by one, the others start again.")
            self._supervisor.reload()

    def _make_home(self) -> None:
        for folder in (self._config.home, self._config.run, self._config.home / "log"):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StartRefused(f"The folder {folder} cannot be made: {error.strerror}. HOSTEL_HOME says where it is.") from None
        longest = self._config.run / "gateway-4194304.sock"
        if len(os.fsencode(longest)) > processes.SOCKET_PATH_BYTES:
            raise StartRefused(f"{self._config.home} is too long for the path of a Unix socket: choose a shorter HOSTEL_HOME.")

    def _clear_sockets(self) -> None:
        """Remove what a start that was killed has left; nobody else can be using it, since the lock is ours."""
        for pattern in ("*.sock", "*.ready"):
            for left in self._config.run.glob(pattern):
                left.unlink(missing_ok=True)


def _noting(step: Step) -> Callable[[str], None]:
    """Shows each line of the guest's build (`  12.3 s  compiling quickjs.c`) beside the step's title."""
    return lambda line: step.note(line.partition(" s  ")[2] or step.detail)
