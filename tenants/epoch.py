"""Telling the gateways that configuration has changed.

Owns the epoch: a row that is bumped in the same transaction as every change, and the ways in which the news travels once that transaction
is committed. A counter in a mapped file reaches every process of this machine at the price of one memory read; Redis, or where there is
none PostgreSQL's NOTIFY, reaches other machines at once; and every reader looks at the row twice a second, which needs neither. Must not
carry what has changed: a reader drops what it has cached and asks again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from pathlib import Path
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from tenants.models import ConfigEpoch

log = structlog.get_logger(__name__)

CHANNEL = "hostel:epoch"
# The same in PostgreSQL, where a channel is an identifier.
PG_CHANNEL = "hostel_epoch"
_REASON_CHARACTERS = 200
_LISTEN_SECONDS = 0.5
_COUNTER = struct.Struct("<Q")
_RETRY_SECONDS = 2.0


def bump(*, reason: str) -> None:
    """Note, inside the current transaction, that configuration changes; the news goes out when it is committed."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("The epoch is bumped in the transaction that makes the change.")
    if not ConfigEpoch.objects.filter(pk=1).update(value=F("value") + 1):
        ConfigEpoch.objects.create(pk=1, value=1)
    if _by_notify():
        # Sent by the server when, and if, the transaction is committed.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [PG_CHANNEL, reason[:_REASON_CHARACTERS]])
    transaction.on_commit(lambda: announce(reason=reason))


def announce(*, reason: str = "") -> None:
    """Ring every bell; a bell that does not ring is logged, because readers look at the row anyway."""
    _count_up(_counter_path())
    if settings.HOSTEL.redis_url:
        try:
            _publisher().publish(CHANNEL, reason)
        except redis.RedisError as error:
            log.warning("Redis does not take the news of a change", error=str(error))


def stored() -> int:
    """The row's value (0 before the first change)."""
    return ConfigEpoch.objects.filter(pk=1).values_list("value", flat=True).first() or 0


class EpochReader:
    """For a process that caches configuration: `token()` differs from its last value when the cache must be dropped.

    Reading costs well under a microsecond and never blocks; a thread of its own watches the row and Redis.
    """

    def __init__(self) -> None:
        """Map this machine's counter."""
        self._map = _map(_counter_path())
        # Grows when the row or Redis tell of a change that this machine's counter may not have seen.
        self._remote = 0
        self._row = -1
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        # Whether the last look at the row succeeded: while it does not, stale configuration is served on.
        self.healthy = True

    def token(self) -> tuple[int, int]:
        """A value that stays equal while nothing has changed."""
        return _COUNTER.unpack_from(self._map)[0], self._remote

    def start(self) -> None:
        """Begin to watch the row, and Redis or PostgreSQL's notifications."""
        watchers = [self._watch_row]
        if settings.HOSTEL.redis_url:
            watchers.append(self._watch_redis)
        elif _by_notify():
            watchers.append(self._watch_notify)
        for target in watchers:
            thread = threading.Thread(target=target, name=f"epoch-{target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop watching; repeatable."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads.clear()

    def look(self) -> None:
        """Read the row once, and remember whether it has changed."""
        try:
            value = stored()
        except DatabaseError as error:
            if self.healthy:
                log.warning("the database does not answer; serving what is known", error=str(error))
            self.healthy = False
            return
        self.healthy = True
        if value != self._row:
            self._remote += self._row >= 0
            self._row = value

    def _watch_row(self) -> None:
        try:
            while not self._closing.wait(settings.HOSTEL.epoch_poll_seconds):
                self.look()
                if not self.healthy:
                    connection.close()
        finally:
            connection.close()

    def _watch_redis(self) -> None:
        while not self._closing.is_set():
            try:
                with redis.Redis.from_url(settings.HOSTEL.redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as inbox:
                    inbox.subscribe(CHANNEL)
                    # News may have been missed before this point.
                    self._remote += 1
                    while not self._closing.is_set():
                        if inbox.get_message(timeout=0.5) is not None:
                            self._remote += 1
            except redis.RedisError as error:
                log.warning("Redis does not answer; looking at the row only", error=str(error))
                self._closing.wait(_RETRY_SECONDS)

    def _watch_notify(self) -> None:
        """Listen on a connection of its own: one that goes back to a pool would lose what it listens to."""
        import psycopg  # noqa: PLC0415 - a home on SQLite does without

        while not self._closing.is_set():
            try:
                with psycopg.connect(**connection.get_connection_params(), autocommit=True) as inbox:
                    inbox.execute(f"LISTEN {PG_CHANNEL}")
                    # News may have been missed before this point.
                    self._remote += 1
                    while not self._closing.is_set():
                        self._remote += sum(1 for _ in inbox.notifies(timeout=_LISTEN_SECONDS, stop_after=1))
            except psycopg.Error as error:
                log.warning("PostgreSQL does not notify; looking at the row only", error=str(error))
                self._closing.wait(_RETRY_SECONDS)


def _by_notify() -> bool:
    """Whether news travels by the database itself."""
    return connection.vendor == "postgresql" and not settings.HOSTEL.redis_url


_clients: dict[str, Any] = {}


def _publisher() -> Any:
    url = settings.HOSTEL.redis_url
    if url not in _clients:
        _clients[url] = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    return _clients[url]


def _counter_path() -> Path:
    return settings.HOSTEL.run / "epoch"


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_size < _COUNTER.size:
        # Growing only: a second process that does the same changes nothing.
        os.ftruncate(descriptor, _COUNTER.size)
    return descriptor


def _map(path: Path) -> mmap.mmap:
    descriptor = _open(path)
    try:
        return mmap.mmap(descriptor, _COUNTER.size)
    finally:
        os.close(descriptor)


def _count_up(path: Path) -> None:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        (value,) = _COUNTER.unpack(os.pread(descriptor, _COUNTER.size, 0))
        os.pwrite(descriptor, _COUNTER.pack(value + 1), 0)
    finally:
        os.close(descriptor)
