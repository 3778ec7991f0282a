"""`hostel limits …` and `hostel plan …`: what a tenant may use."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from django.db.models import F

from ops.cli import Outcome, table
from ops.commands.support import later, moment, operator
from tenants import selectors, services
from tenants.definitions import DEFINITIONS
from tenants.errors import FieldInvalid
from tenants.models import LimitOverride, Plan, Tenant

_OVERRIDE_COLUMNS = ("limit", "value", "worker", "reason", "until")


def show(options: Namespace) -> Outcome:
    """The effective limits, the level that decided each, and the operator's overrides."""
    tenant = selectors.tenant_named(name=options.tenant)
    worker = selectors.worker_get(tenant=tenant, name=options.worker) if options.worker else None
    version = selectors.version_latest(tenant=tenant, worker=worker) if worker else None
    found = selectors.limits_effective(tenant=tenant, worker=worker, version=version)
    rows = [{"limit": name, "value": value, "source": found.decided[name].level} for name, value in found.values.items()]
    overrides = _overrides(tenant)
    data = {"plan": selectors.plan_of(tenant=tenant).name, "limits": rows, "overrides": overrides}
    lines = [f"Plan: {data['plan']}", *table(rows, ("limit", "value", "source"))]
    return Outcome(data, [*lines, "", "Overrides:", *table(overrides, _OVERRIDE_COLUMNS)] if overrides else lines)


def change(options: Namespace) -> Outcome:
    """Override limits of a tenant, or of one of its workers."""
    tenant = selectors.tenant_named(name=options.tenant)
    until = later(options.expires, field="--expires")
    # All of them are understood before the first is changed.
    for name, value in [_parsed(pair) for pair in options.limits]:
        services.override_set(
            tenant=tenant, name=name, value=value, reason=options.reason, worker_name=options.worker, expires_at=until, actor=operator()
        )
    return _changed(tenant)


def clear(options: Namespace) -> Outcome:
    """Take overrides back."""
    tenant = selectors.tenant_named(name=options.tenant)
    for name in [_known(name) for name in options.names]:
        services.override_clear(tenant=tenant, name=name, worker_name=options.worker, actor=operator())
    return _changed(tenant)


def plans(_options: Namespace) -> Outcome:
    """Every plan."""
    rows: list[dict[str, Any]] = [
        {"plan": plan.name, "title": plan.title, "default": plan.is_default, "tenants": plan.tenants.count(), "limits": plan.limits}
        for plan in Plan.objects.order_by("name")
    ]
    shown = [{**row, "limits": [f"{name}={value}" for name, value in row["limits"].items()]} for row in rows]
    return Outcome(rows, table(shown, ("plan", "title", "default", "tenants", "limits")))


def plan_of_tenant(options: Namespace) -> Outcome:
    """Put a tenant on a plan, or back on whichever is the default one."""
    if bool(options.plan) == options.default:
        raise FieldInvalid("Name the plan, or say --default.", field="plan")
    tenant = selectors.tenant_named(name=options.tenant)
    services.tenant_plan_set(tenant=tenant, plan_name=options.plan, actor=operator())
    tenant.refresh_from_db()
    name = selectors.plan_of(tenant=tenant).name
    return Outcome({"tenant": tenant.slug, "plan": name}, [f"{tenant.slug} is on the plan {name}."])


def _changed(tenant: Tenant) -> Outcome:
    rows = _overrides(tenant)
    return Outcome(rows, [f"Overrides of {tenant.slug}:", *table(rows, _OVERRIDE_COLUMNS)])


def _overrides(tenant: Tenant) -> list[dict[str, Any]]:
    rows = LimitOverride.objects.filter(tenant=tenant).select_related("worker").order_by("name", F("worker__name").asc(nulls_first=True))
    return [
        {
            "limit": row.name,
            "value": row.value,
            "worker": row.worker.name if row.worker else None,
            "reason": row.reason,
            "until": moment(row.expires_at),
        }
        for row in rows
    ]


def _parsed(pair: str) -> tuple[str, int]:
    name, _, number = pair.partition("=")
    if not number.isascii() or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - what a column holds
        raise FieldInvalid(f"{pair[:60]!r} must be name=number.", field="limits")
    return _known(name), int(number)


def _known(name: str) -> str:
    if name not in DEFINITIONS:
        raise FieldInvalid(f"{name[:40]!r} is no limit; these are: {', '.join(DEFINITIONS)}.", field="limits")
    return name
