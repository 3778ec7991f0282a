"""A worker's logs: searched, and followed live.

Owns the page, its filters (they are the address), and the stream behind it. What is found is `telemetry.search`'s, what is followed
`telemetry.tails`'. A record is cut to what a page can bear; the API gives all of it.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.http import urlencode

from api.serializers.telemetry import OUTCOMES
from api.views.tail import CONTENT_TYPE, EventStream, stream
from sandbox.errors import HostelError
from sandbox.worker.record import LEVELS
from telemetry import groups, search, tails
from telemetry.search import Wanted
from tenants import selectors
from tenants.builder import builder
from tenants.errors import FieldInvalid
from tenants.models import Tenant, Worker
from ui.page import WorkerPage

PER_PAGE: Final = 50
GROUP_DAYS: Final = 7
# Of one record, in a page.
LINES: Final = 100
LINE_CHARACTERS: Final = 4_000
FILTERS: Final = ("text", "outcome", "status", "level", "version", "variant", "method", "trace_id", "request_id", "since", "until")
_STATUS: Final = re.compile(r"[1-9](?:[0-9]{2}|xx)")
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_NUMBER: Final = re.compile(r"v?([0-9]{1,9})")
FAILED: Final = "failed"


class Logs(WorkerPage):
    """`/t/{tenant}/workers/{worker}/logs`: invocations with their console lines, newest first; `live=1` follows them."""

    template = "ui/logs/logs.html"
    title = "Logs"
    tab = "logs"
    read_scope = "telemetry:read"
    api = "/api/v1/workers/{worker}/logs"

    def context(self) -> dict[str, Any]:
        """A page of the search, the exceptions, and whether anything arrives at all."""
        sent = filters_of(self.request)
        versions = Versions(self.tenant, self.worker)
        live = self.request.GET.get("live") == "1"
        found, wrong = None, None
        try:
            wanted = wanted_of(sent, versions)
            if not live:
                cursor = self.request.GET.get("cursor") or None
                found = search.search(tenant=self.tenant, worker_id=self.worker.pk, wanted=wanted, cursor=cursor, limit=PER_PAGE)
        except FieldInvalid as error:
            wrong = error
        query = urlencode(sent)
        return {
            "sent": sent,
            "query": query,
            "live": live,
            "wrong": wrong,
            "records": [shaped(search.shown(*kept), versions) for kept in found.records] if found else [],
            "complete": found.complete if found else True,
            "older": f"?{urlencode({**sent, 'cursor': found.cursor})}" if found and found.cursor else "",
            "outcomes": OUTCOMES,
            "levels": LEVELS,
            "groups": self._groups(versions) if not (live or sent or self.request.GET.get("cursor")) else None,
            "idle": builder().guest_build() is None,
            "logs_url": self.url("logs", worker=self.worker.qualified_name),
            "stream": f"{self.url('logs_live', worker=self.worker.qualified_name)}?{query}",
            "days": selectors.plan_of(tenant=self.tenant).log_retention_days,
        }

    def curl(self) -> str:
        """With the filters of the page, and the live tail where that is what it shows."""
        command = super().curl()
        if self.request.GET.get("live") == "1":
            return command.replace("/logs", "/tail").replace("curl ", "curl -N ")
        return command

    def _groups(self, versions: Versions) -> dict[str, Any]:
        found = groups.exception_groups(tenant=self.tenant, worker_id=self.worker.pk, since_ms=(time.time() - GROUP_DAYS * 86_400) * 1000)
        shown = [(group, sorted(versions.name(version) for version in group.versions)) for group in found.groups]
        return {"groups": shown, "complete": found.complete, "looked_at": found.looked_at, "days": GROUP_DAYS}


class LogsLive(WorkerPage):
    """`/t/{tenant}/workers/{worker}/logs/live`: the stream behind the page, as server-sent events whose data is HTML of one record."""

    read_scope = "telemetry:read"
    template = ""

    def get(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Follow. What keeps it from being followed is told as JSON."""
        versions = Versions(self.tenant, self.worker)
        try:
            follower = tails.Follower(tenant=self.tenant, worker_id=self.worker.pk, wanted=wanted_of(filters_of(request), versions))
            whole = follower.begin(request.headers.get("Last-Event-ID") or None)
            name = tails.tail_open(tenant=self.tenant, worker_id=self.worker.pk)
        except HostelError as error:
            return JsonResponse(error.as_dict(), status=error.status)
        where = self.url("logs", worker=self.worker.qualified_name)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventStream(stream(follower, name, whole=whole, shape=_as_html(versions, where)), content_type=CONTENT_TYPE, headers=headers)


class Invocation(WorkerPage):
    """`/t/{tenant}/workers/{worker}/logs/{request_id}`: everything the worker did for one request."""

    template = "ui/logs/invocation.html"
    title = "Request"
    tab = "logs"
    read_scope = "telemetry:read"
    api = "/api/v1/workers/{worker}/invocations/{request_id}"

    def context(self) -> dict[str, Any]:
        """The records, in the order they ended. Raises `InvocationNotFound`."""
        versions = Versions(self.tenant, self.worker)
        found = search.invocations_of(tenant=self.tenant, worker_id=self.worker.pk, request_id=self.kwargs["request_id"])
        records = [search.shown(*kept) for kept in found]
        whole = [(shaped(record, versions), _cut(record)) for record in records[:PER_PAGE]]
        return {"records": whole, "left": max(0, len(records) - PER_PAGE), "request_id": self.kwargs["request_id"]}

    def crumbs(self) -> list[tuple[str, str]]:
        """By the logs."""
        return [*super().crumbs(), (self.worker.qualified_name, self.url("logs", worker=self.worker.qualified_name))]


