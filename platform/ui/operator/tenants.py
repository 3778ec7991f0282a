"""Tenants, as their landlord sees them.

Owns the list, the page of one, and the look at a tenant as its members have it: read-only, for a while, for a reason that is in the
tenant's own audit log before anything is shown.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from cfapi.paging import page_of
from tenants import preview, selectors, services
from tenants.definitions import DEFINITIONS
from tenants.models import Tenant
from tenants.selectors import AuditFilter
from ui import entrance
from ui.operator.neighbours import DURATIONS, duration, reason_of
from ui.page import OperatorPage

PER_PAGE: Final = 50
EVENTS: Final = 10
BROKEN: Final = 20
LOOK_SECONDS: Final = 1_800
STATES: Final = {
    "suspended": Q(suspended_at__isnull=False, erase_after=None),
    "ending": Q(erase_after__isnull=False),
    "active": Q(suspended_at=None),
}


class Tenants(OperatorPage):
    """`/operator/tenants`: everybody who lives here."""

    template = "ui/operator/tenants.html"
    title = "Tenants"
    place = "tenants"
    api = "/api/v1/admin/metrics"

    def context(self) -> dict[str, Any]:
        """Those of a name, an account id or a state."""
        query, state = self.request.GET.get("q", "").strip()[:100].replace("\0", ""), self.request.GET.get("state", "")
        rows = selectors.tenant_list().select_related("plan")
        if query:
            rows = rows.filter(Q(slug__icontains=query) | Q(name__icontains=query) | Q(account_id=query))
        if state in STATES:
            rows = rows.filter(STATES[state])
        return {"found": page_of(self.request, rows, per_page=PER_PAGE), "query": query, "state": state, "states": list(STATES)}


class TenantOne(OperatorPage):
    """`/operator/tenants/{tenant}`: one of them."""

    template = "ui/operator/tenant.html"
    place = "tenants"
    actions = ("suspend", "resume", "delete", "plan", "override", "preview", "clear", "look")
    api = "/api/v1/admin/tenants/{tenant}/limits"

    previewed: preview.Preview | None = None

    @property
    def tenant(self) -> Tenant:
        """The row; raises `TenantNotFound`."""
        return selectors.tenant_named(name=self.kwargs["tenant"])

    def heading(self) -> str:
        """Its slug."""
        return str(self.kwargs["tenant"])

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Tenants", reverse("ui:operator_tenants"))]

    def context(self) -> dict[str, Any]:
        """What it has, uses and may, and what was done to it lately."""
        row = self.tenant
        events = selectors.audit_page(tenant=row, wanted=AuditFilter(), limit=EVENTS).events
        return {
            "row": row,
            "counts": selectors.tenant_counts(tenant=row),
            "limits": selectors.limits_explained(tenant=row),
            "overrides": list(selectors.override_list(tenant=row)),
            "now": timezone.now(),
            "plan": selectors.plan_of(tenant=row),
            "plans": selectors.plan_list(),
            "members": list(selectors.member_list(tenant=row)[:50]),
            "events": events,
            "definitions": list(DEFINITIONS.values()),
            "durations": {name: label for name, (label, _) in DURATIONS.items()},
            "previewed": self.previewed,
        }

    def do_suspend(self) -> None:
        """Stop it, until it is restored."""
        services.tenant_suspend(tenant=self.tenant, reason=reason_of(self), actor=self.actor)
        self.say("Suspended. Its workers stop within a second, and its pages say why.")

    def do_resume(self) -> None:
        """Let it go on; this calls a deletion off, too."""
        services.tenant_resume(tenant=self.tenant, actor=self.actor)
        self.say("Restored.")

    def do_delete(self) -> None:
        """Stop it now and have it erased after the grace period."""
        row = self.tenant
        self.confirmed(row.slug)
        when = services.tenant_delete(tenant=row, reason=self.field("reason"), actor=self.actor)
        self.say(f"Stopped. Everything of it is erased on {when:%Y-%m-%d %H:%M} UTC, unless it is restored before.")

    def do_plan(self) -> None:
        """Give it a plan of its own, or the default one."""
        name = self.field("plan")
        services.tenant_plan_set(tenant=self.tenant, plan_name=name or None, actor=self.actor)
        self.say(f"It has the plan {name or 'that is the default one'} now.")

    def do_override(self) -> None:
        """Let a value stand in the place of what the plan says."""
        made = services.override_set(**self._override())
        until = f"until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else "until it is taken back"
        self.say(f"{made.name} is {made.value}, {until}.")

    def do_preview(self) -> HttpResponseBase:
        """Whom the override would break, before it is made."""
        row = self.tenant
        new = services.override_make(**self._override())
        self.previewed = preview.preview(preview.of_override(row, gone=None, new=new), items=BROKEN)
        self.typed = self.request.POST
        return self.show()

    def do_clear(self) -> None:
        """Take an override back."""
        services.override_clear(tenant=self.tenant, name=self.field("name"), worker_name=self.field("worker") or None, actor=self.actor)
        self.say("Taken back: the plan's value applies again.")

    def do_look(self) -> HttpResponseBase:
        """See the tenant's pages as its members do, for half an hour."""
        row, reason = self.tenant, reason_of(self)
        services.tenant_look(tenant=row, reason=reason, seconds=LOOK_SECONDS, actor=self.actor)
        self.request.session[entrance.IMPERSONATION] = {"tenant": row.slug, "until": time.time() + LOOK_SECONDS, "reason": reason}
        return HttpResponseRedirect(reverse("ui:workers", kwargs={"tenant": row.slug}))

    def _override(self) -> dict[str, Any]:
        """The arguments that the form holds. Raises `FieldInvalid`."""
        chosen = self.field("duration")
        ends = timezone.now() + timedelta(seconds=duration(chosen)[1]) if chosen else None
        return {
            "tenant": self.tenant,
            "name": self.field("name"),
            "value": self.number("value"),
            "reason": reason_of(self),
            "actor": self.actor,
            "worker_name": self.field("worker") or None,
            "expires_at": ends,
        }


class LookEnd(OperatorPage):
    """`/operator/look`: the end of a look at a tenant."""

    template = "ui/operator/look.html"
    title = "Looking at a tenant"
    place = "tenants"
    actions = ("end",)

    def context(self) -> dict[str, Any]:
        """What is looked at now."""
        return {"under_way": entrance.impersonation(self.request)}

    def do_end(self) -> HttpResponseBase:
        """Stop looking."""
        found = self.request.session.pop(entrance.IMPERSONATION, None)
        slug = str(found.get("tenant", "")) if isinstance(found, dict) else ""
        leads = reverse("ui:operator_tenant", kwargs={"tenant": slug}) if slug else reverse("ui:operator")
        return HttpResponseRedirect(leads)
