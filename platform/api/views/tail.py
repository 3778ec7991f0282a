"""Live tail: a worker's records as server-sent events.

Owns the stream's format and rhythm. Which records, and how many are left out, is `telemetry.tails`'.

    id: 1042.7                       the position: sent back as Last-Event-ID, the stream goes on behind it
    event: invocation | dropped | open | end
    data: JSON
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from api.auth import tenant_of
from api.queries import queried
from api.serializers.telemetry import TailQuery
from api.views.base import TenantView
from api.views.telemetry import wanted_of
from telemetry import tails
from telemetry.retention import TAIL_SECONDS
from tenants import selectors

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

CONTENT_TYPE: Final = "text/event-stream"
LOOK_SECONDS: Final = 0.25
HEARTBEAT_SECONDS: Final = 15.0
# Then the client comes back with its cursor, and its rights are looked at again.
STREAM_SECONDS: Final = 900.0
_RECONNECT_MS: Final = 1_000


class WorkerTail(TenantView):
    """`/workers/{worker}/tail`."""

    read_scope = "telemetry:read"

    @extend_schema(
        operation_id="worker_tail",
        parameters=[TailQuery, OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="As `cursor`.")],
        responses={(200, CONTENT_TYPE): OpenApiTypes.STR},
    )
    def get(self, request: Request, worker: str) -> StreamingHttpResponse:
        """The worker's invocations as they end, as server-sent events. `dropped` says how many were left out when there are too many."""
        sent = queried(request, TailQuery)
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        follower = tails.Follower(tenant=tenant, worker_id=row.pk, wanted=wanted_of(sent), sample=sent["sample"])
        whole = follower.begin(request.headers.get("Last-Event-ID") or sent.get("cursor"))
        name = tails.tail_open(tenant=tenant, worker_id=row.pk)
        # Proxies in between must not wait for more.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventStream(stream(follower, name, whole=whole), content_type=CONTENT_TYPE, headers=headers)


class EventStream(StreamingHttpResponse):
    """The events themselves for an ASGI server, so that closing the answer closes them (not so with Django's wrapper)."""

    def __init__(self, events: AsyncGenerator[bytes, None], **options: Any) -> None:
        """Send `events` as they come."""
        self._events = events
        super().__init__(events, **options)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The events."""
        return self._events


async def stream(
    follower: tails.Follower, name: uuid.UUID, *, whole: bool, shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda record: record
) -> AsyncGenerator[bytes, None]:
    """The events of an opened tail (`name`), until it has lasted long enough; `shape` makes of a record what is sent, and may ask rows.

    `whole` False says first that records are missing at the beginning.
    """
    ends = time.monotonic() + STREAM_SECONDS
    said = renewed = time.monotonic()
    try:
        yield f"retry: {_RECONNECT_MS}\n".encode() + _event("open", {"window_seconds": TAIL_SECONDS}, follower.cursor)
        if not whole:
            yield _event("dropped", {"count": None, "reason": "window"}, follower.cursor)
        while (now := time.monotonic()) < ends:
            try:
                heard = await _asked(follower.look)
                if now - renewed > tails.LEASE_SECONDS / 3:
                    renewed = now
                    await _asked(lambda: tails.tail_renew(name=name))
            except DatabaseError:
                log.exception("a tail cannot be read on")
                break
            lines = await _asked(lambda: [_event("invocation", shape(event.record), event.cursor) for event in heard.events])  # noqa: B023 - asked at once
            if heard.dropped:
                lines.insert(0, _event("dropped", {"count": heard.dropped, "reason": "behind"}, None))
            if lines or now - said > HEARTBEAT_SECONDS:
                said = now
                yield b"".join(lines) or b": still here\n\n"
            if not heard.more:
                await asyncio.sleep(LOOK_SECONDS)
        yield _event("end", {"reason": "time"}, follower.cursor)
    finally:
        with contextlib.suppress(DatabaseError):
            await _asked(lambda: tails.tail_close(name=name))


def _event(kind: str, data: dict[str, Any], cursor: str | None) -> bytes:
    position = f"id: {cursor}\n" if cursor is not None else ""
    return f"{position}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def _asked(question: Callable[[], Answer]) -> Answer:
    """The answer from a thread of its own: a stream lives longer than a request's thread and connection should."""

    def ask() -> Answer:
        try:
            return question()
        finally:
            connection.close()

    return await sync_to_async(ask, thread_sensitive=False)()
