"""A worker's overview: what is live, how it does, what goes wrong, what was changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from telemetry import metrics, search
from telemetry.search import Wanted
from tenants import selectors
from tenants.selectors.tenants import as_uuid
from ui import measures, plots
from ui.page import WorkerPage

RECENT = 6
# Failures looked at for the groups.
FAILURES = 100
_DAY_MS = 86_400_000
GROUPS = 8
# A limit is near when so much of it is used.
NEAR = 0.8


@dataclass(slots=True)
class ErrorGroup:
    """Failures that are alike: what they are, how many, where and when (milliseconds since 1970)."""

    name: str
    message: str
    count: int = 0
    first_ms: float = 0
    last_ms: float = 0
    versions: set[str] = field(default_factory=set)
    request_id: str = ""

    @property
    def first(self) -> float:
        """Seconds since 1970."""
        return self.first_ms / 1000

    @property
    def last(self) -> float:
        """Seconds since 1970."""
        return self.last_ms / 1000


class Overview(WorkerPage):
    """`/t/{tenant}/workers/{worker}/`."""

    template = "ui/worker.html"
    tab = "overview"
    api = "/api/v1/workers/{worker}/metrics"

    def context(self) -> dict[str, Any]:
        """Live versions, four charts, groups of errors, deployments."""
        now = time.time()
        chosen, span = plots.span_of(self.request.GET.get("range", ""), now)
        found = metrics.metrics_of_worker(tenant=self.tenant, worker=self.worker, span=span)
        deployments = list(selectors.deployment_list(tenant=self.tenant, worker=self.worker)[:RECENT])
        groups, complete = self._groups(now) if self.access and self.access.allows("telemetry:read") else ([], True)
        return {
            "live": deployments[0] if deployments else None,
            "split_entries": [(f"v{entry.version.number}", entry.weight) for entry in deployments[0].entries.all()] if deployments else [],
            "deployments": deployments,
            "address": address_of(self.tenant.slug, self.worker.name) if not self.worker.namespace else "",
            "answers": self.worker.subdomain_enabled and not self.worker.namespace,
            "ranges": plots.RANGES.items(),
            "range": chosen,
            "plots": measures.four(found, span=span, now=now, marks=measures.marks_of(self.tenant, self.worker, span)),
            "totals": found["totals"],
            "waiting": bool(deployments) and not found["totals"]["invocations"] and not seen(self),
            "groups": groups,
            "groups_complete": complete,
        }

    def _groups(self, now: float) -> tuple[Sequence[ErrorGroup], bool]:
        """The newest failures of the last day by what they say."""
        wanted = Wanted(failed=True, since_ms=now * 1000 - _DAY_MS)
        found = search.search(tenant=self.tenant, worker_id=self.worker.pk, wanted=wanted, cursor=None, limit=FAILURES)
        numbers: dict[str, str] = {}
        groups: dict[tuple[str, str], ErrorGroup] = {}
        for _, version, record in found.records:
            thrown = record.exceptions[0] if record.exceptions else None
            name, message = (thrown.name, thrown.message) if thrown else (str(record.outcome), record.error)
            group = groups.setdefault((name, message), ErrorGroup(name, message, first_ms=record.started_ms, request_id=record.request_id))
            group.count += 1
            group.first_ms, group.last_ms = min(group.first_ms, record.started_ms), max(group.last_ms, record.started_ms)
            numbers.setdefault(version, "")
            group.versions.add(version)
        rows = (
            selectors.version_list(tenant=self.tenant, worker=self.worker).filter(pk__in=[each for each in numbers if as_uuid(each)])
            if numbers
            else ()
        )
        numbers |= {str(row.pk): f"v{row.number}" for row in rows}
        for group in groups.values():
            group.versions = {numbers[version] or "?" for version in group.versions}
        ordered = sorted(groups.values(), key=lambda group: -group.count)
        return ordered[:GROUPS], found.cursor is None


class Arrived(WorkerPage):
    """`…/arrived`: the fragment that waits for a new worker's first request."""

    template = "ui/parts/arrived.html"
    tab = "overview"

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The fragment alone."""
        context = {"arrived": seen(self), "tenant": self.tenant, "worker": self.worker, **more}
        context["address"] = address_of(self.tenant.slug, self.worker.name)
        return render(self.request, self.template, context, status=status)


def seen(page: WorkerPage) -> bool:
    """Whether any request to the worker is known."""
    return metrics.any_of_worker(tenant=page.tenant, worker=page.worker)


def address_of(tenant: str, worker: str) -> str:
    """Where a worker answers."""
    config = settings.HOSTEL
    found: str = config.origin(f"{worker}.{tenant}.{config.base_domain}")
    return found
