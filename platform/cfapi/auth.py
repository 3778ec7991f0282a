"""Who is asking: the bearer token of a request, and the account it must belong to.

Owns the header's syntax; both APIs use it. Must not know what a token may do where (routes name their scope).
"""

from __future__ import annotations

import secrets

from django.http import HttpRequest

from cfapi.errors import AccountForbidden, CredentialsMissing, Throttled
from tenants import services
from tenants.models import ApiToken, Tenant

_SCHEME = "bearer"


def authenticate(request: HttpRequest) -> ApiToken:
    """The token of `Authorization: Bearer …`. Raises CredentialsMissing (none, or another scheme) or TokenInvalid."""
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != _SCHEME or not secret.strip():
        raise CredentialsMissing
    return services.token_authenticate(secret=secret.strip())


def account_tenant(token: ApiToken, account: str) -> Tenant:
    """The token's tenant, whose account `account` must be. Raises AccountForbidden, also for an account that does not exist."""
    tenant = token.tenant
    if tenant is None or not secrets.compare_digest(tenant.account_id.encode(), account.lower().encode()):
        raise AccountForbidden
    return tenant


def throttle(token: ApiToken, *, limit: int, period_seconds: int) -> None:
    """Count a call of this token. Raises Throttled, with `retry_after` in seconds, past `limit` calls in a period."""
    state = services.throttle(key=f"token:{token.pk}", limit=limit, period_seconds=period_seconds)
    if not state.allowed:
        raise Throttled(f"The token may make {limit} calls in {period_seconds} seconds.", limit=limit, retry_after=max(1, state.resets_in))
