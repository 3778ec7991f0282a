"""What is known of an invocation when it is over.

Owns the record's shape, which is also how it is written down: MessagePack arrays in the order of the fields, so a field is only ever added
at the end. Must not write it anywhere: whoever asked for the invocation gets it.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from sandbox.http import Headers
from sandbox.outcome import Outcome

LEVELS = ("debug", "log", "info", "warn", "error")
# What is kept of a URL, of an exception's message and of its stack (characters).
URL_CHARACTERS: Final = 2_048
MESSAGE_CHARACTERS: Final = 4_096
STACK_CHARACTERS: Final = 8_192
# Different marks of one invocation.
MARKS: Final = 100


class LogLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One console line; `timestamp` in milliseconds since 1970, `level` one of `LEVELS`."""

    timestamp: float
    level: str
    message: str


class Thrown(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One exception that nothing caught. `where` says which promise it came from."""

    timestamp: float
    name: str
    message: str
    stack: str
    where: Literal["handler", "waitUntil", "rejection", "startup"]


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that a capability, or whoever sent the request, wants remembered of the invocation. Its words are the platform's."""

    # What sort of mark it is, and of what: "flag" and its key, "event" and its name.
    kind: str
    name: str
    # Where the name is known: an environment.
    scope: str
    # What came of it: a variant; "" for none.
    value: str = ""
    # Whom it concerns; "" for nobody in particular.
    subject: str = ""
    # Why, or of which sort.
    reason: str = ""
    number: float | None = None


class HostCall(msgspec.Struct, frozen=True, gc=False):
    """One call that an invocation made to the outside, for whoever watches it (`Target.on_call`); nobody else keeps them."""

    # "internet", "service", "dispatch" or "loader", and the binding's name ("" for the internet).
    kind: str
    binding: str
    method: str
    # Cut at `URL_CHARACTERS`.
    url: str
    # 0 where there was no answer; then `error` says why.
    status: int
    # Milliseconds since 1970, and from there to the head of the answer.
    started_ms: float
    wall_ms: float
    error: str = ""


class InvocationRecord(msgspec.Struct, array_like=True, gc=False):
    """One event, from its arrival to its last waitUntil promise."""

    tenant: str
    worker: str
    version: str
    variant: str
    outcome: Outcome
    # What was answered, or the error's own status; 0 where nothing was.
    status: int
    start: Literal["cold", "warm", ""]
    cpu_us: int
    wall_us: int
    memory_bytes: int
    # fetch() and calls of other workers.
    subrequests: int
    # Bodies: from the visitor, to the visitor, and to the internet in subrequests.
    request_bytes: int
    response_bytes: int
    egress_bytes: int
    # Milliseconds since 1970, at its arrival.
    started_ms: float
    entrypoint: str
    # Which handler: "fetch", "tail", …
    event: str
    # Of a fetch event, the URL cut at `URL_CHARACTERS`.
    method: str
    url: str
    request_id: str
    # W3C trace context; empty where nobody traces.
    trace_id: str
    span_id: str
    parent_id: str
    # How many workers stand between it and the visitor: 0 is what the visitor asked.
    depth: int
    # The code of the error the visitor saw, if any.
    error: str = ""
    logs: list[LogLine] = []
    # Console bytes beyond the limit, which were not kept.
    logs_dropped: int = 0
    exceptions: list[Thrown] = []
    # The request's headers, for whoever is told at once; nobody writes them down.
    headers: Headers | None = None
    marks: list[Mark] = []
    # Marks beyond `MARKS`, which were not kept.
    marks_dropped: int = 0

    @property
    def key(self) -> str:
        """The pool's key, `tenant-worker-version` with the variant behind where there is one."""
        return "-".join(part for part in (self.tenant, self.worker, self.version, self.variant) if part)
