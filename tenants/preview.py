"""Whom a change of limits would break, before it is made.

Owns the comparison: what applies to each tenant and live version before and after, held against what they have and declare. Reads only.
What cannot be seen from rows (how much CPU time requests take) is not foreseen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from tenants import quotas, usage
from tenants.definitions import DEFINITIONS, QUOTA_NAMES, REQUEST_QUOTAS
from tenants.grants import plan_built_in
from tenants.limits import EffectiveLimits, Value, effective, lower
from tenants.models import Deployment, DeploymentVersion, LimitOverride, Plan, Tenant, Version, Worker

# Tenants that are looked at together.
BATCH: Final = 500
ITEMS_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Broken:
    """One limit that somebody would be past: a tenant by what it uses, or a live version by what it declares or was measured to need."""

    tenant: str
    worker: str | None
    version: str | None
    limit: str
    before: Value
    after: int
    actual: int
    why: Literal["used", "declared", "measured"]


@dataclass(slots=True)
class Preview:
    """How many a change would break, and the first of them by tenant. `looked_at` is how many tenants it concerns."""

    looked_at: int = 0
    tenants: int = 0
    workers: int = 0
    items: list[Broken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that has not been made. Each function gives, from what a tenant has now, what it would have."""

    tenants: QuerySet[Tenant]
    plan: Callable[[Tenant, Plan], Plan] = lambda _, plan: plan
    overrides: Callable[[Tenant, list[LimitOverride]], list[LimitOverride]] = lambda _, rows: rows


def of_plan(plan: Plan, changed: Plan) -> Change:
    """`plan` becomes `changed` (or, where it is new or made the default one, takes the place of the default plan)."""
    every = Tenant.objects.all()
    own = every.filter(plan__name=plan.name)
    if changed.is_default:
        return Change(own | every.filter(plan=None), plan=lambda _tenant, _plan: changed)
    return Change(own, plan=lambda _tenant, _plan: changed)


def of_tenant_plan(tenant: Tenant, plan: Plan) -> Change:
    """The tenant gets `plan`."""
    return Change(Tenant.objects.filter(pk=tenant.pk), plan=lambda _tenant, _plan: plan)


def of_override(tenant: Tenant, *, gone: LimitOverride | None, new: LimitOverride | None) -> Change:
    """An override of the tenant's goes, or comes in the place of one of the same limit and owner."""
    named = gone or new
    assert named is not None

    def overrides(_tenant: Tenant, rows: list[LimitOverride]) -> list[LimitOverride]:
        kept = [row for row in rows if (row.name, row.worker_id) != (named.name, named.worker_id)]
        return [*kept, new] if new is not None else kept

    return Change(Tenant.objects.filter(pk=tenant.pk), overrides=overrides)


def preview(change: Change, *, items: int) -> Preview:
    """Whom `change` would break; at most `items` of them are named."""
    found = Preview()
    default = Plan.objects.filter(is_default=True).first() or plan_built_in()
    broken_tenants, broken_workers = set[str](), set[tuple[str, str]]()
    rows = change.tenants.distinct().select_related("plan").order_by("slug").iterator(chunk_size=BATCH)
    for batch in _batches(rows):
        found.looked_at += len(batch)
        for one in _Batch(batch, change, default).broken():
            broken_tenants.add(one.tenant)
            if one.worker is not None:
                broken_workers.add((one.tenant, one.worker))
            if len(found.items) < items:
                found.items.append(one)
    found.tenants, found.workers = len(broken_tenants), len(broken_workers)
    return found


