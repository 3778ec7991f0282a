"""Following a worker's records as they are stored.

Owns who may follow (so many at once for a tenant, as leases), the position in the stream of chunks, and the pace: a follower that cannot
keep up is moved on to what is new and told how many records that left out. Works for the records of every gateway on every machine, because
it reads rows. Must not know SSE.
"""

from __future__ import annotations

import time
import uuid
import zlib
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum

from sandbox.errors import HostelError
from telemetry import search
from telemetry.chunks import records_of
from telemetry.models import Chunk, Tail
from telemetry.retention import TAIL_SECONDS
from telemetry.search import Wanted
from tenants import selectors
from tenants.models import Tenant

# A lease is renewed in good time before it ends (seconds).
LEASE_SECONDS: Final = 45
# Records handed on at once, and chunks looked at for them.
PORTION: Final = 100
_CHUNKS: Final = 10
# A follower that is further behind than this has left the present (seconds); one that has just come back may be behind by the window.
LAG_SECONDS: Final = 30
_HASHES: Final = 1 << 32


class TailsExceeded(HostelError):
    """The tenant follows as many workers as it may at once."""

    code = "tails_exceeded"
    status = 429
    fault = "tenant"


class TailRefused(HostelError):
    """The tenant's plan has no live tails."""

    code = "tail_refused"
    status = 403
    fault = "tenant"


@dataclass(frozen=True, slots=True)
class Event:
    """One record, and the position behind it."""

    cursor: str
    record: dict[str, Any]


@dataclass(slots=True)
class Heard:
    """What a look has brought. `dropped` counts records that were left out without being looked at; None: it cannot be known how many."""

    events: list[Event] = field(default_factory=list)
    dropped: int | None = 0
    # Whether there may be more already.
    more: bool = False


def tail_open(*, tenant: Tenant, worker_id: int) -> uuid.UUID:
    """Take one of the tenant's places; raises `TailRefused`, `TailsExceeded`. Renew it, and give it back."""
    if not selectors.plan_of(tenant=tenant).tail_allowed:
        raise TailRefused
    most = settings.HOSTEL.tails_per_tenant
    now = int(time.time())
    with transaction.atomic():
        # Whoever else asks for this tenant waits here.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        Tail.objects.filter(until__lt=now).delete()
        if Tail.objects.filter(tenant=tenant).count() >= most:
            raise TailsExceeded(f"A tenant may follow {most} workers at once.", limit=most)
        return Tail.objects.create(tenant=tenant, worker_id=worker_id, name=uuid.uuid4(), until=now + LEASE_SECONDS).name


def tail_renew(*, name: uuid.UUID) -> None:
    """Keep a place."""
    Tail.objects.filter(name=name).update(until=int(time.time()) + LEASE_SECONDS)


def tail_close(*, name: uuid.UUID) -> None:
    """Give a place back; repeatable."""
    Tail.objects.filter(name=name).delete()


class Follower:
    """One position in one worker's records. Each call asks the database."""

    def __init__(self, *, tenant: Tenant, worker_id: int, wanted: Wanted, sample: float = 1.0) -> None:
        """Where it begins is said to `begin`. `sample` is the share of requests that is heard, the same ones everywhere."""
        self._rows = Chunk.objects.filter(tenant=tenant, worker_id=worker_id)
        self._wanted, self._sample = wanted, sample
        self._chunk, self._index = 0, 0
        # Catching up after a reconnect: until the present is reached nothing is left out.
        self._returning = False

    @property
    def cursor(self) -> str:
        """The position, for whoever comes back."""
        return f"{self._chunk}.{self._index}"

    def begin(self, cursor: str | None) -> bool:
        """Go to `cursor`, or to the present; False when records behind the cursor are gone already. Raises `FieldInvalid`."""
        position = search.position(cursor)
        newest = self._newest()
        if position is None or position[0] > newest:
            self._chunk, self._index = newest, _END
            return True
        self._chunk, self._index = position
        self._returning = True
        # (Nothing was there yet at 0.)
        return self._chunk == 0 or self._rows.filter(pk=self._chunk, stored__gte=time.time() - TAIL_SECONDS).exists()

    def look(self) -> Heard:
        """What has come since."""
        heard = Heard()
        allowed = TAIL_SECONDS if self._returning else LAG_SECONDS
        self._catch_up(time.time() - allowed, heard)
        chunks = list(self._rows.filter(pk__gte=self._chunk).order_by("pk")[:_CHUNKS])
        for chunk in chunks:
            records = records_of(chunk)
            start = min(self._index, len(records)) if chunk.pk == self._chunk else 0
            self._chunk = chunk.pk
            for index in range(start, len(records)):
                if len(heard.events) == PORTION:
                    heard.more = True
                    return heard
                self._index = index + 1
                version, record = records[index]
                if self._sampled(record.request_id) and self._wanted.matches(version, record):
                    heard.events.append(Event(self.cursor, search.shown(chunk.node, version, record)))
            self._index = len(records)
        heard.more = len(chunks) == _CHUNKS
        self._returning = self._returning and heard.more
        return heard

    def _catch_up(self, since: float, heard: Heard) -> None:
        """Leave out what was stored before `since`."""
        late = self._rows.filter(pk__gt=self._chunk, stored__lt=int(since)).aggregate(last=Max("pk"), count=Sum("count"))
        if late["last"] is not None:
            here = self._rows.filter(pk=self._chunk).values_list("count", flat=True).first() or 0
            heard.dropped = int(late["count"]) + max(0, here - self._index)
            self._chunk, self._index = late["last"], _END

    def _newest(self) -> int:
        return self._rows.aggregate(last=Max("pk"))["last"] or 0

    def _sampled(self, request_id: str) -> bool:
        return self._sample >= 1.0 or zlib.crc32(request_id.encode()) < self._sample * _HASHES


# Behind the last record of any chunk.
_END: Final = 1 << 31