class Versions:
    """Numbers of a worker's versions by their ids, and the other way; looked up when they are first needed."""

    def __init__(self, tenant: Tenant, worker: Worker) -> None:
        """Of this worker."""
        self._rows = selectors.version_list(tenant=tenant, worker=worker)
        self._names: dict[str, str] = {}

    def name(self, version: str) -> str:
        """`v12`; the beginning of the id where the version is gone."""
        if version not in self._names:
            try:
                number = self._rows.filter(pk=uuid.UUID(version)).values_list("number", flat=True).first()
            except ValueError:
                number = None
            self._names[version] = f"v{number}" if number is not None else version[:8]
        return self._names[version]

    def id_of(self, number: int) -> str | None:
        """The id of version `number`."""
        found = self._rows.filter(number=number).values_list("pk", flat=True).first()
        return str(found) if found is not None else None


def filters_of(request: HttpRequest) -> dict[str, str]:
    """The filters that the address holds, without the empty ones."""
    found = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
    return {name: value for name, value in found.items() if value}


def wanted_of(sent: Mapping[str, str], versions: Versions) -> Wanted:
    """What they ask for. Raises `FieldInvalid`."""
    values: dict[str, Any] = {name: sent[name] for name in ("text", "variant", "request_id") if name in sent}
    if (outcome := sent.get("outcome")) is not None:
        values |= {"failed": True} if outcome == FAILED else {"outcome": _one_of(outcome, OUTCOMES, "outcome")}
    if (level := sent.get("level")) is not None:
        values["level"] = _one_of(level, LEVELS, "level")
    if (method := sent.get("method")) is not None:
        values["method"] = method.upper()
    if (status := sent.get("status")) is not None:
        values["status"] = _shaped(status.lower(), _STATUS, "status", "404 or 4xx")
    if (trace := sent.get("trace_id")) is not None:
        values["trace_id"] = _shaped(trace.lower(), _TRACE, "trace_id", "32 hex digits")
    if (version := sent.get("version")) is not None:
        number = _NUMBER.fullmatch(version)
        values["version"] = (versions.id_of(int(number.group(1))) or "none") if number else version
    for name in ("since", "until"):
        if name in sent:
            values[f"{name}_ms"] = _milliseconds(sent[name], name)
    return Wanted(**values)


def shaped(record: dict[str, Any], versions: Versions) -> dict[str, Any]:
    """A record as the page shows it: cut, with its version's number and how bad it is."""
    lines = [
        {**line, "message": line["message"][:LINE_CHARACTERS], "cut": max(0, len(line["message"]) - LINE_CHARACTERS)}
        for line in record["logs"][:LINES]
    ]
    failed = record["outcome"] not in {"ok", "canceled"}
    kind = "bad" if failed or record["status"] >= 500 else "warn" if record["status"] >= 400 else "ok"  # noqa: PLR2004 - status classes
    worst = next((level for level in ("error", "warn") if any(line["level"] == level for line in record["logs"])), "")
    return {
        **record,
        "logs": lines,
        "lines_left": max(0, len(record["logs"]) - LINES),
        "lines": len(record["logs"]),
        "exceptions": [
            {**each, "stack": each["stack"][:LINE_CHARACTERS], "message": each["message"][:LINE_CHARACTERS]}
            for each in record["exceptions"]
        ],
        "kind": kind,
        "worst": worst,
        "word": record["outcome"] if failed or not record["status"] else str(record["status"]),
        "number": versions.name(record["version"]),
    }


def _as_html(versions: Versions, where: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def shape(record: dict[str, Any]) -> dict[str, Any]:
        return {"html": render_to_string("ui/logs/record.html", {"record": shaped(record, versions), "logs_url": where})}

    return shape


def _cut(record: dict[str, Any]) -> dict[str, Any]:
    """For the view as JSON: long texts say that they were cut."""
    lines = [{**line, "message": _short(line["message"])} for line in record["logs"][:LINES]]
    exceptions = [{**each, "message": _short(each["message"]), "stack": _short(each["stack"])} for each in record["exceptions"]]
    return {**record, "logs": lines, "exceptions": exceptions}


def _short(text: str) -> str:
    left = len(text) - LINE_CHARACTERS
    return f"{text[:LINE_CHARACTERS]}… ({left} more characters)" if left > 0 else text


def _one_of(value: str, allowed: tuple[str, ...] | Any, name: str) -> str:
    if value not in allowed:
        raise FieldInvalid(f"{name} must be one of {', '.join(allowed)}.", field=name)
    return value


def _shaped(value: str, shape: re.Pattern[str], name: str, said: str) -> str:
    if not shape.fullmatch(value):
        raise FieldInvalid(f"{name} must be {said}.", field=name)
    return value


def _milliseconds(text: str, name: str) -> float:
    """Seconds since 1970, or an ISO time (UTC where it names no zone)."""
    try:
        if text.isascii() and text.isdigit() and len(text) <= 11:  # noqa: PLR2004 - seconds of this millennium
            return float(text) * 1000
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise FieldInvalid(f"{name} must be a time: 2026-11-22T14:05, or seconds since 1970.", field=name) from None
