"""How Django reaches the database.

Owns the settings that make SQLite safe for several processes, and PostgreSQL cheap for many short requests.
"""

from __future__ import annotations

from typing import Any

import dj_database_url

# Measured with four writing processes: without IMMEDIATE, a transaction that reads before it writes fails with "database is locked" however
# long the timeout is, because SQLite cannot upgrade two readers.
_SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000",
}
# Requests run in short-lived threads, so connections are shared through a pool instead of kept by a thread. `timeout` is the wait for one
# of them, `reconnect_timeout` the patience of one attempt to make one: the pool makes them one at a time with pauses that double, so that
# after five minutes without a server nobody would get a connection for minutes more.
_POOL = {"min_size": 0, "max_size": 16, "timeout": 5, "max_idle": 60, "reconnect_timeout": 1}

# A server whose machine has vanished says nothing: without these (seconds, and milliseconds for the last) whoever asks it waits a quarter
# of an hour for an answer, and with him the few threads in which a gateway asks.
_LIVENESS = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}


def database(url: str) -> dict[str, Any]:
    """The `DATABASES` entry for `url`; raises ValueError for an engine Hostel does not support."""
    entry: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0))
    options: dict[str, Any] = dict(entry.get("OPTIONS", {}))
    match entry["ENGINE"]:
        case "django.db.backends.sqlite3":
            entry["OPTIONS"] = {**_SQLITE, **options}
            # Tests run several processes and threads against it: a file, never memory.
            entry["TEST"] = {"NAME": f"{entry['NAME']}.test"}
        case "django.db.backends.postgresql":
            entry["OPTIONS"] = {"pool": _POOL, **_LIVENESS, **options}
            # A connection that died while it waited in the pool (the server was restarted) is replaced, not handed out.
            entry["CONN_HEALTH_CHECKS"] = True
        case other:
            raise ValueError(f"DATABASE_URL must be a postgres:// or sqlite:// address, not one for {other}.")
    return entry
