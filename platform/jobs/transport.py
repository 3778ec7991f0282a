"""Kombu transport over the database: Celery without a broker to install.

Owns messages with leases. Taking one hides it for the lease; acknowledging deletes it; a process that is killed leaves it to appear again.
(Kombu's own file system and SQLAlchemy transports lose what a killed worker held, whatever `acks_late` says: measured, docs/decisions.) A
publisher rings the bells of this machine's workers, so a message is taken within milliseconds; workers elsewhere see it by polling.

Connections are Django's, one for each process and thread, because Celery acknowledges from the thread that ran the task.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from queue import Empty
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from kombu.transport import virtual

from jobs.models import Binding, Message
from jobs.wake import Bell, ring, ring_all

# Longer than any task takes that is not itself a job with a lease of its own.
LEASE_SECONDS = 60.0
POLL_SECONDS = 0.25
# Bindings of inspect and control, and messages to queues that nobody reads any more.
BINDING_SECONDS = 300.0
UNREAD_SECONDS = 3_600.0


def bells() -> Path:
    """Folder of the bells that waiting workers of this machine listen on."""
    folder: Path = settings.HOSTEL.run / "wake"
    return folder


class QoS(virtual.QoS):
    """Unacknowledged messages stay in the table, leased: there is nothing to put back."""

    restore_at_shutdown = False


class Channel(virtual.Channel):
    """Queues as rows of `Message`."""

    QoS = QoS
    supports_fanout = True
    do_restore = False

    _renewed = 0.0

    def _put(self, queue: str, message: dict[str, Any], **_options: Any) -> None:
        Message.objects.create(queue=queue, body=json.dumps(message), created_at=time.time())
        ring_all(bells())

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002 - kombu's signature
        now = time.time()
        self._renew(now)
        # A plain read first: on SQLite a statement that writes takes the one write lock even when it finds nothing.
        if not Message.objects.filter(queue=queue, visible_at__lte=now).exists():
            raise Empty
        taken = _take(queue, now)
        if taken is None:
            raise Empty
        row, body = taken
        message: dict[str, Any] = json.loads(body)
        message["properties"]["delivery_tag"] = str(row)
        return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete an acknowledged message."""
        full = not self.qos.can_consume()
        super().basic_ack(delivery_tag, multiple)
        Message.objects.filter(pk=int(delivery_tag)).delete()
        if full:
            # The consumer sleeps because it may not take more; Celery acknowledges from the thread of the task.
            cast("Transport", self.connection).wake()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Delete a rejected message, or show it again at once."""
        super().basic_ack(delivery_tag)
        cast("Transport", self.connection).wake()
        found = Message.objects.filter(pk=int(delivery_tag))
        if requeue:
            found.update(visible_at=0)
            ring_all(bells())
        else:
            found.delete()

    def _size(self, queue: str) -> int:
        return Message.objects.filter(queue=queue).count()

    def _purge(self, queue: str) -> int:
        return Message.objects.filter(queue=queue).delete()[0]

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **_options: Any) -> None:  # noqa: ARG002
        for _, _, queue in self.get_table(exchange):
            self._put(queue, message)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        if _shared(exchange):
            Binding.objects.update_or_create(
                exchange=exchange,
                routing_key=routing_key or "",
                queue=queue,
                defaults={"pattern": pattern or "", "expires_at": time.time() + BINDING_SECONDS},
            )

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Where an exchange leads: the rows for those that processes share, else what this process has declared."""
        if not _shared(exchange):
            table: list[tuple[str, str, str]] = super().get_table(exchange)
            return table
        alive = Binding.objects.filter(exchange=exchange, expires_at__gt=time.time())
        return [(row.routing_key, row.pattern, row.queue) for row in alive]

    def _delete(self, queue: str, *_args: Any, **_options: Any) -> None:
        Binding.objects.filter(queue=queue).delete()
        self._purge(queue)

    def _renew(self, now: float) -> None:
        """Keep this process's shared bindings alive, and forget what nobody has renewed or read."""
        if now - self._renewed < BINDING_SECONDS / 5:
            return
        self._renewed = now
        Binding.objects.filter(queue__in=self._active_queues).update(expires_at=now + BINDING_SECONDS)
        Binding.objects.filter(expires_at__lte=now).delete()
        Message.objects.filter(queue__endswith=".pidbox", created_at__lt=now - UNREAD_SECONDS).delete()


class Transport(virtual.Transport):
    """The transport `hostel://`."""

    Channel = Channel
    driver_type = "sql"
    driver_name = "hostel"
    polling_interval = POLL_SECONDS
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))
    # Celery reconnects, with growing pauses, after these.
    connection_errors = (*virtual.Transport.connection_errors, DatabaseError)

    def __init__(self, client: Any, **options: Any) -> None:
        """Connect lazily: a process that only publishes needs no bell."""
        super().__init__(client, **options)
        self._bell: Bell | None = None

    def establish_connection(self) -> Any:
        """Look at the table once, so that a database that is not there (or not migrated) is a refused connection, retried with pauses."""
        # The one that has broken would be used for ever: nothing else gives this thread a new one.
        connection.close_if_unusable_or_obsolete()
        Message.objects.exists()
        return super().establish_connection()

    def drain_events(self, connection: Any, timeout: float | None = None, **_options: Any) -> None:  # noqa: ARG002 - kombu's signature
        """Deliver one message; where there is none, sleep on this process's bell and look once more. Raises `TimeoutError` for nothing.

        It never sleeps longer than a poll, whatever `timeout` allows: between two calls Celery sees that it was told to stop.
        """
        assert self.cycle is not None
        bell = self._bell = self._bell or Bell(bells() / f"{os.getpid()}-{id(self):x}.sock")
        try:
            self.cycle.get(self._deliver, timeout=timeout)
        except Empty:
            bell.wait(POLL_SECONDS if timeout is None else min(POLL_SECONDS, timeout))
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                raise TimeoutError from None

    def wake(self) -> None:
        """End the present sleep of `drain_events`, from any thread."""
        if self._bell is not None:
            ring(self._bell.path)

    def close_connection(self, connection: Any) -> None:
        """Close the channels and the bell."""
        super().close_connection(connection)
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    def driver_version(self) -> str:
        """The database behind it."""
        return connection.vendor


def _shared(exchange: str) -> bool:
    """Whether other processes publish to queues bound here: `celery.pidbox` and `reply.celery.pidbox`."""
    return exchange.endswith("pidbox")


def _take(queue: str, now: float) -> tuple[int, str] | None:
    """Lease the queue's next message in one statement; None where somebody else was faster."""
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    table = Message._meta.db_table  # noqa: SLF001 - Django's documented name
    statement = f"""
        UPDATE {table} SET visible_at = %s WHERE id = (
            SELECT id FROM {table} WHERE queue = %s AND visible_at <= %s ORDER BY id LIMIT 1 {lock}
        ) RETURNING id, body
    """  # noqa: S608 - our own table's name, values are parameters
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [now + LEASE_SECONDS, queue, now])
        row = cursor.fetchone()
    return (int(row[0]), str(row[1])) if row else None
