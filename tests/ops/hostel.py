"""A real Hostel for tests: the supervisor in a process of its own, on a free port and in a home of its own, and a small HTTP client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).parents[2]
# The guest that `make test` has built; another one with HOSTEL_GUEST_CACHE.
GUEST = Path(os.environ.get("HOSTEL_GUEST_CACHE") or ROOT / "var" / "guest")
# The scripts that pages bring from elsewhere, fetched likewise.
FRONTEND = Path(os.environ.get("HOSTEL_FRONTEND_CACHE") or ROOT / "var" / "frontend")
START_SECONDS = 90


@dataclass(slots=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Hostel:
    """A started supervisor."""

    process: subprocess.Popen[str]
    home: Path
    port: int
    # What the terminal has shown.
    lines: list[str] = field(default_factory=list)

    @property
    def demo(self) -> dict[str, str]:
        return json.loads((self.home / "demo.json").read_text())

    def call(self, host: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request through the gateway, as a visitor of `host`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def worker(self, name: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request to a worker of the demo tenant."""
        return self.call(f"{name}.demo.localhost", path, method, body, **headers)

    def api(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request to the Cloudflare-compatible API, below the demo account."""
        demo = self.demo
        where = f"/client/v4/accounts/{demo['account_id']}{path}"
        return self.call("localhost", where, method, body, Authorization=f"Bearer {demo['api_token']}", **headers)

    def upload(self, name: str, source: str, *, method: str = "PUT", path: str = "") -> Answer:
        """Upload one module as a worker (PUT), or as a further version (POST, path `/versions`)."""
        body, kind = form({"main_module": "worker.js", "compatibility_date": "2026-01-01"}, {"worker.js": source})
        return self.api(method, f"/workers/scripts/{name}{path}", body, Content_Type=kind)

    def children(self) -> dict[str, int]:
        """Process ids of the supervisor's children by name."""
        marks = {"gateway": "gateway.asgi", "control": "controlplane.asgi", "background": "background"}
        found: dict[str, int] = {}
        for pid in offspring(self.process.pid, deep=False):
            command = commandline(pid)
            found.update({name: pid for name, mark in marks.items() if mark in command})
        return found

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> float:
        """Signal the supervisor and wait for its end; returns the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(seconds)
        return time.monotonic() - began


@contextmanager
def started(home: Path, *, port: int | None = None, guest: Path | None = None, **environ: str) -> Iterator[Hostel]:
    """A Hostel that is up. On the way out it is stopped if the test has not done so."""
    hostel = launch(home, port=port, guest=guest, **environ)
    try:
        wait_until(lambda: any("Hostel is up" in line for line in hostel.lines) or hostel.process.poll() is not None, START_SECONDS)
        assert hostel.process.poll() is None, "".join(hostel.lines)
        yield hostel
    finally:
        finish(hostel)


def launch(home: Path, *, port: int | None = None, guest: Path | None = None, **environ: str) -> Hostel:
    """Start the supervisor and do not wait for it."""
    port = port or free_port()
    # A home of its own, and none of what the suite has set for itself.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HOSTEL_")}
    own = {"HOSTEL_HOME": str(home), "HOSTEL_PORT": str(port), "HOSTEL_GUEST_CACHE": str(guest or GUEST)}
    own["HOSTEL_FRONTEND_CACHE"] = str(FRONTEND)
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**clean, **own, **environ},
    )
    hostel = Hostel(process, home, port)
    threading.Thread(target=_listen, args=(hostel,), daemon=True).start()
    return hostel


def finish(hostel: Hostel) -> None:
    """End what a test has left running."""
    if hostel.process.poll() is None:
        hostel.process.terminate()
        try:
            hostel.process.wait(15)
        except subprocess.TimeoutExpired:
            for pid in [*offspring(hostel.process.pid), hostel.process.pid]:
                os.kill(pid, signal.SIGKILL)
            hostel.process.wait()


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Environment variables for a fresh database of the kind the suite runs on; it is dropped again."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    import psycopg

    name = f"hostel_ops_{uuid.uuid4().hex[:12]}"
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield {"DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}"))}
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def form(metadata: Mapping[str, Any], modules: Mapping[str, str]) -> tuple[bytes, str]:
    """A multipart body as wrangler sends it, and its content type."""
    boundary = uuid.uuid4().hex
    parts = [f'Content-Disposition: form-data; name="metadata"\r\nContent-Type: application/json\r\n\r\n{json.dumps(metadata)}\r\n']
    for name, source in modules.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: application/javascript+module'
        parts.append(f"{head}\r\n\r\n{source}\r\n")
    body = "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={boundary}"


def offspring(pid: int, *, deep: bool = True) -> list[int]:
    """The children of a process, and theirs if `deep`."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found + [below for child in found if deep for below in offspring(child)]


def alive(pids: Sequence[int]) -> list[str]:
    """The command lines of those that still run (zombies do not)."""
    return [commandline(pid) for pid in pids if commandline(pid)]


def commandline(pid: int) -> str:
    """A process's words, or nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _listen(hostel: Hostel) -> None:
    assert hostel.process.stdout is not None
    with hostel.process.stdout as stream:
        for line in stream:
            hostel.lines.append(line)
