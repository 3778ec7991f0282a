"""Host names of a tenant's own."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from tenants import epoch
from tenants.actor import Actor
from tenants.errors import DomainNotFound, NameTaken
from tenants.models import Domain, Tenant
from tenants.names import check_hostname
from tenants.services.quotas import quota_require
from tenants.services.support import audit, public_worker_of, tenant_lock


@transaction.atomic
def domain_add(*, tenant: Tenant, worker_name: str, hostname: str, actor: Actor) -> Domain:
    """Lead `hostname` to the worker (from another worker of the same tenant too).

    Raises `HostnameInvalid`, `WorkerNotFound`, `QuotaExceeded`, or `NameTaken` where another tenant has it.
    """
    hostname = check_hostname(hostname, reserved=settings.HOSTEL.hosts)
    tenant = tenant_lock(tenant)
    worker = public_worker_of(tenant, worker_name)
    domain = Domain.objects.filter(hostname=hostname).first()
    if domain is None:
        quota_require(tenant=tenant, domains=1)
        domain = Domain(hostname=hostname, tenant=tenant)
    elif domain.tenant_id != tenant.pk:
        raise NameTaken("The host name belongs to another tenant.", field="hostname")
    elif not tenant.shows(domain.worker.name):
        raise NameTaken("The host name belongs to a worker that this token is not for.", field="hostname")
    before = None if domain._state.adding else domain.worker.name  # noqa: SLF001 - Django documents it
    domain.worker = worker
    domain.save()
    audit(tenant=tenant, actor=actor, action="domain_add", target=hostname, before=before, after=worker_name)
    epoch.bump(reason=f"domain {hostname}")
    return domain


@transaction.atomic
def domain_remove(*, tenant: Tenant, hostname: str, actor: Actor) -> None:
    """Give a host name up; raises `DomainNotFound`."""
    tenant = tenant_lock(tenant)
    domain = Domain.objects.select_related("worker").filter(tenant=tenant, hostname=check_hostname(hostname, reserved=())).first()
    if domain is None or not tenant.shows(domain.worker.name):
        raise DomainNotFound
    domain.delete()
    audit(tenant=tenant, actor=actor, action="domain_remove", target=hostname, before=domain.worker.name)
    epoch.bump(reason=f"domain {hostname}")
