"""What every service does: lock the tenant, find the worker, record the event (`audit`, from its own module).

Owns these steps only.
"""

from __future__ import annotations

from tenants.errors import ChangedMeanwhile, NamespaceNotFound, TenantNotFound, TenantSuspended, WorkerNotFound
from tenants.models import Namespace, Tenant, Version, Worker
from tenants.names import is_worker_name, split_name
from tenants.services.audit import audit

__all__ = [
    "AUTHOR_CHARACTERS",
    "SOURCE_CHARACTERS",
    "audit",
    "check_revision",
    "namespace_holding",
    "namespace_of",
    "newest",
    "public_worker_of",
    "require_active",
    "tenant_lock",
    "worker_find",
    "worker_of",
]

# As long as the columns are; longer texts are refused where they are typed in, and cut where a program made them.
AUTHOR_CHARACTERS = 254
SOURCE_CHARACTERS = 32


def tenant_lock(tenant: Tenant) -> Tenant:
    """The tenant's row, locked until the transaction ends: writers of one tenant come one after the other.

    Raises `TenantSuspended`, or `TenantNotFound` for a tenant that has gone meanwhile. (SQLite has one writer anyway.)
    """
    # No key: two transactions that have each added a row of the tenant's could otherwise wait for each other here.
    locked = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).first()
    if locked is None:
        raise TenantNotFound
    require_active(locked)
    locked.only_workers = tenant.only_workers
    return locked


def namespace_of(tenant: Tenant, name: str) -> Namespace:
    """The tenant's namespace of that name.

    Raises `NamespaceNotFound`, also for what can be nobody's name, and whenever the caller may see some workers only: a namespace is all of
    the workers in it.
    """
    if tenant.only_workers is not None:
        raise NamespaceNotFound
    return namespace_holding(tenant, name)


def namespace_holding(tenant: Tenant, name: str) -> Namespace:
    """The same for the sake of one worker in it, which the caller may see."""
    namespace = Namespace.objects.filter(tenant=tenant, name=name).first() if is_worker_name(name) else None
    if namespace is None:
        raise NamespaceNotFound
    return namespace


def worker_find(tenant: Tenant, name: str) -> Worker | None:
    """The tenant's worker of that name, `namespace:name` for one in a namespace.

    None also for what can be nobody's name, and for one the caller may not see.
    """
    place = split_name(name)
    if place is None or not tenant.shows(name):
        return None
    namespace, own = place
    where = {"namespace__name": namespace} if namespace else {"namespace": None}
    return Worker.objects.select_related("namespace").filter(tenant=tenant, name=own, **where).first()


def worker_of(tenant: Tenant, name: str) -> Worker:
    """The same; raises `WorkerNotFound`."""
    worker = worker_find(tenant, name)
    if worker is None:
        raise WorkerNotFound
    return worker


def public_worker_of(tenant: Tenant, name: str) -> Worker:
    """The tenant's worker of that name that hosts may lead to: none in a namespace. Raises `WorkerNotFound`."""
    if not is_worker_name(name):
        raise WorkerNotFound
    return worker_of(tenant, name)


def require_active(tenant: Tenant) -> None:
    """Raise `TenantSuspended` where the tenant is."""
    if tenant.suspended_at is not None:
        raise TenantSuspended(f"This tenant is suspended: {tenant.suspended_reason or 'no reason was given'}.")


def check_revision(found: int, expected: int | None) -> None:
    """Raise `ChangedMeanwhile` unless the row is what the caller has looked at; None is for callers who do not mind."""
    if expected is not None and found != expected:
        raise ChangedMeanwhile(revision=found)


def newest(worker: Worker | None) -> Version | None:
    """The worker's newest version."""
    return Version.objects.filter(worker=worker).order_by("-number").first() if worker is not None else None
