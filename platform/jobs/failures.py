"""Errors on their way through a job's row.

Owns the JSON an error is stored as and its way back into the same class with the same place and detail, so that whoever waits for a job
meets the error as if it had been raised in its own process.
"""

from __future__ import annotations

from typing import Any

import structlog

from sandbox.errors import HostelError

log = structlog.get_logger(__name__)
_ENVELOPE = ("code", "status", "fault", "message")


class JobFailed(HostelError):
    """Something went wrong in the background."""

    code = "job_failed"


def to_json(error: BaseException) -> dict[str, Any]:
    """What a row stores. An error that is not ours is logged in full and stored by its class's name only: it may hold anything."""
    if isinstance(error, HostelError):
        return error.as_dict()
    log.error("a job failed unexpectedly", exc_info=error)
    return JobFailed(kind=type(error).__name__).as_dict()


def from_json(stored: dict[str, Any] | None) -> HostelError:
    """The error a row holds; `JobFailed` for a code this process does not know."""
    stored = stored or {}
    detail = {name: value for name, value in stored.items() if name not in _ENVELOPE}
    for cls in _leaves(HostelError):
        if cls.code == stored.get("code"):
            return cls(str(stored.get("message", "")), **detail)
    return JobFailed(str(stored.get("message", "")), **detail)


def _leaves(cls: type[HostelError]) -> list[type[HostelError]]:
    """`cls` and everything below it, the most special first."""
    return [leaf for child in cls.__subclasses__() for leaf in _leaves(child)] + [cls]
