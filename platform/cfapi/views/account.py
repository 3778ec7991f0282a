"""The caller and the account: what clients look up before they do anything."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi.endpoint import AccountEndpoint, Endpoint
from cfapi.envelope import fail, succeed
from cfapi.errors import BodyInvalid, FeatureUnsupported
from cfapi.fields import Fields
from cfapi.paging import page_of
from cfapi.reading import object_of
from sandbox.errors import HostelError
from tenants.errors import TokenInvalid
from tenants.models import Tenant


class AnyToken(Endpoint):
    """Routes that tell a token about itself: they ask for no scope, because clients begin with them."""

    read_scope = None
    write_scope = None


class User(AnyToken):
    """`/user`."""

    def get(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002
        """Whoever the token acts for."""
        user = self.token.user
        return succeed({"id": f"{user.pk:032x}" if user else self.token.pk.hex, "email": self.actor.email})


class VerifyToken(AnyToken):
    """`/user/tokens/verify`."""

    def get(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002
        """That the token is valid."""
        return succeed({"id": self.token.pk.hex, "status": "active"}, messages=("This API Token is valid and active",))

    def refuse(self, error: HostelError) -> JsonResponse:
        """Here, and only here, a bad token has Cloudflare's number 1000."""
        if isinstance(error, TokenInvalid):
            return fail(error, code=1000, message="Invalid API Token")
        return super().refuse(error)


class Accounts(AnyToken):
    """`/accounts`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """The token's account."""
        page = page_of(request, accounts_of(self.token.tenant))
        return succeed(page.items, info=page.info)


class Account(AccountEndpoint):
    """`/accounts/{account}`."""

    read_scope = None
    write_scope = None

    def get(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002
        """The token's account."""
        return succeed(accounts_of(self.tenant)[0])


class Memberships(AnyToken):
    """`/memberships`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """The token's account, as a membership."""
        rows = [{"id": account["id"], "account": account, "roles": [], "status": "accepted"} for account in accounts_of(self.token.tenant)]
        page = page_of(request, rows)
        return succeed(page.items, info=page.info)


class AccountSubdomain(AccountEndpoint):
    """`/workers/subdomain`."""

    def get(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002
        """The label under which all workers of the account answer."""
        return succeed({"subdomain": self.tenant.slug})

    def put(self, request: HttpRequest) -> JsonResponse:
        """Take the label that is there already; another one would move every worker's address."""
        if Fields(object_of(request), error=BodyInvalid).text("subdomain") != self.tenant.slug:
            raise FeatureUnsupported(f"The subdomain is {self.tenant.slug!r} and cannot be changed.", field="subdomain", feature="renaming")
        return succeed({"subdomain": self.tenant.slug})


def accounts_of(tenant: Tenant | None) -> list[dict[str, Any]]:
    """The account object of a tenant, in a list; empty for an operator's token."""
    if tenant is None:
        return []
    return [{"id": tenant.account_id, "name": tenant.name or tenant.slug, "type": "standard"}]
