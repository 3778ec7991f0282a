"""granian for the gateway: listening sockets that outlive its processes, and processes that are replaced only by ones that serve.

granian gives every worker process a listening socket of its own on the shared port, made in the worker: when a worker ends, the
connections in its socket's queue are reset, and on SIGHUP it ends the old worker half a second after the new one was started, ready or
not. Here the parent makes the sockets and keeps them. A new worker takes its predecessor's socket over with everything in its queue, and
the predecessor is told to end when the successor's own socket (gateway.admin) says that it serves. A successor that does not come up is
given up, and the old one stays.

    python -m gateway.serve gateway.asgi:application --interface asgi --host … --port …      (granian's own options)

Owns the replacing only, over names of granian's that are private and pinned by its version. Must import nothing of the project: workers are
forked from this process, and would go on with what it had loaded before an upgrade.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from granian import cli, net
from granian.server.mp import MPServer

ROOT: Final = Path(__file__).resolve().parents[2]
# A successor that does not serve by then is given up.
START_SECONDS: Final = 120.0
# What the predecessor is at may take this long; then it is broken off.
FINISH_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05
log = logging.getLogger("_granian")
# granian's, which has no types.
Worker = Any


class Server(MPServer):
    """granian's server, with the parent's sockets."""

    _listeners: Sequence[Any] = ()

    def _init_shared_socket(self) -> None:
        if self.bind_uds:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]
            return
        # Each with SO_REUSEPORT: the kernel shares connections out, as between granian's own.
        specs: Any = net
        self._listeners = [specs.SocketSpec(self.bind_addr, self.bind_port, self.backlog).build() for _ in range(self.workers)]
        self._ssp = self._shd = self._sfd = self._sso = None

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Callable[..., Any]) -> Worker:  # type: ignore[override]
        if not self._listeners:
            return super()._spawn_worker(idx, target, callback_loader)
        self._shd = self._listeners[idx]
        others = [listener.get_fd() for index, listener in enumerate(self._listeners) if index != idx]
        return super()._spawn_worker(idx, target, _Loader(others, callback_loader))

    def _respawn_workers(self, workers: Sequence[int], spawn_target: Any, target_loader: Any, delay: float = 0) -> None:  # noqa: ARG002
        for idx in workers:
            old: Worker = self.wrks[idx]
            log.info("Respawning worker-%s", idx + 1)
            self.respawned_wrks[idx] = time.monotonic()
            new = self._spawn_worker(idx=idx, target=spawn_target, callback_loader=target_loader)
            replacing = old.is_alive()
            # Until it serves, its end is no reason to act: the old one is still there.
            new.interrupt_by_parent = replacing
            new.start()
            if replacing and not _serves(new):
                log.error("ERROR the new worker-%s does not serve; the old one stays", idx + 1)
                new.kill()
                return
            new.interrupt_by_parent = False
            self.wrks[idx] = new
            if replacing:
                _end(old)
            log.info("Stopped old worker-%s", idx + 1)


class _Loader:
    """Loads the application in a worker, which lets go of the other workers' sockets first: they end with their own."""

    def __init__(self, others: Sequence[int], load: Callable[..., Any]) -> None:
        self._others, self._load = others, load

    def __call__(self) -> Any:
        for descriptor in self._others:
            os.close(descriptor)
        return self._load()


def _serves(worker: Worker) -> bool:
    """Wait until the worker's own socket answers; False where it ends before, or takes too long."""
    # As `controlplane.config` has it; the supervisor names the home to every process.
    path = Path(os.environ.get("HOSTEL_HOME") or ROOT / "var") / "run" / f"gateway-{worker._id()}.sock"  # noqa: SLF001 - granian's name for it
    until = time.monotonic() + START_SECONDS
    while worker.is_alive() and time.monotonic() < until:
        if _answers(path):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            probe.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        except OSError:
            return False


def _end(worker: Worker) -> None:
    worker.terminate()
    until = time.monotonic() + FINISH_SECONDS
    # Not `join`: granian's own watching thread joins as well, and for a moment the second to do so is told of neither end nor patience.
    while worker.is_alive() and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    if worker.is_alive():
        log.warning("WARNING a worker had not finished after %s s; ending it", FINISH_SECONDS)
        worker.kill()
        worker.join()


def _allocate_plainly() -> None:
    """Begin again with the C library's allocator in place of Python's, which keeps a megabyte for as long as one small object in it lives.

    Measured after 10,000 cold starts and a rest, where the process had 149 MiB before: 172 MiB with Python's, 140 with glibc's.
    """
    if "PYTHONMALLOC" not in os.environ and platform.libc_ver()[0] == "glibc":
        os.environ["PYTHONMALLOC"] = "malloc"
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - itself, as it was called


def main() -> None:
    """Run granian's command line with our server."""
    _allocate_plainly()
    # Sockets are handed on by inheritance.
    multiprocessing.set_start_method("fork")
    cli.Server = Server  # type: ignore[attr-defined]  # what the command line makes
    cli.cli(prog_name="gateway.serve", auto_envvar_prefix="GRANIAN")


if __name__ == "__main__":
    main()
