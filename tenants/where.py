"""Where something is done from: the part of an audit event that no service can know.

Owns one context variable. The control plane's middleware, the command line and the background worker set it around their work; services
read it when they record. Must not be used to decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Via = Literal["api", "ui", "cli", "job", "system"]
REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Where:
    """By which door, from which address and program, in which request (or job), and why if that was said."""

    via: Via = "system"
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    reason: str = ""


_SYSTEM = Where()
_current: ContextVar[Where] = ContextVar("where", default=_SYSTEM)


def current() -> Where:
    """Where the present work comes from; the platform itself unless somebody said otherwise."""
    return _current.get()


@contextmanager
def acting(where: Where) -> Iterator[None]:
    """Everything inside is done from `where`."""
    token = _current.set(where)
    try:
        yield
    finally:
        _current.reset(token)
