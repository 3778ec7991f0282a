"""Runs: a request sent by hand to one version, or to a draft that is no version yet.

Owns the run from what `tenants.runner` asks to what it is told: the same sandbox, limits, bindings and quotas as for a visitor, in an
instance of its own, so that neither sees what the other has left in memory. What a run does is nobody's traffic: its request id begins with
`RUN`, by which the records of all workers it passes through find their way here instead of into metrics and logs.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from gateway import headers
from gateway.quota import Quotas
from gateway.records import RUN, Records
from gateway.targets import Box, Targets
from sandbox import HostelError, InvocationError, InvocationRecord, Program, Request, Response, Target, WorkerKey
from sandbox.trace import begin
from sandbox.worker.record import HostCall
from sandbox.worker.streams import BodyBroken
from tenants.errors import RunFailed, RunsExceeded, TenantNotFound, TenantSuspended
from tenants.rollout import RouteVersion, WorkerRoute
from tenants.runner import AFTER_SECONDS, BODY_BYTES, WALL_MS, Answered, Asked, Caught, Line, Ran

log = structlog.get_logger(__name__)

# Runs under way in one process: of one tenant, and in all. Each holds a thread of the control plane.
OF_TENANT: Final = 4
AT_ONCE: Final = 16
# One of several workers' records that are kept for one run.
_RECORDS: Final = 100
# "    at name (file:12:34)" or "    at file:12:34", as the engine writes them.
_FRAME: Final = re.compile(r"^\s*at (?:.*\()?([^()\s][^()]*?):(\d+)(?::(\d+))?\)?$", re.MULTILINE)
_VARIANT: Final = "run"


class Sandboxed(Box, Protocol):
    """What is needed of `sandbox.Sandbox`."""

    def evict(self, prefix: str) -> int:
        """Drop pool entries by key prefix."""
        ...


class Runs:
    """The runs of one process."""

    def __init__(
        self,
        box: Sandboxed,
        targets: Targets,
        records: Records,
        route: Callable[[Asked], Awaitable[WorkerRoute | None]],
        draft: Callable[[str], Awaitable[tuple[Program, Any]]],
        *,
        quotas: Quotas | None = None,
    ) -> None:
        """`route` finds the worker and its one version, `draft` a staged bundle and its limits."""
        self._box, self._targets, self._records, self._quotas = box, targets, records, quotas
        self._route, self._draft = route, draft
        self._under_way: Counter[str] = Counter()

    async def run(self, asked: Asked) -> Ran:
        """Run it and wait for its end. Raises `HostelError` where it was not run at all."""
        route = await self._route(asked)
        if route is None:
            raise TenantNotFound
        if route.suspended:
            raise TenantSuspended
        tenant = route.tenant_slug
        if self._under_way[tenant] >= OF_TENANT or self._under_way.total() >= AT_ONCE:
            raise RunsExceeded(limit=OF_TENANT)
        self._under_way[tenant] += 1
        try:
            target = await self._target(asked, route)
            try:
                if self._quotas is not None and route.quotas:
                    await self._quotas.admit(route)
                return await self._ran(asked, target)
            finally:
                if asked.staged:
                    self._box.evict(target.key.text)
        finally:
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]

    async def _target(self, asked: Asked, route: WorkerRoute) -> Target:
        """The version alone, in an instance that serves nothing else."""
        if asked.staged:
            program, limits = await self._draft(asked.staged)
            version = RouteVersion(asked.staged, 0, "", "", 1, limits)
            target = self._targets.single(route, version, program)
        else:
            target = self._targets.single(route, route.versions[0])
        key = WorkerKey(target.key.tenant, target.key.worker, target.key.version, _VARIANT)
        return replace(target, key=key, mode="fresh", limits=replace(target.limits, wall_ms=min(target.limits.wall_ms, WALL_MS)))

    async def _ran(self, asked: Asked, target: Target) -> Ran:
        request_id = f"{RUN}{secrets.token_hex(10)}"
        request = _request(asked, request_id)
        calls: list[HostCall] = []
        found: list[InvocationRecord] = []
        over: asyncio.Future[InvocationRecord] = asyncio.get_running_loop().create_future()

        def heard(record: InvocationRecord) -> None:
            if len(found) < _RECORDS:
                found.append(record)
            if record.depth == 0 and record.event == "fetch" and not over.done():
                over.set_result(record)

        self._records.runs[request_id] = heard
        answered: Answered | None = None
        error: HostelError | None = None
        try:
            try:
                response = await self._box.dispatch(replace(target, on_call=calls.append), request)
                answered = await _answered(response)
            except InvocationError as failure:
                error = failure
            done, _ = await asyncio.wait((over,), timeout=AFTER_SECONDS)
        finally:
            del self._records.runs[request_id]
        own = over.result() if done else None
        return Ran(
            request_id=request_id,
            outcome=str(own.outcome) if own is not None else str(error.outcome) if isinstance(error, InvocationError) else "ok",
            response=answered,
            error=error.as_dict() if error is not None else None,
            logs=sorted((line for record in found for line in _lines(record)), key=lambda line: line.timestamp),
            logs_dropped=sum(record.logs_dropped for record in found),
            exceptions=[caught for record in found for caught in _exceptions(record)],
            calls=sorted(calls, key=lambda call: call.started_ms),
            cpu_us=own.cpu_us if own is not None else 0,
            wall_us=own.wall_us if own is not None else 0,
            memory_bytes=own.memory_bytes if own is not None else 0,
            subrequests=own.subrequests if own is not None else 0,
            finished=own is not None,
        )


def _request(asked: Asked, request_id: str) -> Request:
    """The request as a visitor's would come in at the gateway's door."""
    host = asked.url.partition("//")[2].partition("/")[0]
    raw = [(b"host", host.encode()), *((name.encode(), value.encode("latin-1")) for name, value in asked.headers)]
    if asked.body:
        raw.append((b"content-length", b"%d" % len(asked.body)))
    inbound = headers.read(raw)
    trace, client = begin(inbound.traceparent), asked.client.encode()
    sent = headers.to_worker(
        inbound, client=client, peer=client, scheme=asked.url.partition(":")[0].encode(), request_id=request_id.encode(), trace=trace.header
    )
    return Request(asked.method, asked.url, sent, asked.body or None, None, request_id, trace)


async def _answered(response: Response) -> Answered:
    """The response, its body read to the end; what was read until it broke off where it did."""
    kept, size = bytearray(), 0
    try:
        if isinstance(response.body, bytes):
            size, kept = len(response.body), bytearray(response.body[:BODY_BYTES])
        else:
            async for chunk in response.body:
                size += len(chunk)
                kept += chunk[: BODY_BYTES - len(kept)]
    except BodyBroken:
        # The invocation's record says why.
        pass
    finally:
        await response.aclose()
    body, encoding = _text(bytes(kept), cut=size > len(kept))
    return Answered(
        status=response.status,
        reason=response.reason,
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers],
        body=body,
        encoding=encoding,
        body_bytes=size,
        truncated=size > len(kept),
    )


def _text(content: bytes, *, cut: bool) -> tuple[str, Any]:
    """The text and "utf-8"; or base64. A character that the cut has parted does not make it binary."""
    for end in range(len(content), max(-1, len(content) - (4 if cut else 1)), -1):
        try:
            text = content[:end].decode()
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, "utf-8"
        break
    return base64.b64encode(content).decode(), "base64"


def _lines(record: InvocationRecord) -> list[Line]:
    return [Line(timestamp=line.timestamp, level=line.level, message=line.message, worker=record.worker) for line in record.logs]


def _exceptions(record: InvocationRecord) -> list[Caught]:
    caught = []
    for thrown in record.exceptions:
        place = _FRAME.search(thrown.stack)
        caught.append(
            Caught(
                timestamp=thrown.timestamp,
                name=thrown.name,
                message=thrown.message,
                stack=thrown.stack,
                where=thrown.where,
                worker=record.worker,
                file=place[1] if place else None,
                line=int(place[2]) if place else None,
                column=int(place[3]) if place and place[3] else None,
            )
        )
    return caught


async def answered(runs: Runs, asked: Asked) -> tuple[int, Any]:
    """Status and document for the socket: what a run has shown, or the error that kept it from being run."""
    try:
        return 200, await runs.run(asked)
    except HostelError as error:
        return error.status, error.as_dict()
    except Exception:
        log.exception("a run failed", worker=asked.worker)
        return RunFailed.status, RunFailed().as_dict()
