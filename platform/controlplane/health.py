"""Whether this process can do its work, and what is missing where it cannot.

Owns the checks and their words. A check is *needed* where nothing works without it: only those make a process not ready. The others are
told all the same: uploads fail without a background worker, but taking the control plane out of service for it would help nobody. Nothing
of a tenant's is ever in an answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from tenants.builder import builder

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One look: its name, whether all is well, whether the process can go on without it, and what is the matter."""

    name: str
    ok: bool
    needed: bool = True
    reason: str = ""


def report(checks: list[Check]) -> tuple[int, dict[str, Any]]:
    """Status (200 or 503) and document of what was found: `{"ready", "checks": {name: {"ok", "needed", "reason"?}}}`."""
    ready = all(check.ok or not check.needed for check in checks)
    found = {check.name: {"ok": check.ok, "needed": check.needed, **({"reason": check.reason} if check.reason else {})} for check in checks}
    return 200 if ready else 503, {"ready": ready, "checks": found}


def control_plane() -> Iterator[Check]:
    """What the control plane needs: its database, brought up to date, and a home it may write to; and a background worker."""
    answers = _answers()
    yield Check("database", answers, reason="" if answers else "it does not answer")
    # Without a database there is nothing more to be said about it.
    if answers:
        yield _migrations()
    writable = os.access(settings.HOSTEL.home, os.W_OK)
    yield Check("storage", writable, reason="" if writable else "the home cannot be written to")
    if answers:
        yield _background()


def _answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        return False
    return True


def _migrations() -> Check:
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return Check("migrations", ok=False, reason="what is applied cannot be read")
    return Check("migrations", missing == 0, reason=f"{missing} are not applied: `hostel migrate`" if missing else "")


def _background() -> Check:
    # Whoever makes images has said so lately, on this machine or another.
    try:
        alive = builder().guest_build() is not None
    except DatabaseError:
        alive = False
    return Check(
        "background", alive, needed=False, reason="" if alive else "no background worker has been heard of lately: uploads will wait"
    )
