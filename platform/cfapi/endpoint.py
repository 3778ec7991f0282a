"""What every route of this API does before and after its own work.

Owns authentication, the account check, the scope, throttling, the choice of the method's handler, and that every outcome leaves
as an envelope: a client that meets an HTML page gives up. Must not hold a route's own logic (views/).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from cfapi.auth import account_tenant, authenticate, throttle
from cfapi.envelope import fail
from cfapi.errors import FeatureUnsupported, MethodRefused, RouteNotFound
from cfapi.numbers import DISPATCH_SCRIPT_NOT_FOUND
from sandbox.errors import HostelError
from tenants.access import Access
from tenants.actor import Actor
from tenants.errors import WorkerNotFound
from tenants.models import ApiToken, Tenant
from tenants.names import is_worker_name, qualified, split_name

log = logging.getLogger(__name__)
METHODS = ("get", "put", "post", "patch", "delete")
MINUTE = 60


@method_decorator(csrf_exempt, name="dispatch")
class Endpoint(View):
    """A route for whoever has a token. Handlers are called by method name; they return a reply or raise a `HostelError`."""

    read_scope: ClassVar[str | None] = "workers:read"
    write_scope: ClassVar[str | None] = "workers:write"
    # Methods that need another one.
    scopes: ClassVar[Mapping[str, str]] = {}

    token: ApiToken
    access: Access
    actor: Actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Admit the caller, call the handler, render what it raises."""
        try:
            self.admit(request, kwargs)
            return cast("HttpResponse", self.handler(request)(request, *args, **kwargs))
        except HostelError as error:
            if error.fault == "platform":
                log.exception("%s %s failed: %s", request.method, request.path, error.code)
            return self.refuse(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return self.refuse(HostelError())

    def admit(self, request: HttpRequest, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - AccountEndpoint needs it
        """Raise unless the token may do this."""
        self.token = authenticate(request)
        throttle(request, self.token, limit=settings.HOSTEL.api_calls_per_minute, period_seconds=MINUTE)
        self.access = Access.of_token(self.token)
        scope = self.scope_of(str(request.method))
        if scope is not None:
            self.access.require(scope)
        self.actor = self.access.actor

    @classmethod
    def scope_of(cls, method: str) -> str | None:
        """The scope that `method` needs; None where any token will do."""
        return cls.scopes.get(method, cls.read_scope if method in {"GET", "HEAD"} else cls.write_scope)

    def handler(self, request: HttpRequest) -> Any:
        """The bound method for the request's method. Raises MethodRefused."""
        name = "get" if request.method == "HEAD" else str(request.method).lower()
        found = getattr(self, name, None) if name in METHODS else None
        if found is None:
            raise MethodRefused(allowed=[method.upper() for method in METHODS if hasattr(self, method)])
        return found

    def refuse(self, error: HostelError) -> JsonResponse:
        """The reply for `error`; routes override it where Cloudflare uses another number."""
        reply = fail(error)
        if isinstance(error, MethodRefused):
            reply["Allow"] = ", ".join(error.detail.get("allowed", ()))
        if "retry_after" in error.detail:
            reply["Retry-After"] = str(error.detail["retry_after"])
        return reply


class AccountEndpoint(Endpoint):
    """A route under /accounts/{account}/: the account must be the token's own."""

    tenant: Tenant
    # Whether the route is one of a worker in a dispatch namespace.
    dispatched = False

    def admit(self, request: HttpRequest, kwargs: dict[str, Any]) -> None:
        """Also take `account` out of the route's arguments, and put a worker's qualified name in the place of `namespace` and `name`."""
        super().admit(request, kwargs)
        self.tenant = account_tenant(self.token, kwargs.pop("account"))
        if "name" not in kwargs:
            return
        if "namespace" in kwargs:
            self.dispatched = True
            kwargs["name"] = qualified(kwargs.pop("namespace"), kwargs["name"])
        elif split_name(kwargs["name"]) and not is_worker_name(kwargs["name"]):
            # A worker in a namespace has one address.
            raise WorkerNotFound

    def refuse(self, error: HostelError) -> JsonResponse:
        """Wrangler goes on after Cloudflare's number for a missing script of a namespace, and after no other."""
        if self.dispatched and isinstance(error, WorkerNotFound):
            return fail(error, code=DISPATCH_SCRIPT_NOT_FOUND)
        return super().refuse(error)


class NotOffered(AccountEndpoint):
    """Routes of a Cloudflare product that Hostel does not have (yet)."""

    feature: str = ""

    def handler(self, request: HttpRequest) -> Any:  # noqa: ARG002 - any method
        """Raise FeatureUnsupported, naming it."""
        raise FeatureUnsupported(f"Hostel does not offer {self.feature} yet.", feature=self.feature)


class Unknown(Endpoint):
    """Every other address; anybody may learn that there is nothing."""

    def admit(self, request: HttpRequest, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - nobody is asked who they are
        """Raise RouteNotFound."""
        raise RouteNotFound(f"Could not route to {request.path[:200]}, perhaps your object identifier is invalid?")
