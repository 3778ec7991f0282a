"""Who calls the native API, and whether they may: tokens, and people who have logged in.

Owns the bridge from Django REST framework to `tenants.access`: two ways to say who one is, four kinds of routes. What a role or a token may
do is decided by the tables of `tenants.roles`, before any view runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cfapi.auth import authenticate, has_token, throttle
from cfapi.errors import AccountForbidden, CredentialsMissing
from sandbox.errors import HostelError
from tenants import selectors
from tenants.access import Access
from tenants.actor import Actor
from tenants.errors import SessionRequired, TenantUnnamed, TokenScopeMissing
from tenants.models import ApiToken, Tenant, User
from tenants.roles import Scope

if TYPE_CHECKING:
    # At run time the views import this module: the settings name its classes.
    from rest_framework.views import APIView

MINUTE = 60
OPERATOR = "operator"
TENANT_HEADER = "X-Hostel-Tenant"
TENANT_PARAMETER = "tenant"


class CsrfRefused(HostelError):
    """A browser's session needs the form token, too: send what GET /api/v1/me says (form_token) as X-CSRFToken."""

    code = "csrf_refused"
    status = 403
    fault = "tenant"


class Caller:
    """What the framework calls the user: whoever holds the token."""

    is_authenticated = True

    def __init__(self, token: ApiToken) -> None:
        """Stand for `token`."""
        self.token = token
        self.pk = token.pk


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` or `X-API-Key: <token>`."""

    def authenticate(self, request: Request) -> tuple[Caller, Access] | None:
        """The caller; None when there is neither header. Raises TokenInvalid, Throttled."""
        plain = request._request  # noqa: SLF001 - the framework's own way to the request it wraps
        if not has_token(plain):
            return None
        token = authenticate(plain)
        throttle(plain, token, limit=settings.HOSTEL.api_calls_per_minute, period_seconds=MINUTE)
        return Caller(token), Access.of_token(token)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """What `WWW-Authenticate` says."""
        return "Bearer"


class SessionAuthentication(BaseAuthentication):
    """The cookie of a person who has logged in; methods that change something need the form token as well."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        """The person; None when nobody is logged in. Raises CsrfRefused, Throttled."""
        plain = request._request  # noqa: SLF001 - as above
        user = getattr(plain, "user", None)
        if user is None or not user.is_authenticated or not user.is_active:
            return None
        person = cast("User", user)
        check = CSRFCheck(lambda _request: None)  # type: ignore[arg-type]  # it answers nothing itself
        check.process_request(plain)
        if reason := check.process_view(plain, _no_view, (), {}):
            raise CsrfRefused(f"{CsrfRefused.__doc__} ({reason})")
        throttle(plain, f"user:{person.pk}", limit=settings.HOSTEL.api_calls_per_minute, period_seconds=MINUTE)
        return person, Access.of_person(person)


def _no_view(*_args: Any) -> Any:
    """What the check would call, if it called anything."""


class Anybody(BasePermission):
    """Routes of kind `anonymous`."""


class HasScope(BasePermission):
    """Routes of kind `tenant`: the caller has a tenant, and in it the scope that the view names for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or raises CredentialsMissing, TenantUnnamed, TenantNotFound, TokenScopeMissing, AccountForbidden."""
        access = access_of(request)
        if access.token is None:
            access = _in_tenant(request, access)
        elif (slug := _named(request)) is not None and (access.tenant is None or access.tenant.slug != slug):
            raise AccountForbidden("This token does not belong to the tenant that the request names.")
        scope = cast("Any", view).scope_of(request.method)
        if scope is not None:
            access.require(scope)
        if access.tenant is None:
            raise AccountForbidden("This token belongs to no tenant.")
        return True


class IsPerson(BasePermission):
    """Routes of kind `person`: somebody has logged in, in a browser."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or raises CredentialsMissing, SessionRequired."""
        if access_of(request).token is not None:
            raise SessionRequired
        return True


class IsCaller(BasePermission):
    """Routes of kind `caller`: anybody with a token or a session, whatever they may do."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or raises CredentialsMissing."""
        access_of(request)
        return True


class IsOperator(BasePermission):
    """Routes of kind `operator`: a token with the scope `operator`, or a session of a member of staff."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
        """True, or raises CredentialsMissing, TokenScopeMissing."""
        access = access_of(request)
        if access.token is None and not access.allows(Scope.OPERATOR):
            raise TokenScopeMissing("Operators only.", scope=OPERATOR)
        access.require(Scope.OPERATOR)
        return True


def access_of(request: Request) -> Access:
    """The caller's access. Raises CredentialsMissing."""
    if not isinstance(request.auth, Access):
        raise CredentialsMissing
    return request.auth


def tenant_of(request: Request) -> Tenant:
    """The caller's tenant; `HasScope` has made sure that there is one. It knows which of its workers the caller may see."""
    return cast("Tenant", access_of(request).tenant)


def person_of(request: Request) -> User:
    """The person who calls; `IsPerson` has made sure that there is one."""
    return cast("User", access_of(request).user)


def actor_of(request: Request) -> Actor:
    """Who acts, for services."""
    return access_of(request).actor


def _in_tenant(request: Request, access: Access) -> Access:
    """The person's access in the tenant that the request names, from now on the request's own."""
    slug = _named(request)
    if slug is None:
        raise TenantUnnamed(field=TENANT_HEADER)
    found = Access.of_member(selectors.membership_of(user=cast("User", access.user), slug=slug))
    request.auth = found
    return found


def _named(request: Request) -> str | None:
    return request.headers.get(TENANT_HEADER) or request.GET.get(TENANT_PARAMETER) or None
