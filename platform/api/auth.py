"""Who calls the native API: a bearer token, or (for operators' pages only) a logged-in member of staff.

Owns the bridge from Django REST framework to `cfapi.auth`; a token's rights are its scopes, checked here before any view runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cfapi.auth import authenticate, throttle
from cfapi.errors import AccountForbidden, CredentialsMissing
from tenants.actor import Actor
from tenants.errors import TokenScopeMissing
from tenants.models import ApiToken, Tenant

if TYPE_CHECKING:
    # At run time the views import this module: the settings name its classes.
    from rest_framework.views import APIView

MINUTE = 60
OPERATOR = "operator"


class Caller:
    """What the framework calls the user: whoever holds the token."""

    is_authenticated = True

    def __init__(self, token: ApiToken) -> None:
        """Stand for `token`."""
        self.token = token
        self.pk = token.pk


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiToken] | None:
        """The caller; None when there is no Authorization header. Raises TokenInvalid, Throttled."""
        if "Authorization" not in request.headers:
            return None
        token = authenticate(request._request)  # noqa: SLF001 - the framework's own way to the request it wraps
        throttle(token, limit=settings.HOSTEL.api_calls_per_minute, period_seconds=MINUTE)
        return Caller(token), token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What `WWW-Authenticate` says."""
        return "Bearer"


class HasScope(BasePermission):
    """The token has the scope the view names for the method, and a tenant where the view needs one."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or raises CredentialsMissing, TokenScopeMissing, AccountForbidden."""
        token = token_of(request)
        scope = str(getattr(view, "read_scope" if request.method in {"GET", "HEAD", "OPTIONS"} else "write_scope"))
        token.require(scope)
        if token.tenant is None:
            raise AccountForbidden("This token belongs to no tenant.")
        return True


class IsOperator(BasePermission):
    """A token with the scope `operator`, or a session of a member of staff."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or raises CredentialsMissing, TokenScopeMissing."""
        if isinstance(request.auth, ApiToken):
            request.auth.require(OPERATOR)
            return True
        if getattr(request.user, "is_staff", False) and getattr(request.user, "is_active", False):
            return True
        if getattr(request.user, "is_authenticated", False):
            raise TokenScopeMissing("Operators only.", scope=OPERATOR)
        raise CredentialsMissing


class StaffSession(SessionAuthentication):
    """The cookie of Django's admin."""


def token_of(request: Request) -> ApiToken:
    """The token of an authenticated request. Raises CredentialsMissing."""
    if not isinstance(request.auth, ApiToken):
        raise CredentialsMissing
    return request.auth


def tenant_of(request: Request) -> Tenant:
    """The token's tenant; `HasScope` has made sure that there is one."""
    return cast("Tenant", token_of(request).tenant)


def actor_of(request: Request) -> Actor:
    """Who acts, for services."""
    return Actor.of_token(token_of(request))
