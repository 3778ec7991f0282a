"""`hostel tenant …`: tenants, by the hand of whoever may log in to the machine."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ops.cli import Outcome, facts, table
from ops.commands.support import moment, operator
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import Tenant, User


def create(options: Namespace) -> Outcome:
    """Make a tenant, owned by a person where one is named."""
    owner = None
    if options.owner:
        owner = User.objects.filter(email=options.owner.strip().lower()).first()
        if owner is None:
            raise FieldInvalid(f"There is no user {options.owner[:80]!r}: make one with `hostel user create`.", field="--owner")
    tenant = services.tenant_create(slug=options.slug, name=options.name, account_id=options.account_id, owner=owner, actor=operator())
    data = described(tenant)
    return Outcome(data, [f"Made the tenant {tenant.slug}.", *facts(data)])


def show_all(_options: Namespace) -> Outcome:
    """Every tenant."""
    rows = [described(tenant) for tenant in selectors.tenant_list()]
    return Outcome(rows, table(rows, ("slug", "name", "account_id", "suspended", "created")))


def show(options: Namespace) -> Outcome:
    """One tenant, and how much it has."""
    tenant = selectors.tenant_named(name=options.tenant)
    data = {**described(tenant), **selectors.tenant_counts(tenant=tenant), "limits": dict(tenant.limits)}
    return Outcome(data, facts(data))


def suspend(options: Namespace) -> Outcome:
    """Stop its workers, with a reason."""
    tenant = selectors.tenant_named(name=options.tenant)
    services.tenant_suspend(tenant=tenant, reason=options.reason, actor=operator())
    tenant.refresh_from_db()
    return Outcome(described(tenant), [f"Suspended {tenant.slug}: {tenant.suspended_reason}"])


def resume(options: Namespace) -> Outcome:
    """Serve it again."""
    tenant = selectors.tenant_named(name=options.tenant)
    services.tenant_resume(tenant=tenant, actor=operator())
    tenant.refresh_from_db()
    return Outcome(described(tenant), [f"Resumed {tenant.slug}."])


def described(tenant: Tenant) -> dict[str, Any]:
    """A tenant as the command line shows it."""
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "account_id": tenant.account_id,
        "suspended": moment(tenant.suspended_at),
        "reason": tenant.suspended_reason or None,
        "created": moment(tenant.created),
    }
