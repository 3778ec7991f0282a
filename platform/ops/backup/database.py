"""The database out of its engine and into it again.

Owns the two ways. SQLite is copied whole by `VACUUM INTO`, which reads one consistent state while others write. PostgreSQL is read table
by table with `COPY` in one repeatable-read transaction, and written back into a schema that this release's own migrations have made up to
the backup's state: no `pg_dump` of a matching version is needed, and a dump can be loaded into a newer server. Both hold what was
committed when they began, and keep no writer waiting.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from ops.backup.archive import BackupInvalid

SQLITE_FILE: Final = "db.sqlite3"
_PIECE: Final = 256 * 1024
# Written by the migrations themselves.
_OWN: Final = "django_migrations"


def engine() -> str:
    """`sqlite` or `postgresql`."""
    return connection.vendor


def dump(folder: Path, questions: Sequence[str]) -> tuple[dict[str, Any], list[list[Any]]]:
    """Write the database's files into `folder`; what a `load` needs to know beside them, and the answers to `questions`.

    A question is SQL for one column of text; it is answered from the very state that is written, whatever has changed since.
    """
    if engine() == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(folder / SQLITE_FILE)])
        with closing(sqlite3.connect(folder / SQLITE_FILE)) as copy:
            return {}, [[row[0] for row in copy.execute(question)] for question in questions]
    return _dump_tables(folder, questions)


def load(folder: Path, described: dict[str, Any], migrations: Sequence[str]) -> None:
    """Replace the database's content with the files in `folder`."""
    if engine() == "sqlite":
        _replace(folder / SQLITE_FILE)
    else:
        _migrate_to(migrations)
        _load_tables(folder, described)


def unknown(migrations: Sequence[str]) -> list[str]:
    """Those of `migrations` that this release does not know: whoever has them is newer."""
    known = {f"{app}.{name}" for app, name in MigrationExecutor(connection).loader.disk_migrations}
    return sorted(set(migrations) - known)


def is_empty() -> bool:
    """Whether nobody lives in the database: no schema, or no tenant and no person."""
    names = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for table in ("tenants_tenant", "tenants_user"):
            if table in names:
                cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")  # noqa: S608 - our own table's name
                if cursor.fetchone()[0]:
                    return False
    return True


def _replace(copy: Path) -> None:
    """Put the copy into the database's place; what was there is kept beside it until somebody removes it."""
    connections.close_all()
    path = Path(str(connection.settings_dict["NAME"]))
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(f"{path.name}.before-restore{suffix}"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restoring")
    shutil.move(copy, draft)
    draft.replace(path)


def _dump_tables(folder: Path, questions: Sequence[str]) -> tuple[dict[str, Any], list[list[Any]]]:
    tables: dict[str, list[str]] = {}
    with closing(_own_connection()) as own:
        own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        own.read_only = True
        with own.transaction(), own.cursor() as cursor:
            for table in _tables(cursor):
                cursor.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s "
                    "AND is_generated = 'NEVER' ORDER BY ordinal_position",
                    [table],
                )
                tables[table] = [row[0] for row in cursor.fetchall()]
                statement = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), _columns(tables[table]))
                with (folder / f"{table}.copy").open("wb") as file, cursor.copy(statement) as rows:
                    for piece in rows:
                        file.write(piece)
            cursor.execute(
                "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL"
            )
            sequences = dict(cursor.fetchall())
            answers = [[row[0] for row in cursor.execute(question).fetchall()] for question in questions]
    return {"tables": tables, "sequences": sequences}, answers


def _load_tables(folder: Path, described: dict[str, Any]) -> None:
    tables: dict[str, list[str]] = described["tables"]
    with closing(_own_connection()) as own, own.transaction(), own.cursor() as cursor:
        there = _tables(cursor)
        if unknown := set(tables) - set(there):
            raise BackupInvalid(f"The backup has a table this release does not know: {min(unknown)[:80]!r}.")
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, there))))
        # Keys may point ahead: they are looked at when all is there.
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table, columns in tables.items():
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), _columns(columns))
            with (folder / f"{table}.copy").open("rb") as file, cursor.copy(statement) as rows:
                while piece := file.read(_PIECE):
                    rows.write(piece)
        for name, value in described["sequences"].items():
            cursor.execute("SELECT setval(%s::regclass, %s)", [sql.Identifier(name).as_string(own), value])


def _migrate_to(migrations: Sequence[str]) -> None:
    """Make the schema what it was when the backup was made, from nothing or from less; raises `BackupInvalid` where that cannot be."""
    wanted = {(app, name) for app, _, name in (one.partition(".") for one in migrations)}
    executor = MigrationExecutor(connection)
    known = set(executor.loader.graph.nodes)
    if ahead := set(executor.loader.applied_migrations) & known - wanted:
        raise BackupInvalid(f"The database is newer than the backup: it has {'.'.join(min(ahead))}. Restore into an empty database.")
    targets = [key for key in _leaves(wanted, executor) if key in known]
    executor.migrate(targets, plan=executor.migration_plan(targets))


def _leaves(wanted: set[tuple[str, str]], executor: MigrationExecutor) -> Iterator[tuple[str, str]]:
    for key in sorted(wanted):
        if not any(child.key in wanted for child in executor.loader.graph.node_map[key].children):
            yield key


def _tables(cursor: psycopg.Cursor[Any]) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    return [row[0] for row in cursor.fetchall() if row[0] != _OWN]


def _columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _own_connection() -> psycopg.Connection[Any]:
    """A connection apart from Django's, for a transaction of another kind."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool", "prepare_threshold"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters)
