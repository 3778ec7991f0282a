"""A PostgreSQL of one's own for tests that stop it: the system's programs, a folder in /tmp, a free port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ops.hostel import free_port

# The account that servers run under where the tests are root's: PostgreSQL refuses to run as root.
ACCOUNT = "postgres"
CONFIG = """
listen_addresses = '127.0.0.1'
max_connections = 100
shared_buffers = 16MB
fsync = off
"""
# (Not `synchronous_commit = off` as well: what was committed must be there after an immediate stop.)


@dataclass(slots=True)
class Cluster:
    """A server that can be stopped and started."""

    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/hostel"

    def start(self) -> None:
        self.run("pg_ctl", "start", "-w", "-t", "60", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", self._options)

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "stop", "-w", "-t", "60", "-D", f"{self.folder}/data", "-m", mode)

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as whoever owns the server."""
        who = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [self.programs / program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, **who
        )
        assert done.returncode == 0, (program, done.stdout, done.stderr, self._log())

    @property
    def _options(self) -> str:
        return f"-p {self.port} -k {self.folder}"

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-2_000:] if log.exists() else ""


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A started server with an empty database called `hostel`; skips the test where there are no programs to start one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    plain = shutil.which("initdb")
    programs = found[-1].parent if found else Path(plain).parent if plain else None
    if programs is None:
        pytest.skip("there is no initdb on this machine")
    # Not pytest's folder: another account has to get there. Short, because a Unix socket is made in it.
    folder = Path(tempfile.mkdtemp(prefix="hostel-pg-", dir="/tmp"))
    server = Cluster(programs, folder, free_port())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT, ACCOUNT)
        server.run("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        with (folder / "data" / "postgresql.conf").open("a") as config:
            config.write(CONFIG)
        server.start()
        server.run("createdb", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "hostel")
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
