"""How much a tenant has of what is counted.

Owns the counts that quotas are held against and the API shows. The ledger of what was used (requests, CPU time, egress) is telemetry's.
Must not decide whether it is too much.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from django.apps import apps
from django.db import DatabaseError
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from tenants import quotas
from tenants.definitions import DEFINITIONS, QUOTA_NAMES, REQUEST_QUOTAS, window_ends
from tenants.models import ApiToken, Deployment, Domain, Namespace, Tenant, Version, Worker

log = structlog.get_logger(__name__)
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one quota is used; None where nobody can tell now. `resets_at` is when the count begins again."""

    name: str
    used: int | None
    resets_at: datetime | None = None


def counted(name: str, tenant: Tenant, worker: Worker | None = None) -> int:
    """How many of `name` (a quota that is no request quota) there are: of the tenant, or of `worker` for those that are a worker's.

    Without a worker it is that of the worker, or the namespace, with the most.
    """
    return _COUNTS[name](tenant, worker)


def counted_of_many(name: str, tenants: Sequence[int]) -> dict[int, int]:
    """The same for tenants by their ids, with one question to the database; those that have none may be left out."""
    found: dict[int, int] = {}
    for tenant_id, count in _MANY[name](tenants):
        found[tenant_id] = max(found.get(tenant_id, 0), count or 0)
    return found


def request_counters(tenant_id: int, limits: Mapping[str, int | None], now: float) -> list[quotas.Counter]:
    """The counters of the present periods, of every request quota that has a limit."""
    found = []
    for name in REQUEST_QUOTAS:
        period, limit = DEFINITIONS[name].period, limits[name]
        if limit is not None and period is not None:
            found.append(quotas.Counter(tenant_id, name, window_ends(period, now), limit))
    return found


def usage_of(
    tenant: Tenant, limits: Mapping[str, int | None], worker: Worker | None = None, *, names: Sequence[str] = QUOTA_NAMES
) -> dict[str, Usage]:
    """The usage of quotas by name. Requests are counted only where a quota of them is in force: those are left out otherwise."""
    found = {name: Usage(name, counted(name, tenant, worker)) for name in names if name in _COUNTS}
    now = time.time()
    counters = [counter for counter in request_counters(tenant.pk, limits, now) if counter.name in names]
    used: Sequence[int | None]
    try:
        used = quotas.store().used(counters, now=now) if counters else ()
    except (quotas.StoreFailed, DatabaseError) as error:
        log.warning("request quotas cannot be read", error=str(error))
        used = [None] * len(counters)
    for counter, count in zip(counters, used, strict=True):
        found[counter.name] = Usage(counter.name, count, datetime.fromtimestamp(counter.ends, UTC))
    return found


def tokens_alive(now: datetime) -> Q:
    """Which tokens can still be used."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))


def _in_namespace(tenant: Tenant, worker: Worker | None) -> int:
    if worker is not None:
        return Worker.objects.filter(tenant=tenant, namespace=worker.namespace_id).count() if worker.namespace_id is not None else 0
    return _largest(Worker.objects.filter(tenant=tenant).exclude(namespace=None).values("namespace"))


def _versions(tenant: Tenant, worker: Worker | None) -> int:
    if worker is not None:
        return Version.objects.filter(tenant=tenant, worker=worker).count() if worker.pk is not None else 0
    return _largest(Version.objects.filter(tenant=tenant).values("worker"))


def _largest(groups: QuerySet[Any, Any]) -> int:
    return groups.annotate(found=Count("pk")).order_by("-found").values_list("found", flat=True).first() or 0


def _rows(label: str) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = apps.get_model(label)._default_manager.all()  # noqa: SLF001 - Django's public name for it
    return rows


def _grouped(rows: QuerySet[Any, Any], *more: str) -> Iterable[tuple[int, int]]:
    found: Iterable[tuple[int, int]] = rows.values("tenant", *more).annotate(found=Count("pk")).values_list("tenant", "found").order_by()
    return found


_COUNTS: Final[Mapping[str, Callable[[Tenant, Worker | None], int]]] = {
    "workers": lambda tenant, _: Worker.objects.filter(tenant=tenant, namespace=None).count(),
    "workers_per_namespace": _in_namespace,
    "namespaces": lambda tenant, _: Namespace.objects.filter(tenant=tenant).count(),
    "versions_per_worker": _versions,
    "stored_bytes": lambda tenant, _: Version.objects.filter(tenant=tenant).aggregate(found=Sum("code_bytes"))["found"] or 0,
    "domains": lambda tenant, _: Domain.objects.filter(tenant=tenant).count(),
    # Rows of an app above this one, by what Django calls them.
    "flags": lambda tenant, _: _rows("flags.Flag").filter(tenant=tenant).count(),
    "flag_segments": lambda tenant, _: _rows("flags.FlagSegment").filter(tenant=tenant).count(),
    "tokens": lambda tenant, _: ApiToken.objects.filter(tokens_alive(timezone.now()), tenant=tenant).count(),
    "deployments_per_hour": lambda tenant, _: Deployment.objects.filter(tenant=tenant, created__gt=timezone.now() - HOUR).count(),
}
# Tenant's id and count; several of one tenant where the largest counts.
_MANY: Final[Mapping[str, Callable[[Sequence[int]], Iterable[tuple[int, int]]]]] = {
    "workers": lambda ids: _grouped(Worker.objects.filter(tenant__in=ids, namespace=None)),
    "workers_per_namespace": lambda ids: _grouped(Worker.objects.filter(tenant__in=ids).exclude(namespace=None), "namespace"),
    "namespaces": lambda ids: _grouped(Namespace.objects.filter(tenant__in=ids)),
    "versions_per_worker": lambda ids: _grouped(Version.objects.filter(tenant__in=ids), "worker"),
    "stored_bytes": lambda ids: (
        Version.objects.filter(tenant__in=ids).values("tenant").annotate(found=Sum("code_bytes")).values_list("tenant", "found").order_by()
    ),
    "domains": lambda ids: _grouped(Domain.objects.filter(tenant__in=ids)),
    "flags": lambda ids: _grouped(_rows("flags.Flag").filter(tenant__in=ids)),
    "flag_segments": lambda ids: _grouped(_rows("flags.FlagSegment").filter(tenant__in=ids)),
    "tokens": lambda ids: _grouped(ApiToken.objects.filter(tokens_alive(timezone.now()), tenant__in=ids)),
    "deployments_per_hour": lambda ids: _grouped(Deployment.objects.filter(tenant__in=ids, created__gt=timezone.now() - HOUR)),
}
