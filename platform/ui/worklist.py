"""The list of workers as one reads it in the morning: what is wrong comes first.

Owns the joining of workers, live deployments, the last hour's roll-ups and the order. Five queries, however many workers there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.recent import Recent, recent_by_worker
from tenants import selectors
from tenants.models import Deployment, Tenant, Worker

ERRORS_BAD = 0.05
ERRORS_WARN = 0.01
CPU_WARN = 0.8
# Workers looked at for one list; more are found by searching.
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """A worker in the list. `state` is the kind of dot, `word` what it says, `split` the live versions with their weights."""

    worker: Worker
    state: str
    word: str
    split: Sequence[tuple[str, int]]
    deployment: Deployment | None
    recent: Recent
    cpu_limit_us: float | None


_ORDER = {"bad": 0, "warn": 1, "ok": 2, "info": 3, "idle": 4}


def rows(*, tenant: Tenant, query: str, now: float) -> list[Row]:
    """The tenant's workers whose name holds `query`, those that need attention first, then by requests, then by name."""
    found = selectors.worker_list(tenant=tenant)
    if query:
        found = found.filter(name__contains=query.lower())
    workers = list(found[:MOST])
    live = selectors.deployments_live(tenant=tenant, workers=workers) if workers else {}
    recent = recent_by_worker(tenant=tenant, worker_ids=[worker.pk for worker in workers], now=now) if workers else {}
    limit = float(selectors.limits_effective(tenant=tenant).values["cpu_ms"] or 0) * 1_000 if workers else 0
    made = [_row(worker, live.get(worker.pk), recent.get(worker.pk, Recent()), limit or None) for worker in workers]
    return sorted(made, key=lambda row: (_ORDER[row.state], -row.recent.requests, row.worker.name))


def _row(worker: Worker, deployment: Deployment | None, recent: Recent, cpu_limit_us: float | None) -> Row:
    entries = [(f"v{entry.version.number}", entry.weight) for entry in deployment.entries.all()] if deployment else []
    state, word = _state(worker, deployment, recent, cpu_limit_us)
    return Row(worker, state, word, entries, deployment, recent, cpu_limit_us)


def _state(worker: Worker, deployment: Deployment | None, recent: Recent, cpu_limit_us: float | None) -> tuple[str, str]:
    if deployment is None:
        return ("idle", "Not deployed") if worker.last_version_number else ("idle", "Empty")
    share = recent.error_share
    if share is not None and share >= ERRORS_BAD:
        return "bad", "Failing"
    if share is not None and share >= ERRORS_WARN:
        return "warn", "Errors"
    if cpu_limit_us and recent.cpu_p99_us is not None and recent.cpu_p99_us >= cpu_limit_us * CPU_WARN:
        return "warn", "Near its CPU limit"
    return ("ok", "Healthy") if recent.invocations else ("info", "Quiet")
