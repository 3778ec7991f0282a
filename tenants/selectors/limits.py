"""Limits: what applies, and the plans."""

from __future__ import annotations

from tenants import grants
from tenants.limits import EffectiveLimits
from tenants.models import Plan, Tenant, Version, Worker


def limits_effective(*, tenant: Tenant, worker: Worker | None = None, version: Version | None = None) -> EffectiveLimits:
    """The limits that apply, each with the level that set it."""
    return grants.limits_under(tenant, worker, version_limits=version.limits if version is not None else None)


def plan_of(*, tenant: Tenant) -> Plan:
    """The tenant's plan: its own, else the default one."""
    return grants.plan_of(tenant)
