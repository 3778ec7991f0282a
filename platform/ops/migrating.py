"""Bringing the schema up to date while others serve.

Owns the one lock that keeps two machines from migrating at once (PostgreSQL: an advisory lock, which ends with its connection; SQLite: a
lock on a file beside the database), and the patience with the locks of tables: a statement that would make visitors wait behind it gives up
after `TABLE_SECONDS`, and the migration, which is one transaction, is tried again. What a migration may hold is checked in tests/house.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from sandbox.errors import HostelError

log = structlog.get_logger(__name__)

# The advisory lock's number: "hostelmg".
_LOCK: Final = int.from_bytes(b"hostelmg", "big") & 0x7FFF_FFFF_FFFF_FFFF
# Whoever migrates elsewhere has this long before we give up.
WAIT_SECONDS: Final = 900.0
_LOOK_SECONDS: Final = 0.2
# A statement waits this long for a table: everything that comes after it waits behind it.
TABLE_SECONDS: Final = 2.0
TRIES: Final = 30
_PAUSE_SECONDS: Final = 1.0
_LOCK_NOT_AVAILABLE: Final = "55P03"


class MigrationBlocked(HostelError):
    """The schema could not be brought up to date: somebody else holds a lock for too long. Nothing was half-done; try again."""

    code = "migration_blocked"
    status = 503


def missing() -> list[str]:
    """The migrations that are not applied, in order (`tenants.0002_access`). Costs a third of what Django's own command does."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown() -> list[str]:
    """Migrations the database has and this release does not know: it was migrated by a newer one."""
    loader = MigrationExecutor(connection).loader
    apps = {app for app, _ in loader.disk_migrations}
    applied = {key for key in loader.applied_migrations if key[0] in apps}
    replaced = {one for migration in loader.disk_migrations.values() for one in migration.replaces}
    return sorted(f"{app}.{name}" for app, name in applied - set(loader.disk_migrations) - replaced)


def migrate(note: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is missing, one process at a time over all machines; what was applied. `note` hears what takes long.

    Raises `MigrationBlocked`.
    """
    if not missing():
        return []
    with _only_one(note):
        # Whoever had the lock before may have done it all.
        plan = missing()
        for attempt in range(1, TRIES + 1):
            try:
                with _impatient():
                    call_command("migrate", interactive=False, verbosity=0)
            except OperationalError as error:
                if not _was_lock(error):
                    raise
                if attempt == TRIES:
                    raise MigrationBlocked(f"A table was locked at each of {TRIES} attempts.") from error
                note(f"a table is in use; trying again ({attempt} of {TRIES})")
                time.sleep(_PAUSE_SECONDS)
            else:
                return plan
    return plan


@contextmanager
def _only_one(note: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of all who migrate this database."""
    if connection.vendor == "postgresql":
        with _advisory(note):
            yield
    else:
        with _file(Path(f"{connection.settings_dict['NAME']}.migrate"), note):
            yield


@contextmanager
def _advisory(note: Callable[[str], None]) -> Iterator[None]:
    # A connection of its own: the lock belongs to the session, and the other one's transactions come and go.
    own: BaseDatabaseWrapper = connections.create_connection("default")
    try:

        def take() -> bool:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
                return bool(cursor.fetchone()[0])

        _wait(take, note)
        try:
            yield
        finally:
            with own.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    finally:
        own.close()


@contextmanager
def _file(path: Path, note: Callable[[str], None]) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:

        def take() -> bool:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait(take, note)
        yield
    finally:
        # The file stays: removing it would let two lock two files of one name.
        os.close(handle)


def _wait(take: Callable[[], bool], note: Callable[[str], None]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    told = False
    while not take():
        if time.monotonic() > until:
            raise MigrationBlocked(f"Another process has been migrating this database for {WAIT_SECONDS:.0f} s.")
        if not told:
            told = True
            note("another process is migrating this database; waiting for it")
        time.sleep(_LOOK_SECONDS)


@contextmanager
def _impatient() -> Iterator[None]:
    """Statements give up on a locked table after a short while (SQLite has one writer and its own, longer patience)."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(TABLE_SECONDS * 1000)}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def _was_lock(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE
