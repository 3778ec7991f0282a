"""Who is asking: the token of a request, the account it must belong to, and how often it may ask.

Owns the headers' syntax; both APIs use it. Must not know what a token may do where (routes name their scope).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest

from cfapi.errors import AccountForbidden, CredentialsMissing, Throttled
from cfapi.rates import Rate, note_rate
from tenants import services
from tenants.access import Access
from tenants.bindings import SECRET_TYPES
from tenants.models import ApiToken, Tenant
from tenants.roles import Scope

KEY_HEADER = "X-API-Key"
_SCHEME = "bearer"


def has_token(request: HttpRequest) -> bool:
    """Whether the request brings what should be a token, good or bad."""
    return "Authorization" in request.headers or KEY_HEADER in request.headers


def authenticate(request: HttpRequest) -> ApiToken:
    """The token of `Authorization: Bearer …` or, without that header, of `X-API-Key: …`.

    Raises CredentialsMissing (neither, or another scheme) or TokenInvalid.
    """
    if "Authorization" in request.headers:
        scheme, _, secret = request.headers["Authorization"].strip().partition(" ")
        if scheme.lower() != _SCHEME:
            raise CredentialsMissing
    else:
        secret = request.headers.get(KEY_HEADER, "")
    if not secret.strip():
        raise CredentialsMissing
    return services.token_authenticate(secret=secret.strip())


def account_tenant(token: ApiToken, account: str) -> Tenant:
    """The token's tenant, whose account `account` must be. Raises AccountForbidden, also for an account that does not exist."""
    tenant = token.tenant
    if tenant is None or not secrets.compare_digest(tenant.account_id.encode(), account.lower().encode()):
        raise AccountForbidden
    return tenant


def throttle(request: HttpRequest, who: ApiToken | str, *, limit: int, period_seconds: int) -> None:
    """Count a call of this token (or of whom the text names). Raises Throttled, with `retry_after` in seconds, past `limit` in a period.

    Either way the reply's headers will say what is left.
    """
    key = f"token:{who.pk}" if isinstance(who, ApiToken) else who
    state = services.throttle(key=key, limit=limit, period_seconds=period_seconds)
    note_rate(
        request, Rate("calls", limit=limit, remaining=max(0, limit - state.count), period_seconds=period_seconds, resets_in=state.resets_in)
    )
    if not state.allowed:
        whose = "The token" if isinstance(who, ApiToken) else "You"
        raise Throttled(f"{whose} may make {limit} calls in {period_seconds} seconds.", limit=limit, retry_after=max(1, state.resets_in))


def require_secrets(access: Access, bindings: Iterable[Mapping[str, Any]]) -> None:
    """Raise TokenScopeMissing where the bindings of an upload bring secrets and the caller may not set any."""
    if any(binding.get("type") in SECRET_TYPES for binding in bindings):
        access.require(Scope.SECRETS_WRITE)
