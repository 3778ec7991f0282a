"""Measurements, records of invocations, and usage."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import tenant_of
from api.queries import queried
from api.serializers.telemetry import (
    Invocation,
    Logs,
    LogsQuery,
    MetricsQuery,
    PlatformMetrics,
    TenantMetrics,
    Usage,
    UsageQuery,
    WorkerMetrics,
    WorkerMetricsQuery,
)
from api.views.base import OperatorView, TenantView
from telemetry import ledger, metrics, search
from telemetry.metrics import Span
from telemetry.search import Wanted
from tenants import selectors

HOUR: Final = 3_600
_COLUMNS: Final = (
    *("hour", "part", "worker", "worker_id", "requests", "invocations", "cpu_ms", "gib_seconds", "subrequests"),
    *("request_bytes", "response_bytes", "egress_bytes"),
)
_SAME: Final = ("text", "level", "outcome", "failed", "status", "method", "variant", "event", "request_id", "trace_id")
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class WorkerMetricsView(TenantView):
    """`/workers/{worker}/metrics`."""

    read_scope = "telemetry:read"

    @extend_schema(operation_id="worker_metrics", parameters=[WorkerMetricsQuery], responses=WorkerMetrics)
    def get(self, request: Request, worker: str) -> Response:
        """What the worker did: series, totals, and totals by version."""
        sent = queried(request, WorkerMetricsQuery)
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        version = str(sent["version"]) if "version" in sent else None
        return Response(metrics.metrics_of_worker(tenant=tenant, worker=row, span=_span(sent), version=version))


class TenantMetricsView(TenantView):
    """`/metrics`."""

    read_scope = "telemetry:read"

    @extend_schema(operation_id="tenant_metrics", parameters=[MetricsQuery], responses=TenantMetrics)
    def get(self, request: Request) -> Response:
        """What all of the tenant's workers did: series, totals, and totals by worker."""
        sent = queried(request, MetricsQuery)
        return Response(metrics.metrics_of_tenant(tenant=tenant_of(request), span=_span(sent)))


class PlatformMetricsView(OperatorView):
    """`/admin/metrics`."""

    @extend_schema(operation_id="admin_metrics", parameters=[MetricsQuery], responses=PlatformMetrics)
    def get(self, request: Request) -> Response:
        """What everybody's workers did: series, totals, totals by tenant, and what telemetry has lost."""
        return Response(metrics.metrics_of_platform(span=_span(queried(request, MetricsQuery))))


class WorkerLogs(TenantView):
    """`/workers/{worker}/logs`."""

    read_scope = "telemetry:read"

    @extend_schema(operation_id="worker_logs", parameters=[LogsQuery], responses=Logs)
    def get(self, request: Request, worker: str) -> Response:
        """The worker's invocations with their console lines and exceptions, newest first. Nothing is sampled."""
        sent = queried(request, LogsQuery)
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        found = search.search(tenant=tenant, worker_id=row.pk, wanted=wanted_of(sent), cursor=sent.get("cursor"), limit=sent["limit"])
        return Response({"items": [search.shown(*kept) for kept in found.records], "next": found.cursor, "complete": found.complete})


class WorkerInvocation(TenantView):
    """`/workers/{worker}/invocations/{request_id}`."""

    read_scope = "telemetry:read"

    @extend_schema(operation_id="worker_invocation", responses=Invocation(many=True))
    def get(self, request: Request, worker: str, request_id: str) -> Response:
        """Everything the worker did for one request, in the order it ended: more than one thing where workers call each other."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        found = search.invocations_of(tenant=tenant, worker_id=row.pk, request_id=request_id)
        return Response([search.shown(*kept) for kept in found])


class UsageView(TenantView):
    """`/usage`."""

    read_scope = "billing:read"

    @extend_schema(operation_id="usage_get", parameters=[UsageQuery], responses=Usage)
    def get(self, request: Request) -> Response:
        """What the tenant has used in a month: in all, by day and by worker."""
        month, start, end = _month(request)
        span: dict[str, Any] = {"tenant": tenant_of(request), "start": start, "end": end}
        totals, days, workers = ledger.usage_totals(**span), ledger.usage_by_day(**span), ledger.usage_by_worker(**span)
        return Response({"month": month, "totals": totals, "days": days, "workers": workers})


class UsageExport(TenantView):
    """`/usage/export`."""

    read_scope = "billing:read"

    @extend_schema(operation_id="usage_export", parameters=[UsageQuery], responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """The ledger's rows of a month as CSV, one for each worker and hour. A part above 0 came after its hour was closed."""
        month, start, end = _month(request)
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS)
        writer.writeheader()
        for row in ledger.usage_hours(tenant=tenant_of(request), start=start, end=end):
            name = str(row["worker"])
            writer.writerow({**row, "worker": f"'{name}" if name.startswith(_FORMULA) else name})
        headers = {"Content-Disposition": f'attachment; filename="usage-{month}.csv"'}
        return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def wanted_of(sent: dict[str, Any]) -> Wanted:
    """The filter that a query describes."""
    values: dict[str, Any] = {name: sent[name] for name in _SAME if name in sent}
    if "version" in sent:
        values["version"] = str(sent["version"])
    for name, field in (("since_ms", "since"), ("until_ms", "until")):
        if field in sent:
            values[name] = sent[field].timestamp() * 1000
    return Wanted(**values)


def _span(sent: dict[str, Any]) -> Span:
    until = sent["until"].timestamp() if "until" in sent else time.time()
    return Span.of(sent["since"].timestamp() if "since" in sent else until - HOUR, until, sent.get("step"))


def _month(request: Request) -> tuple[str, int, int]:
    month = queried(request, UsageQuery).get("month") or datetime.now(UTC).strftime("%Y-%m")
    return month, *ledger.month_of(month)
