"""`hostel limits …`: what a tenant may use."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ops.cli import Outcome, table
from ops.commands.support import operator
from sandbox.limits import Limits
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import Tenant


def show(options: Namespace) -> Outcome:
    """The effective limits and their sources."""
    tenant = selectors.tenant_named(name=options.tenant)
    worker = selectors.worker_get(tenant=tenant, name=options.worker) if options.worker else None
    version = selectors.version_latest(tenant=tenant, worker=worker) if worker else None
    found = selectors.limits_effective(tenant=tenant, worker=worker, version=version)
    rows = [{"limit": name, "value": value, "source": found.sources[name]} for name, value in found.limits.as_dict().items()]
    return Outcome(rows, table(rows, ("limit", "value", "source")))


def change(options: Namespace) -> Outcome:
    """Lower some; the others stay."""
    tenant = selectors.tenant_named(name=options.tenant)
    return _changed(tenant, {**tenant.limits, **dict(_parsed(pair) for pair in options.limits)})


def clear(options: Namespace) -> Outcome:
    """Give some (or all) back."""
    tenant = selectors.tenant_named(name=options.tenant)
    for name in options.names:
        _known(name)
    return _changed(tenant, {name: value for name, value in tenant.limits.items() if options.names and name not in options.names})


def _changed(tenant: Tenant, limits: dict[str, Any]) -> Outcome:
    services.tenant_limits_set(tenant=tenant, limits=limits, actor=operator())
    rows = [{"limit": name, "value": value} for name, value in sorted(limits.items())]
    return Outcome(limits, [f"Limits of {tenant.slug} below the platform's own:", *table(rows, ("limit", "value"))])


def _parsed(pair: str) -> tuple[str, int]:
    name, _, number = pair.partition("=")
    if not number.isascii() or not number.isdecimal() or len(number) > 15 or int(number) < 1:  # noqa: PLR2004 - beyond any limit
        raise FieldInvalid(f"{pair[:60]!r} must be name=number, the number 1 or more.", field="limits")
    return _known(name), int(number)


def _known(name: str) -> str:
    names = Limits().as_dict()
    if name not in names:
        raise FieldInvalid(f"{name[:40]!r} is no limit; these are: {', '.join(names)}.", field="limits")
    return name
