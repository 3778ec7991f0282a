"""Limits explained: what applies, who said so, what is used, and the plans and overrides behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from tenants import grants, usage
from tenants.definitions import DEFINITIONS, LIMIT_NAMES, Definition
from tenants.errors import PlanNotFound
from tenants.limits import EffectiveLimits, Said, Value
from tenants.models import LimitOverride, Plan, Tenant, Version, Worker


@dataclass(frozen=True, slots=True)
class Explained:
    """One limit that applies: its value, whose word that is, what every level says, and how much is used where that is counted."""

    definition: Definition
    value: Value
    decided: Said
    said: Sequence[Said]
    plan: str
    used: int | None = None
    resets_at: datetime | None = None


def limits_effective(*, tenant: Tenant, worker: Worker | None = None, version: Version | None = None) -> EffectiveLimits:
    """The limits that apply, each with the level that set it."""
    return grants.limits_under(tenant, worker, version_limits=version.limits if version is not None else None)


def limits_explained(*, tenant: Tenant, worker: Worker | None = None, version: Version | None = None) -> list[Explained]:
    """Everything that can be limited: of a worker, its limits and its count of versions; of the tenant, all quotas as well."""
    found = limits_effective(tenant=tenant, worker=worker, version=version)
    names = (*LIMIT_NAMES, "versions_per_worker") if worker is not None else tuple(DEFINITIONS)
    used = usage.usage_of(tenant, found.values, worker, names=names)
    plan = grants.plan_of(tenant).name
    return [_explained(name, found, used.get(name), plan) for name in names]


def usage_counts(*, tenant: Tenant) -> list[Explained]:
    """What is counted of the tenant now, each with its limit. Requests are there where a quota of them is in force."""
    found = limits_effective(tenant=tenant)
    plan = grants.plan_of(tenant).name
    return [_explained(name, found, used, plan) for name, used in usage.usage_of(tenant, found.values).items()]


def plan_of(*, tenant: Tenant) -> Plan:
    """The tenant's plan: its own, else the default one."""
    return grants.plan_of(tenant)


def plan_default() -> Plan:
    """The plan of tenants that have none of their own."""
    return Plan.objects.filter(is_default=True).first() or grants.plan_built_in()


def plan_list() -> list[Plan]:
    """Every plan by name, each with `tenant_count`, those who have it as their own; the built-in one too while there is no default."""
    rows = list(_plans())
    if not any(plan.is_default for plan in rows):
        rows.insert(0, _built_in())
    return rows


def plan_get(*, name: str) -> Plan:
    """One plan, with `tenant_count`; raises `PlanNotFound`."""
    plan = _plans().filter(name=name.replace("\0", "")).first()
    if plan is None and name == grants.DEFAULT_PLAN and not Plan.objects.filter(is_default=True).exists():
        plan = _built_in()
    if plan is None:
        raise PlanNotFound
    return plan


def override_list(*, tenant: Tenant) -> QuerySet[LimitOverride]:
    """The overrides of the tenant and its workers, expired ones included."""
    rows = LimitOverride.objects.filter(tenant=tenant)
    return rows.select_related("worker__namespace").order_by("worker__name", "name", "pk")


def _plans() -> QuerySet[Plan]:
    return Plan.objects.annotate(tenant_count=Count("tenants")).order_by("name")


def _built_in() -> Plan:
    plan = grants.plan_built_in()
    plan.tenant_count = 0  # type: ignore[attr-defined]  # as the annotation above
    return plan


def _explained(name: str, found: EffectiveLimits, used: usage.Usage | None, plan: str) -> Explained:
    count, resets_at = (used.used, used.resets_at) if used is not None else (None, None)
    return Explained(DEFINITIONS[name], found.values[name], found.decided[name], found.said[name], plan, count, resets_at)
