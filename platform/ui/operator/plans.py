"""Plans: what groups of tenants are granted.

Owns the form: a limit left empty is the platform's own value. Whom a change would break is shown before it is made.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from tenants import preview, selectors, services
from tenants.definitions import DEFINITIONS
from tenants.errors import FieldInvalid
from tenants.models import Plan
from ui.page import OperatorPage

BROKEN: Final = 50
FLAGS: Final = ("is_default", "tail_allowed", "internet_allowed", "quota_headers")
NUMBERS: Final = ("cpu_weight", "log_retention_days")
TEXTS: Final = ("title", "description")


class Plans(OperatorPage):
    """`/operator/plans`: all of them."""

    template = "ui/operator/plans.html"
    title = "Plans"
    place = "plans"
    actions = ("create",)
    api = "/api/v1/admin/plans"

    def context(self) -> dict[str, Any]:
        """By name, with how many tenants have each."""
        return {"plans": selectors.plan_list()}

    def do_create(self) -> HttpResponseBase:
        """A plan that grants what the platform does, to be narrowed on its page."""
        plan = services.plan_create(name=self.field("name"), changes={"title": self.field("title")}, actor=self.actor)
        return HttpResponseRedirect(reverse("ui:operator_plan", kwargs={"plan": plan.name}))


class PlanOne(OperatorPage):
    """`/operator/plans/{plan}`: one of them."""

    template = "ui/operator/plan.html"
    place = "plans"
    actions = ("save", "preview", "delete")
    api = "/api/v1/admin/plans/{plan}"

    previewed: preview.Preview | None = None

    def heading(self) -> str:
        """Its name."""
        return str(self.kwargs["plan"])

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Plans", reverse("ui:operator_plans"))]

    def context(self) -> dict[str, Any]:
        """Its fields, and of every limit the platform's value beside its own."""
        row = selectors.plan_get(name=self.kwargs["plan"])
        platform = settings.HOSTEL.platform_values
        typed = self.typed
        limits = [
            (each, platform[name], typed.get(f"limit.{name}", "") if typed is not None else row.limits.get(name))
            for name, each in DEFINITIONS.items()
        ]
        flags = [(name, bool(typed.get(name)) if typed is not None else getattr(row, name)) for name in FLAGS]
        return {"row": row, "limits": limits, "flags": dict(flags), "previewed": self.previewed}

    def do_save(self) -> None:
        """Change it; every tenant of the plan has the new limits within a second."""
        row = selectors.plan_get(name=self.kwargs["plan"])
        services.plan_update(name=row.name, changes=self._changes(row), expected=self.revision, actor=self.actor)
        self.say("Saved. Tenants of this plan have it within a second.")

    def do_preview(self) -> HttpResponseBase:
        """Whom it would break."""
        row = selectors.plan_get(name=self.kwargs["plan"])
        self.previewed = preview.preview(preview.of_plan(row, services.plan_changed(row, self._changes(row))), items=BROKEN)
        self.typed = self.request.POST
        return self.show()

    def do_delete(self) -> HttpResponseBase:
        """Remove it; nobody may have it."""
        self.confirmed(self.kwargs["plan"])
        services.plan_delete(name=self.kwargs["plan"], actor=self.actor)
        self.say("Removed.")
        return HttpResponseRedirect(reverse("ui:operator_plans"))

    def _changes(self, row: Plan) -> dict[str, Any]:
        """What differs from the row; a limit that was emptied is taken out. Raises `FieldInvalid`."""
        wanted: dict[str, Any] = {name: self.field(name) for name in TEXTS}
        wanted |= {name: bool(self.field(name)) for name in FLAGS} | {name: self.number(name) for name in NUMBERS}
        limits: dict[str, int | None] = {}
        for name in DEFINITIONS:
            text = self.field(f"limit.{name}")
            value = _limit(name, text) if text else None
            if value != row.limits.get(name):
                limits[name] = value
        changes = {name: value for name, value in wanted.items() if value != getattr(row, name)}
        return {**changes, "limits": limits} if limits else changes


def _limit(name: str, text: str) -> int:
    digits = text.replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):  # noqa: PLR2004 - what a database can hold
        raise FieldInvalid(f"{name} must be a whole number.", field=f"limit.{name}")
    return int(digits)
