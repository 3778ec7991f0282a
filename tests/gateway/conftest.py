"""A real server in front of the gateway."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass
class Server:
    """A granian process with the gateway in it."""

    port: int
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def admin_sockets(self) -> list[Path]:
        return sorted(self.home.glob("**/gateway-*.sock"))

    async def admin(self, path: str, **body: object) -> dict:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.admin_sockets()[0]))) as session:
            call = session.post(f"http://admin{path}", json=body) if body else session.get(f"http://admin{path}")
            async with call as response:
                return json.loads(await response.text())

    async def stats(self) -> dict:
        return (await self.admin("/stats"))["gateway"]

    async def events(self) -> dict[str, int]:
        return (await self.admin("/stats"))["events"]

    async def until(self, name: str, count: int, seconds: float = 5.0) -> None:
        """Wait until an event has happened `count` times."""
        deadline = time.monotonic() + seconds
        while (await self.events()).get(name, 0) < count:
            assert time.monotonic() < deadline, await self.events()
            await asyncio.sleep(0.02)

    def rss_kib(self) -> int:
        """Peak resident memory of the worker process."""
        pid = self.admin_sockets()[0].stem.removeprefix("gateway-")
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(
    home: Path,
    application: str = "serving:application",
    *,
    interface: str = "asgi",
    env: dict[str, str] | None = None,
    log: str = "server.log",
    patience: float = 60.0,
) -> Iterator[Server]:
    """Serve `application` until the block ends; nothing may have been logged as an error by then."""
    port, path = free_port(), home / log
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        interface,
        "--http",
        "1",
        "--no-ws",
        "--loop",
        "uvloop",
        "--log-level",
        "warning",
    ]
    # A visitor whom a failed test forgot must not keep the server alive.
    command += ["--workers-kill-timeout", "5s"]
    paths = os.pathsep.join(map(str, (HERE, ROOT / "platform", ROOT)))
    environment = {**os.environ, "PYTHONPATH": paths, "HOSTEL_HOME": str(home), "PYTHONDEVMODE": "", **(env or {})}
    with path.open("wb") as out:
        process = subprocess.Popen([*command, "--port", str(port), application], cwd=HERE, env=environment, stdout=out, stderr=out)
    try:
        wait_for(port, process, path, patience)
        yield Server(port, home, path, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.sendall(b"GET / HTTP/1.1\r\nHost: up.acme.localhost.invalid\r\nConnection: close\r\n\r\n")
                try:
                    if probe.recv(12).startswith(b"HTTP/1.1"):
                        return
                except OSError:
                    pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The gateway before stand-in workers (workers.py), for the tests of one module."""
    with granian(tmp_path_factory.mktemp("gateway")) as running:
        yield running
