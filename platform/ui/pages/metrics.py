"""Measurements of a worker and of a tenant: charts of any range, versions beside each other, CSV."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from telemetry import metrics
from telemetry.metrics import Span
from tenants import selectors
from tenants.errors import FieldInvalid
from tenants.selectors.tenants import as_uuid
from ui import measures, plots
from ui.page import TenantPage, WorkerPage

_COLUMNS = (
    "invocations",
    "requests",
    "errors",
    "cold",
    "cpu_us",
    "wall_us",
    "memory_max",
    "subrequests",
    "request_bytes",
    "response_bytes",
    "egress_bytes",
)
_PERCENTILES = ("p50", "p90", "p99")
VERSIONS = 50


class WorkerMetrics(WorkerPage):
    """`…/metrics`."""

    template = "ui/metrics.html"
    title = "Metrics"
    tab = "metrics"
    read_scope = "workers:read"
    api = "/api/v1/workers/{worker}/metrics"

    def context(self) -> dict[str, Any]:
        """The charts of the range and version asked for, and the versions' totals."""
        now = time.time()
        chosen, span = plots.span_of(self.request.GET.get("range", "24h"), now)
        version = _version(self.request.GET.get("version", ""))
        found = self._found(span, version)
        rows = selectors.version_list(tenant=self.tenant, worker=self.worker)[:VERSIONS]
        numbers = {str(row.pk): row.number for row in rows}
        compared = [{**each, "number": numbers.get(each["version"]), "share": _share(each)} for each in found["versions"]]
        return {
            "ranges": plots.RANGES.items(),
            "range": chosen,
            "version": version,
            "numbers": list(numbers.items()),
            "plots": measures.four(found, span=span, now=now, marks=measures.marks_of(self.tenant, self.worker, span)),
            "compared": sorted(compared, key=lambda each: -(each["number"] or 0)),
            "csv": "1",
        }

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page, or its numbers as CSV."""
        if request.GET.get("as") != "csv":
            return super().get(request, *args, **kwargs)
        chosen, span = plots.span_of(request.GET.get("range", "24h"), time.time())
        return as_csv(
            self._found(span, _version(request.GET.get("version", ""))), f"{self.worker.qualified_name.replace(':', '-')}-{chosen}"
        )

    def _found(self, span: Span, version: str) -> dict[str, Any]:
        return metrics.metrics_of_worker(tenant=self.tenant, worker=self.worker, span=span, version=version or None)


class TenantMetrics(TenantPage):
    """`/t/{tenant}/metrics`."""

    template = "ui/tenant_metrics.html"
    title = "Metrics"
    place = "metrics"
    read_scope = "telemetry:read"
    api = "/api/v1/metrics"

    def context(self) -> dict[str, Any]:
        """The charts of all workers together, and each worker's totals."""
        now = time.time()
        chosen, span = plots.span_of(self.request.GET.get("range", "24h"), now)
        found = metrics.metrics_of_tenant(tenant=self.tenant, span=span)
        rows = sorted(({**each, "share": _share(each)} for each in found["workers"]), key=lambda each: -each["invocations"])
        return {"ranges": plots.RANGES.items(), "range": chosen, "plots": measures.four(found, span=span, now=now), "rows": rows}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page, or its numbers as CSV."""
        if request.GET.get("as") != "csv":
            return super().get(request, *args, **kwargs)
        chosen, span = plots.span_of(request.GET.get("range", "24h"), time.time())
        return as_csv(metrics.metrics_of_tenant(tenant=self.tenant, span=span), f"{self.tenant.slug}-{chosen}")


def as_csv(found: dict[str, Any], name: str) -> HttpResponse:
    """The series as CSV: a line for each step in which anything happened."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", *_COLUMNS, *(f"cpu_us_{each}" for each in _PERCENTILES), *(f"wall_us_{each}" for each in _PERCENTILES)])
    for point in found["series"]:
        times = [point[f"{measure}_us_percentiles"][each] for measure in ("cpu", "wall") for each in _PERCENTILES]
        writer.writerow([point["at"], *(point[column] for column in _COLUMNS), *times])
    headers = {"Content-Disposition": f'attachment; filename="metrics-{name}.csv"', "Cache-Control": "no-store"}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _version(text: str) -> str:
    if text and as_uuid(text) is None:
        raise FieldInvalid("The version must be an id.", field="version")
    return str(as_uuid(text)) if text else ""


def _share(totals: dict[str, Any]) -> float | None:
    return totals["errors"] / totals["invocations"] if totals["invocations"] else None
