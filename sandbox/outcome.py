"""The named outcomes of an invocation.

Owns the vocabulary of tail events (Workers' `TraceItem.outcome`, workerd types/generated-snapshot/index.d.ts) and nothing else.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an invocation ended; the value is what records and tail events carry."""

    # The handler answered and everything it promised has settled.
    OK = "ok"
    # The visitor went away first.
    CANCELED = "canceled"
    # The handler threw, or returned something that is no response.
    EXCEPTION = "exception"
    # CPU time ran out.
    EXCEEDED_CPU = "exceededCpu"
    # Linear memory ran out.
    EXCEEDED_MEMORY = "exceededMemory"
    # Wall time ran out.
    EXCEEDED_WALL_TIME = "exceededWallTime"
    # Refused before it was started, to keep the platform standing.
    LOAD_SHED = "loadShed"
    # The response's head was sent, and its body broke off.
    RESPONSE_STREAM_DISCONNECTED = "responseStreamDisconnected"
    # No such worker.
    SCRIPT_NOT_FOUND = "scriptNotFound"
    # Hostel's own fault.
    INTERNAL_ERROR = "internalError"
    # The instance was dropped from outside (eviction by an operator, shutdown).
    ABORTED = "aborted"
