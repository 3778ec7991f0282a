"""Searching the records that are kept.

Owns the filters and the walk: chunk by chunk, newest first, from a cursor on, and never longer than a bound in records and time: a search
that stops early says so and gives the cursor to go on with. Every search is of one tenant.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from sandbox.worker.record import LEVELS, InvocationRecord
from telemetry.chunks import LEVEL_BITS, PREFIX_DIGITS, is_failure, number_of, records_of
from telemetry.models import Chunk
from tenants.errors import FieldInvalid, NotFound
from tenants.models import Tenant

PAGE_MOST: Final = 500
# What one search looks at before it hands back a cursor instead of more records.
SCANNED: Final = 200_000
SCAN_SECONDS: Final = 3.0
# Chunks are fetched in portions of this many.
_PORTION: Final = 20


class InvocationNotFound(NotFound):
    """No record of such a request is kept."""

    code = "invocation_not_found"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a record must be like; None and empty ask for nothing."""

    text: str = ""
    # The least console level that one of its lines must have.
    level: str | None = None
    outcome: str | None = None
    # True: failures only, False: none of them.
    failed: bool | None = None
    # A status ("404") or a class ("4xx").
    status: str | None = None
    method: str | None = None
    version: str | None = None
    variant: str | None = None
    event: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    # Arrived at or after, and before (milliseconds since 1970).
    since_ms: float | None = None
    until_ms: float | None = None

    def matches(self, version: str, record: InvocationRecord) -> bool:
        """Whether the record is wanted."""
        status = str(record.status)
        return (
            (self.request_id is None or record.request_id == self.request_id)
            and (self.outcome is None or record.outcome == self.outcome)
            and (self.failed is None or is_failure(record) == self.failed)
            and (self.version is None or version == self.version)
            and (self.variant is None or record.variant == self.variant)
            and (self.event is None or record.event == self.event)
            and (self.trace_id is None or record.trace_id == self.trace_id)
            and (self.method is None or record.method == self.method)
            and (self.status is None or status == self.status or (self.status[1:] == "xx" and status[:1] == self.status[:1]))
            and (self.since_ms is None or record.started_ms >= self.since_ms)
            and (self.until_ms is None or record.started_ms < self.until_ms)
            and (self.level is None or any(line.level in _at_least(self.level) for line in record.logs))
            and (not self.text or _holds(record, self.text.casefold()))
        )


