"""One supervisor for one home: the lock file, and the check that nobody has the port.

Owns the two refusals that come before anything is started. Must not start or stop anything.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.errors import HostelError


class StartRefused(HostelError):
    """Hostel cannot start here."""

    code = "start_refused"


class HomeLock:
    """Holds `run/serve.lock` for as long as the process lives; the kernel lets go of it however the process ends."""

    def __init__(self, run: Path, *, port: int) -> None:
        """`run` is the home's folder of sockets and locks; `port` is told to whoever is refused."""
        self._path = run / "serve.lock"
        self._port = port
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Take the lock or raise `StartRefused` naming the process that holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(self._path)
            os.close(handle)
            raise StartRefused(
                f"Hostel already runs in {self._path.parent.parent} (process {holder.get('pid', '?')}, port {holder.get('port', '?')}). "
                "Stop it first, or start another one elsewhere: HOSTEL_HOME=/other/folder HOSTEL_PORT=8788 make serve",
                **holder,
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"pid": os.getpid(), "port": self._port}).encode())
        self._handle = handle
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go. The file stays: removing it would let two starters lock two files of one name."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def holder(run: Path) -> int | None:
    """The process that serves from this home, or None. Only looks: trying the lock could refuse somebody who is just starting."""
    pid = _read(run / "serve.lock").get("pid")
    if pid is None:
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if sys.platform == "linux":
            return None
        try:
            os.kill(pid, 0)
        except OSError:
            return None
        return pid
    # Another process may have the number by now.
    return pid if b"serve" in words else None


def require_free_port(host: str, port: int) -> None:
    """Raise `StartRefused` unless `host` (an address or a name) and `port` can be listened on now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server does: a port that only has connections in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"Port {port} on {host} is in use by another program. Stop it, or choose another: HOSTEL_PORT={_other(port)} make serve"
        elif error.errno == errno.EACCES:
            text = f"Port {port} may not be opened by this user. Choose one from 1024 up: HOSTEL_PORT=8787 make serve"
        else:
            text = f"Cannot listen on {host}, port {port}: {error.strerror or error}. HOSTEL_BIND and HOSTEL_PORT decide where."
        raise StartRefused(text, host=host, port=port) from None


def _other(port: int) -> int:
    return port + 1 if port < 65535 else 8787  # noqa: PLR2004 - the highest port there is


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, int)} if isinstance(found, dict) else {}
