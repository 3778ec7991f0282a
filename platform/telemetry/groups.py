"""Exceptions that are the same one, over and over.

Owns what makes two of them the same (their name, their message without numbers and ids, the innermost line of code) and the looking through
the newest records. Bounded in records and time, and says when it has not seen all.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from sandbox.worker.record import Thrown
from telemetry import search
from telemetry.search import Wanted
from tenants.models import Tenant

# Failed invocations that are looked at, and groups that are told.
RECORDS: Final = 500
GROUPS: Final = 50
MESSAGE_CHARACTERS: Final = 300
# What differs between two of the same: hex ids, numbers, quoted texts.
_VARIES: Final = re.compile(r"\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b|\d+(?:\.\d+)?|\"[^\"]{0,200}\"|'[^']{0,200}'")
_FRAME: Final = re.compile(r"^\s*at .*?([^\s()]+:\d+(?::\d+)?)\)?$", re.MULTILINE)


@dataclass(slots=True)
class Group:
    """One exception: when it was first and last seen (milliseconds since 1970) among the records looked at, in which versions."""

    key: str
    name: str
    message: str
    place: str
    count: int = 0
    first_ms: float = 0.0
    last_ms: float = 0.0
    # Of the newest.
    request_id: str = ""
    versions: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups, the latest first. `complete` is False where older failures were not looked at."""

    groups: list[Group]
    looked_at: int
    complete: bool


def exception_groups(*, tenant: Tenant, worker_id: int, since_ms: float | None = None) -> Groups:
    """What a worker's invocations have failed with, from `since_ms` on."""
    wanted = Wanted(failed=True, since_ms=since_ms)
    found = search.search(tenant=tenant, worker_id=worker_id, wanted=wanted, cursor=None, limit=RECORDS)
    groups: dict[str, Group] = {}
    for _, version, record in found.records:
        thrown: list[Thrown | None] = [*record.exceptions] or [None]
        for each in thrown:
            name, message = (each.name, each.message) if each is not None else (str(record.outcome), record.error)
            frame = _FRAME.search(each.stack) if each is not None else None
            place = frame.group(1) if frame else ""
            key = hashlib.sha256(f"{name}\0{_VARIES.sub('#', message[:2_000])}\0{place}".encode("utf-8", "replace")).hexdigest()[:16]
            # Newest first: the first one met is the last one seen.
            group = groups.setdefault(
                key, Group(key, name[:120], message[:MESSAGE_CHARACTERS], place, last_ms=record.started_ms, request_id=record.request_id)
            )
            group.count += 1
            group.first_ms = record.started_ms
            group.versions.add(version)
    newest = sorted(groups.values(), key=lambda group: -group.last_ms)
    return Groups(newest[:GROUPS], len(found.records), complete=found.cursor is None)
