"""Doorbells: waking a process of this machine without polling.

Owns a folder of Unix datagram sockets. Whoever waits binds one and sleeps on it; whoever has news sends an empty datagram. A ring that gets
lost costs a poll's interval, never a message: rows say what there is to do.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

# sizeof(sockaddr_un.sun_path) is 108 on Linux and 104 on macOS.
_PATH_BYTES = 100


class Bell:
    """One socket to sleep on. Where it cannot be bound (a path too long, a file system without sockets) waiting is plain sleeping."""

    def __init__(self, path: Path) -> None:
        """Bind `path`, taking it over from a dead process."""
        self.path = path
        self._socket: socket.socket | None = None
        if len(os.fsencode(path)) > _PATH_BYTES:
            return
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            bell.bind(str(path))
        except OSError:
            bell.close()
        else:
            self._socket = bell

    def wait(self, seconds: float) -> bool:
        """Sleep until rung, at most `seconds`; whether it was rung."""
        if self._socket is None:
            select.select([], [], [], seconds)
            return False
        rung = bool(select.select([self._socket], [], [], seconds)[0])
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
        return rung

    def close(self) -> None:
        """Unbind; repeatable."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """The bell."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Unbind."""
        self.close()


def ring(path: Path) -> None:
    """Ring the bell at `path`, if anybody is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(b"", str(path))
        except ConnectionRefusedError:
            # Its process has died.
            path.unlink(missing_ok=True)
        except OSError:
            # Nobody there; or rung so often already that its buffer is full.
            return


def ring_all(folder: Path) -> None:
    """Ring every bell in `folder`."""
    try:
        bells = list(folder.iterdir())
    except FileNotFoundError:
        return
    for path in bells:
        ring(path)
