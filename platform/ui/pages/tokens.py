"""Tokens: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone

from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.roles import Scope
from ui.page import TenantPage, origin

PER_PAGE = 50
DAYS: Mapping[str, str] = {"30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}


class Tokens(TenantPage):
    """`/t/{tenant}/tokens`."""

    template = "ui/tokens.html"
    title = "Tokens"
    place = "tokens"
    read_scope = "tenant:read"
    write_scope = "tokens:write"
    actions = ("create", "revoke")
    api = "/api/v1/tokens"

    def context(self) -> dict[str, Any]:
        """The tokens, and the scopes that one of one's own may have."""
        assert self.access is not None
        scopes = [scope for scope in Scope if scope != Scope.OPERATOR and self.access.allows(scope)]
        found = page_of(self.request, selectors.token_list(tenant=self.tenant), per_page=PER_PAGE)
        chosen = self.request.POST.getlist("scopes") if self.typed else [Scope.WORKERS_DEPLOY.value]
        return {"found": found, "scopes": scopes, "chosen": chosen, "days": DAYS.items(), "now": timezone.now(), "origin": origin()}

    def do_create(self) -> HttpResponseBase:
        """Make one, and show it: the only time. Raises `FieldInvalid`, `TokenScopeMissing`, `QuotaExceeded`."""
        scopes = self.request.POST.getlist("scopes")
        for scope in scopes:
            self.require(scope)
        days = self.field("days")
        if days not in DAYS:
            raise FieldInvalid("The lifetime must be one of those offered.", field="days")
        workers = [name for name in self.field("workers").replace(",", " ").split() if name]
        token, secret = services.token_create(
            tenant=self.tenant,
            name=self.field("name"),
            scopes=scopes,
            workers=workers or None,
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
            user=self.user,
            actor=self.actor,
        )
        return self.show(status=201, made=token, secret=secret)

    def do_revoke(self) -> HttpResponseBase | None:
        """End one at once; another person's needs `tenant:write`."""
        token = selectors.token_get(tenant=self.tenant, token_id=self.field("token"))
        if token.user_id != self.user.pk:
            self.require(Scope.TENANT_WRITE)
        services.token_revoke(token=token, actor=self.actor)
        self.say(f"The token {token.name} is refused from now on.")
        return None
