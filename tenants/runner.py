"""The door to the gateway's runner: one request, sent by hand to one version or to a draft, in the production sandbox.

Owns what is asked and what comes back, and the call: HTTP over the private socket of a gateway process of this machine, any of them
(`gateway.running` answers). Such a run is nobody's traffic: no metrics, no logs, no usage; limits and request quotas apply.
"""

from __future__ import annotations

import http.client
import random
import socket
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from django.conf import settings

from sandbox.errors import HostelError
from sandbox.worker.record import HostCall
from tenants.errors import RunFailed, RunUnavailable

PATTERN: Final = "gateway-*.sock"
# A run is given no longer than this, whatever the worker's own limit says; then its waitUntil promises have so long.
WALL_MS: Final = 30_000
AFTER_SECONDS: Final = 5.0
# Of a response's body, what comes back; more is counted and thrown away.
BODY_BYTES: Final = 1024 * 1024
REPLY_BYTES: Final = 64 * 1024 * 1024
_PATIENCE_SECONDS: Final = WALL_MS / 1000 + AFTER_SECONDS + 25.0
_OK: Final = 200


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request to run. Exactly one of `version` (an id) and `staged` (a draft in the staging area) is set."""

    tenant_id: int
    # Qualified name.
    worker: str
    version: str = ""
    staged: str = ""
    method: str
    # Absolute, percent-encoded.
    url: str
    # Lower-case names, without `host` and `content-length`.
    headers: list[tuple[str, str]]
    body: bytes = b""
    # Whom the worker takes for its visitor.
    client: str = "127.0.0.1"


class Answered(msgspec.Struct, kw_only=True):
    """The worker's response. `body` is its text, or base64 where it is none; cut at `BODY_BYTES`, while `body_bytes` counts all of it."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: str
    encoding: Literal["utf-8", "base64"]
    body_bytes: int
    truncated: bool


class Line(msgspec.Struct, kw_only=True):
    """A console line: milliseconds since 1970, level, text, and the worker that wrote it (one that was called may have)."""

    timestamp: float
    level: str
    message: str
    worker: str


class Caught(msgspec.Struct, kw_only=True):
    """An exception that nothing caught; `file`, `line` and `column` (1-based) are the innermost place in the worker's own code."""

    timestamp: float
    name: str
    message: str
    stack: str
    where: str
    worker: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


class Ran(msgspec.Struct, kw_only=True):
    """What a run has shown. Without a response `error` says what a visitor would have been told."""

    request_id: str
    outcome: str
    response: Answered | None = None
    error: dict[str, Any] | None = None
    logs: list[Line] = []
    # Console bytes beyond the limit, which were not kept.
    logs_dropped: int = 0
    exceptions: list[Caught] = []
    calls: list[HostCall] = []
    cpu_us: int = 0
    wall_us: int = 0
    memory_bytes: int = 0
    subrequests: int = 0
    # False where waitUntil promises were still under way: their logs and figures are missing.
    finished: bool = True


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, *, timeout: float) -> None:
        """To the socket at `path`; every step may take `timeout` seconds."""
        super().__init__("gateway", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def run(asked: Asked) -> Ran:
    """Have a gateway process of this machine run `asked`.

    Raises what kept it from being run (a leaf of `StartupFailed` with file, line and column, `Overloaded`, a quota's, `NotFound`, …),
    `RunUnavailable` where no gateway process answers, or `RunFailed` where one answers nonsense.
    """
    body = msgspec.json.encode(asked)
    paths = list(settings.HOSTEL.run.glob(PATTERN))
    random.shuffle(paths)
    for path in paths:
        connection = UnixConnection(path, timeout=_PATIENCE_SECONDS)
        try:
            connection.connect()
        except OSError:
            # A process that has just ended, or leaves: nothing was sent, another one may be asked.
            connection.close()
            continue
        try:
            connection.request("POST", "/run", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return _read(reply.status, reply.read(REPLY_BYTES))
        except TimeoutError:
            raise RunFailed("The run took too long.") from None
        except (OSError, http.client.HTTPException) as error:
            raise RunFailed from error
        finally:
            connection.close()
    raise RunUnavailable


def _read(status: int, content: bytes) -> Ran:
    try:
        if status == _OK:
            return msgspec.json.decode(content, type=Ran)
        stored = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise RunFailed from error
    raise revived(stored)


def revived(stored: dict[str, Any]) -> HostelError:
    """The error that `as_dict` was written of, in its own class; `RunFailed` for a code this process does not know."""
    detail = {name: value for name, value in stored.items() if name not in {"code", "status", "fault", "message"}}
    message = str(stored.get("message", ""))
    for cls in _leaves(HostelError):
        if cls.code == stored.get("code"):
            return cls(message, **detail)
    return RunFailed(message, **detail)


def _leaves(cls: type[HostelError]) -> list[type[HostelError]]:
    return [leaf for child in cls.__subclasses__() for leaf in _leaves(child)] + [cls]
