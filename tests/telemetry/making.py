"""Records and segments for tests."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from sandbox import InvocationRecord, Outcome
from sandbox.worker.record import LogLine, Thrown
from telemetry.frames import MAGIC, SUFFIX, Batch, Head, Owner, framed

NOW = float(int(time.time())) * 1000
VERSION = "00000001-0000-4000-8000-000000000000"

GIVEN: dict[str, Any] = {
    "tenant": "acme",
    "worker": "hello",
    "version": VERSION,
    "variant": "",
    "outcome": Outcome.OK,
    "status": 200,
    "start": "warm",
    "cpu_us": 1_500,
    "wall_us": 4_000,
    "memory_bytes": 4 * 1024 * 1024,
    "subrequests": 0,
    "request_bytes": 10,
    "response_bytes": 100,
    "egress_bytes": 0,
    "started_ms": NOW,
    "entrypoint": "",
    "event": "fetch",
    "method": "GET",
    "url": "http://hello.acme.localhost/",
    "request_id": "aaaaaaaaaaaa00000001",
    "trace_id": "",
    "span_id": "",
    "parent_id": "",
    "depth": 0,
}


def record(**values: Any) -> InvocationRecord:
    """One invocation of `acme`'s worker `hello`."""
    return InvocationRecord(**{**GIVEN, **values})


def line(message: str, level: str = "log", at: float = NOW) -> LogLine:
    return LogLine(at, level, message)


def thrown(message: str = "boom", name: str = "Error") -> Thrown:
    return Thrown(NOW, name, message, f"{name}: {message}\n    at worker.js:1:1", "handler")


def owner(tenant_id: int = 1, worker_id: int = 1, worker: str = "hello", version: str = VERSION) -> Owner:
    return Owner(tenant_id, worker_id, worker, version)


class Writer:
    """A segment under the hand of a test, locked until it is closed."""

    def __init__(self, folder: Path, name: str = "00001-1-a", *, node: str = "here", prefix: str = "aaaaaaaaaaaa") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}{SUFFIX}"
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self.write(MAGIC + framed(Head(node, prefix, 1)))

    def write(self, data: bytes) -> None:
        os.write(self.descriptor, data)

    def batch(self, *records: tuple[Owner, InvocationRecord], **lost: int) -> None:
        self.write(framed(Batch(list(records), lost)))

    def close(self) -> None:
        os.close(self.descriptor)
