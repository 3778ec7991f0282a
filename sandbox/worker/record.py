"""What is known of an invocation when it is over.

Owns the record's shape. Must not write it anywhere: whoever asked for the invocation gets it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sandbox.outcome import Outcome

LEVELS = ("debug", "log", "info", "warn", "error")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One console line; `timestamp` in milliseconds since 1970, `level` one of `LEVELS`."""

    timestamp: float
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Thrown:
    """One exception that nothing caught. `where` says which promise it came from."""

    timestamp: float
    name: str
    message: str
    stack: str
    where: Literal["handler", "waitUntil", "rejection", "startup"]


@dataclass(slots=True)
class InvocationRecord:
    """One request, from its arrival to its last waitUntil promise."""

    tenant: str
    worker: str
    version: str
    variant: str
    key: str
    outcome: Outcome
    status: int
    start: Literal["cold", "warm"]
    cpu_us: int
    wall_us: int
    memory_bytes: int
    subrequests: int
    response_bytes: int
    logs: list[LogLine] = field(default_factory=list)
    # Console bytes beyond the limit, which were not kept.
    logs_dropped: int = 0
    exceptions: list[Thrown] = field(default_factory=list)
    # The code of the error the visitor saw, if any.
    error: str = ""