class _Batch:
    """Some tenants, with everything that is needed of them read at once."""

    def __init__(self, tenants: Sequence[Tenant], change: Change, default: Plan) -> None:
        self._now: datetime = timezone.now()
        self._tenants = {tenant.pk: tenant for tenant in tenants}
        self._overrides: dict[int, list[LimitOverride]] = {pk: [] for pk in self._tenants}
        for row in LimitOverride.objects.filter(tenant__in=self._tenants):
            self._overrides[row.tenant_id].append(row)
        self._change = change
        self._plans = {pk: (tenant.plan or default, change.plan(tenant, tenant.plan or default)) for pk, tenant in self._tenants.items()}

    def broken(self) -> Iterator[Broken]:
        lowered = {pk: self._lowered(*self._both(pk)) for pk in self._tenants}
        yield from self._by_usage(lowered)
        yield from self._by_versions()

    def _both(self, pk: int, worker: Worker | None = None, version: Version | None = None) -> tuple[EffectiveLimits, EffectiveLimits]:
        tenant, rows = self._tenants[pk], self._overrides[pk]
        before, after = self._plans[pk]
        said: dict[str, Any] = {
            "tenant": tenant.limits,
            "worker": worker.limits if worker is not None else None,
            "version": version.limits if version is not None else None,
            "now": self._now,
        }

        def concerning(found: Iterable[LimitOverride]) -> list[LimitOverride]:
            return [row for row in found if row.worker_id is None or (worker is not None and row.worker_id == worker.pk)]

        return (
            effective(plan=before.limits, overrides=concerning(rows), **said),
            effective(plan=after.limits, overrides=concerning(self._change.overrides(tenant, rows)), **said),
        )

    @staticmethod
    def _lowered(before: EffectiveLimits, after: EffectiveLimits) -> dict[str, tuple[Value, int]]:
        """Name -> value before and after, of what would be less."""
        return {
            name: (before.values[name], value)
            for name, value in after.values.items()
            if value is not None and lower(value, before.values[name])
        }

    def _by_usage(self, lowered: dict[int, dict[str, tuple[Value, int]]]) -> Iterator[Broken]:
        for name in QUOTA_NAMES:
            concerned = {pk: names[name] for pk, names in lowered.items() if name in names}
            if not concerned:
                continue
            used = self._requests(name, concerned) if name in REQUEST_QUOTAS else usage.counted_of_many(name, list(concerned))
            for pk, (before, after) in concerned.items():
                if (count := used.get(pk, 0)) > after:
                    yield Broken(self._tenants[pk].slug, None, None, name, before, after, count, "used")

    def _requests(self, name: str, concerned: dict[int, tuple[Value, int]]) -> dict[int, int]:
        now = time.time()
        counters = [counter for pk in concerned for counter in usage.request_counters(pk, {**_NO_REQUESTS, name: 1}, now)]
        return {counter.tenant_id: count for counter, count in zip(counters, quotas.store().used(counters, now=now), strict=True)}

    def _by_versions(self) -> Iterator[Broken]:
        newest = Deployment.objects.filter(worker=OuterRef("version__worker")).order_by("-pk").values("pk")[:1]
        live = DeploymentVersion.objects.filter(version__tenant__in=self._tenants, deployment=Subquery(newest))
        for entry in live.select_related("version__worker__namespace").defer("version__bindings", "version__modules").order_by("pk"):
            version, worker = entry.version, entry.version.worker
            for name, (before, after) in self._lowered(*self._both(version.tenant_id, worker, version)).items():
                needed = _needed(name, version, worker)
                if needed is not None and needed[0] > after:
                    slug = self._tenants[version.tenant_id].slug
                    yield Broken(slug, worker.qualified_name, str(version.pk), name, before, after, *needed)


def _needed(name: str, version: Version, worker: Worker) -> tuple[int, Literal["declared", "measured"]] | None:
    """What the version is known to want of a limit, and how that is known."""
    declared = version.limits.get(name, worker.limits.get(name))
    if name == "code_bytes":
        return version.code_bytes, "measured"
    if name == "startup_cpu_ms" and version.startup_time_ms > (declared or 0):
        return version.startup_time_ms, "measured"
    return (int(declared), "declared") if declared is not None else None


def _batches(rows: Iterator[Tenant]) -> Iterator[list[Tenant]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


_NO_REQUESTS: Final[dict[str, int | None]] = dict.fromkeys(DEFINITIONS)
