"""Tenants, and what hangs on them directly."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from tenants.errors import DomainNotFound, TenantNotFound, TokenNotFound
from tenants.models import ApiToken, Domain, Tenant, User


def tenant_by_account(*, account_id: str) -> Tenant:
    """The tenant of an account id; raises `TenantNotFound`."""
    tenant = Tenant.objects.filter(account_id=account_id).first()
    if tenant is None:
        raise TenantNotFound
    return tenant


def tenants_of_user(*, user: User) -> QuerySet[Tenant]:
    """The tenants a person belongs to, by slug."""
    return Tenant.objects.filter(memberships__user=user).order_by("slug")


def token_list(*, tenant: Tenant) -> QuerySet[ApiToken]:
    """The tenant's tokens, newest first, revoked ones included."""
    return ApiToken.objects.filter(tenant=tenant).select_related("user").order_by("-created")


def token_get(*, tenant: Tenant, token_id: uuid.UUID | str) -> ApiToken:
    """One of the tenant's tokens; raises `TokenNotFound`."""
    key = as_uuid(token_id)
    token = ApiToken.objects.filter(tenant=tenant, pk=key).select_related("user").first() if key else None
    if token is None:
        raise TokenNotFound
    return token


def domain_get(*, tenant: Tenant, domain_id: uuid.UUID | str) -> Domain:
    """One of the tenant's host names; raises `DomainNotFound`."""
    key = as_uuid(domain_id)
    domain = domain_list(tenant=tenant).filter(pk=key).first() if key else None
    if domain is None:
        raise DomainNotFound
    return domain


def domain_list(*, tenant: Tenant) -> QuerySet[Domain]:
    """The tenant's own host names (those of workers the caller may see)."""
    found = Domain.objects.filter(tenant=tenant).select_related("worker").order_by("hostname")
    return found if tenant.only_workers is None else found.filter(worker__name__in=tenant.only_workers)


def as_uuid(value: uuid.UUID | str) -> uuid.UUID | None:
    """`value` as an id; None for what is none, and so is nobody's."""
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None