# A machine's name, and what one of its gateways left.
Placed = tuple[str, str, InvocationRecord]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search."""

    records: list[Placed]
    # Where to go on; None when everything has been looked at.
    cursor: str | None
    # False when the page is short only because the search had taken long enough.
    complete: bool


def search(*, tenant: Tenant, worker_id: int | None, wanted: Wanted, cursor: str | None, limit: int) -> Found:
    """The newest `limit` records behind `cursor` that are wanted. Raises `FieldInvalid` for a cursor that is none."""
    chunks = Chunk.objects.filter(tenant=tenant, kept=True)
    if worker_id is not None:
        chunks = chunks.filter(worker_id=worker_id)
    at = position(cursor)
    if at is not None:
        chunks = chunks.filter(pk__lte=at[0])
    chunks = _narrowed(chunks, wanted)
    found: list[Placed] = []
    scanned = 0
    until = time.monotonic() + SCAN_SECONDS
    for chunk in _newest_first(chunks):
        records = records_of(chunk)
        first = len(records) if at is None or at[0] != chunk.pk else min(at[1], len(records))
        for index in range(first - 1, -1, -1):
            if wanted.matches(*records[index]):
                found.append((chunk.node, *records[index]))
                if len(found) == limit:
                    return Found(found, f"{chunk.pk}.{index}", complete=True)
        scanned += len(records)
        if scanned >= SCANNED or time.monotonic() > until:
            return Found(found, f"{chunk.pk}.0", complete=False)
    return Found(found, None, complete=True)


def invocations_of(*, tenant: Tenant, worker_id: int, request_id: str) -> list[Placed]:
    """Everything that the worker kept of one request, in the order it ended; raises `InvocationNotFound`."""
    found: list[Placed] = []
    if number_of(request_id) is not None:
        chunks = _narrowed(Chunk.objects.filter(tenant=tenant, worker_id=worker_id, kept=True), Wanted(request_id=request_id))
        for chunk in chunks.order_by("pk"):
            found += [(chunk.node, *kept) for kept in records_of(chunk) if kept[1].request_id == request_id]
    if not found:
        raise InvocationNotFound
    return found


def shown(node: str, version: str, record: InvocationRecord) -> dict[str, Any]:
    """A record as the API shows it."""
    return {
        "node": node,
        "request_id": record.request_id,
        "started": record.started_ms,
        "worker": record.worker,
        "version": version,
        "variant": record.variant,
        "key": record.key,
        "entrypoint": record.entrypoint,
        "event": record.event,
        "method": record.method,
        "url": record.url,
        "outcome": str(record.outcome),
        "status": record.status,
        "error": record.error,
        "start": record.start,
        "cpu_us": record.cpu_us,
        "wall_us": record.wall_us,
        "memory_bytes": record.memory_bytes,
        "subrequests": record.subrequests,
        "request_bytes": record.request_bytes,
        "response_bytes": record.response_bytes,
        "egress_bytes": record.egress_bytes,
        "depth": record.depth,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "parent_id": record.parent_id,
        "logs": [{"timestamp": line.timestamp, "level": line.level, "message": line.message} for line in record.logs],
        "logs_dropped": record.logs_dropped,
        "exceptions": [
            {"timestamp": each.timestamp, "name": each.name, "message": each.message, "stack": each.stack, "where": each.where}
            for each in record.exceptions
        ],
    }


def _newest_first(chunks: QuerySet[Chunk]) -> Iterator[Chunk]:
    """Portion by portion: their data is large."""
    last: int | None = None
    while True:
        portion = list((chunks if last is None else chunks.filter(pk__lt=last)).order_by("-pk")[:_PORTION])
        yield from portion
        if len(portion) < _PORTION:
            return
        last = portion[-1].pk


def _narrowed(chunks: QuerySet[Chunk], wanted: Wanted) -> QuerySet[Chunk]:
    """Without the chunks whose row says that nothing in them is wanted."""
    if wanted.since_ms is not None:
        chunks = chunks.filter(last_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        chunks = chunks.filter(first_ms__lt=wanted.until_ms)
    if wanted.failed is True:
        chunks = chunks.filter(failed=True)
    if wanted.level is not None:
        # The highest bit of what is in it is at least the lowest of what is wanted.
        chunks = chunks.filter(levels__gte=LEVEL_BITS[wanted.level])
    if wanted.request_id is not None:
        number = number_of(wanted.request_id)
        if number is None:
            return chunks.none()
        chunks = chunks.filter(process=wanted.request_id[:PREFIX_DIGITS], first_number__lte=number, last_number__gte=number)
    return chunks


def position(cursor: str | None) -> tuple[int, int] | None:
    """The chunk's row and the index in it that a cursor names. Raises `FieldInvalid`."""
    if cursor is None:
        return None
    chunk, _, index = cursor.partition(".")
    digits = 18
    if not (chunk.isascii() and chunk.isdigit() and index.isascii() and index.isdigit() and len(chunk) <= digits and len(index) <= digits):
        raise FieldInvalid("This is no cursor: take `next` of an earlier page.", field="cursor")
    return int(chunk), int(index)


def _at_least(level: str) -> frozenset[str]:
    return _FROM[level]


def _holds(record: InvocationRecord, text: str) -> bool:
    return (
        text in record.url.casefold()
        or any(text in line.message.casefold() for line in record.logs)
        or any(text in each.message.casefold() or text in each.name.casefold() for each in record.exceptions)
    )


_FROM: Final = {level: frozenset(LEVELS[at:]) for at, level in enumerate(LEVELS)}
