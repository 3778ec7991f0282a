"""Who looks at a page, and with which rights: the same tables as the APIs', for a browser's session.

Owns the way from a request to `tenants.access.Access`, and the hook for operators who look at a tenant as its members do. Must not decide
what a role may do: `tenants.roles` does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest

from tenants import selectors
from tenants.access import Access
from tenants.errors import TenantNotFound, TokenScopeMissing
from tenants.models import User
from tenants.roles import Role, Scope, role_scopes

# In the session of an operator: {"tenant": slug, "until": seconds since 1970, "reason": text}. The operator console writes and audits it.
IMPERSONATION = "hostel_impersonation"


@dataclass(frozen=True, slots=True)
class Impersonation:
    """An operator looks at a tenant, read-only, until a moment (seconds since 1970)."""

    tenant: str
    until: float
    reason: str


def person(request: HttpRequest) -> User | None:
    """Whoever is logged in."""
    user = cast("Any", request).user
    return cast("User", user) if user.is_authenticated and user.is_active else None


def impersonation(request: HttpRequest) -> Impersonation | None:
    """The look at a tenant that is under way in this session; None where there is none, or it has run out, or its person is no operator."""
    found = request.session.get(IMPERSONATION)
    user = person(request)
    if not isinstance(found, dict) or user is None or not user.is_staff:
        return None
    looking = Impersonation(str(found.get("tenant", "")), float(found.get("until", 0)), str(found.get("reason", "")))
    return looking if looking.until > time.time() else None


def in_tenant(request: HttpRequest, user: User, slug: str) -> Access:
    """The person's access in the tenant of that name; a viewer's, for an operator who looks at it. Raises `TenantNotFound`."""
    try:
        return Access.of_member(selectors.membership_of(user=user, slug=slug))
    except TenantNotFound:
        looking = impersonation(request)
        if looking is None or looking.tenant != slug:
            raise
        scopes = role_scopes(Role.VIEWER) | {Scope.AUDIT_READ, Scope.BILLING_READ}
        return Access(tenant=selectors.tenant_named(name=slug), scopes=scopes, user=user)


def as_operator(user: User) -> Access:
    """The person's access to the platform. Raises `TokenScopeMissing` unless they are an operator."""
    access = Access.of_person(user)
    if not access.allows(Scope.OPERATOR):
        raise TokenScopeMissing("Operators only.", scope=Scope.OPERATOR.value)
    return access
