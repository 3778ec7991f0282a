"""What every service does: lock the tenant, find the worker, record the event.

Owns these steps only.
"""

from __future__ import annotations

from typing import Any

from tenants.actor import Actor
from tenants.errors import TenantNotFound, TenantSuspended, WorkerNotFound
from tenants.models import AuditEvent, Tenant, Worker
from tenants.names import is_worker_name

# As long as the columns are; longer texts are refused where they are typed in, and cut where a program made them.
AUTHOR_CHARACTERS = 254
SOURCE_CHARACTERS = 32


def tenant_lock(tenant: Tenant) -> Tenant:
    """The tenant's row, locked until the transaction ends: writers of one tenant come one after the other.

    Raises `TenantSuspended`, or `TenantNotFound` for a tenant that has gone meanwhile. (SQLite has one writer anyway.)
    """
    locked = Tenant.objects.select_for_update().filter(pk=tenant.pk).first()
    if locked is None:
        raise TenantNotFound
    require_active(locked)
    locked.only_workers = tenant.only_workers
    return locked


def worker_find(tenant: Tenant, name: str) -> Worker | None:
    """The tenant's worker of that name; None also for what can be nobody's name, and for one the caller may not see."""
    return Worker.objects.filter(tenant=tenant, name=name).first() if is_worker_name(name) and tenant.shows(name) else None


def worker_of(tenant: Tenant, name: str) -> Worker:
    """The same; raises `WorkerNotFound`."""
    worker = worker_find(tenant, name)
    if worker is None:
        raise WorkerNotFound
    return worker


def require_active(tenant: Tenant) -> None:
    """Raise `TenantSuspended` where the tenant is."""
    if tenant.suspended_at is not None:
        raise TenantSuspended(f"This tenant is suspended: {tenant.suspended_reason or 'no reason was given'}.")


def audit(*, tenant: Tenant | None, actor: Actor, action: str, target: str = "", **data: Any) -> None:
    """Add an audit event to the current transaction. `data` says what changed, and never holds a secret."""
    AuditEvent.objects.create(
        tenant=tenant, actor=str(actor)[:80], actor_email=actor.email[:AUTHOR_CHARACTERS], action=action, target=target[:200], data=data
    )
