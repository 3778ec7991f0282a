"""What one look says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How it is (`said`), and what to do where it is not well."""

    name: str
    level: Level
    said: str
    advice: str = ""


def ok(name: str, said: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", said)


def warn(name: str, said: str, advice: str) -> Finding:
    """It works, and may not for long, or not as well as it could."""
    return Finding(name, "warn", said, advice)


def fail(name: str, said: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(name, "fail", said, advice)
