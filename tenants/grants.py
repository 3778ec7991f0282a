"""What is stored of a tenant's limits: its plan, the operator's overrides, what it has set for itself.

Owns these reads, which selectors and services both need. Must not decide which value wins: `tenants.limits` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from tenants.limits import EffectiveLimits, effective
from tenants.models import LimitOverride, Plan, Tenant, Worker

# The plan that is there before an operator has made any: a row of this name is made by the first change.
DEFAULT_PLAN = "default"


def plan_of(tenant: Tenant) -> Plan:
    """The tenant's plan: its own, else the default one."""
    plans = list(Plan.objects.filter(Q(pk=tenant.plan_id) | Q(is_default=True)))
    return next((plan for plan in plans if plan.pk == tenant.plan_id), None) or next(iter(plans), None) or plan_built_in()


def plan_built_in() -> Plan:
    """The default plan while there is no row of one: it grants what the platform has."""
    return Plan(name=DEFAULT_PLAN, is_default=True, title="Default")


def overrides_of(tenant: Tenant, worker: Worker | None = None) -> list[LimitOverride]:
    """The overrides of the tenant as a whole, and those of `worker` if given; expired ones included."""
    owner = Q(worker=None) if worker is None or worker.pk is None else Q(worker=None) | Q(worker=worker)
    return list(LimitOverride.objects.filter(owner, tenant=tenant))


def limits_under(
    tenant: Tenant,
    worker: Worker | None = None,
    *,
    worker_limits: Mapping[str, Any] | None = None,
    version_limits: Mapping[str, Any] | None = None,
) -> EffectiveLimits:
    """The limits that apply to the tenant, a worker of it, and a version that asks for `version_limits`.

    `worker_limits` stand in for what the worker's row says (an upload may bring others). Raises `BundleInvalid` naming a field of
    `version_limits` that is no limit.
    """
    return effective(
        plan=plan_of(tenant).limits,
        tenant=tenant.limits,
        worker=worker_limits if worker_limits is not None else worker.limits if worker is not None else None,
        version=version_limits,
        overrides=overrides_of(tenant, worker),
    )
