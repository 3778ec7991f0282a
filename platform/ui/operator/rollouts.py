"""Rollouts now: everybody's, and the freeze switch."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, When
from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from rollouts import selectors, services
from rollouts.models import ACTIVE
from tenants import selectors as tenants
from ui.page import OperatorPage
from ui.pages.rollouts import PER_PAGE, STATES


class Everywhere(OperatorPage):
    """`/operator/rollouts`: everybody's rollouts, and the freeze switch."""

    template = "ui/rollouts/operator.html"
    title = "Rollouts"
    place = "rollouts"
    actions = ("freeze", "thaw")
    api = "/api/v1/admin/rollouts"

    def context(self) -> dict[str, Any]:
        """Those under way first."""
        rows = selectors.rollouts_everywhere().order_by(Case(When(state__in=ACTIVE, then=0), default=1), "-pk")
        freezes = selectors.freezes()
        return {
            "found": page_of(self.request, rows, per_page=PER_PAGE),
            "states": STATES,
            "frozen": next((row for row in freezes if row.tenant_id is None), None),
            "others": [row for row in freezes if row.tenant_id is not None],
        }

    def do_freeze(self) -> HttpResponseBase | None:
        """Let no rollout start or go on."""
        services.freeze_set(tenant=None, reason=self.field("reason"), actor=self.actor)
        self.say("All rollouts are frozen. What takes a version back is not.")
        return None

    def do_thaw(self) -> HttpResponseBase | None:
        """Let them go on: everybody's, or the tenant's that is named."""
        name = self.field("tenant")
        services.freeze_lift(tenant=tenants.tenant_named(name=name) if name else None, actor=self.actor)
        self.say("Rollouts may go on.")
        return None
