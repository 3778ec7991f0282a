"""Limits, explained: what applies, who said so, what is used, what happens past it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase

from tenants import selectors, services
from tenants.errors import LimitInvalid
from tenants.models import LimitOverride
from tenants.selectors.limits import Explained
from ui.page import TenantPage, WorkerPage
from ui.words import size

NEAR, FULL = 0.8, 1.0
GROUPS = (("request", "Of one request or one version"), ("count", "How many there may be"), ("rate", "How many in a period"))


@dataclass(frozen=True, slots=True)
class Row:
    """A limit as it is shown; `bar` is the part that is used, in per cent (None where that is not counted)."""

    each: Explained
    value: str
    used: str
    bar: float | None
    level: str
    own: int | None
    # What each level says: who, how much, whether that is what applies, and the override behind it.
    said: Sequence[tuple[str, str, bool, LimitOverride | None]]


class TenantLimits(TenantPage):
    """`/t/{tenant}/limits`."""

    template = "ui/limits.html"
    title = "Limits"
    place = "limits"
    write_scope = "tenant:write"
    actions = ("set",)
    api = "/api/v1/limits"

    def context(self) -> dict[str, Any]:
        """Every limit and quota."""
        found = selectors.limits_explained(tenant=self.tenant)
        return {"groups": grouped(found, self.tenant.limits), "plan": found[0].plan if found else "", "own": self.tenant.limits}

    def do_set(self) -> HttpResponseBase | None:
        """Lower one for oneself, or (nothing typed) take that back. Raises `LimitInvalid`, `ChangedMeanwhile`."""
        name, text = self.field("name"), self.field("value")
        limits = {key: value for key, value in self.tenant.limits.items() if key != name}
        if text:
            if not text.isascii() or not text.isdigit():
                raise LimitInvalid(f"{name[:80]} must be a whole number.", field=name[:80])
            limits[name] = int(text)
        services.tenant_limits_set(tenant=self.tenant, limits=limits, expected=self.revision, active_only=True, actor=self.actor)
        self.say(f"{name} is set." if text else f"{name} is what was granted again.")
        return None


class WorkerLimits(WorkerPage):
    """`…/limits`."""

    template = "ui/worker_limits.html"
    title = "Limits"
    tab = "limits"
    api = "/api/v1/workers/{worker}/limits"

    def context(self) -> dict[str, Any]:
        """The limits of the newest version."""
        version = selectors.version_latest(tenant=self.tenant, worker=self.worker)
        found = selectors.limits_explained(tenant=self.tenant, worker=self.worker, version=version)
        return {"groups": grouped(found, {}), "plan": found[0].plan if found else "", "version": version}


def grouped(found: Sequence[Explained], own: dict[str, Any]) -> list[tuple[str, list[Row]]]:
    """The limits by kind."""
    rows = [(each.definition.kind, _row(each, own)) for each in found]
    return [(title, [row for kind, row in rows if kind == wanted]) for wanted, title in GROUPS if any(kind == wanted for kind, _ in rows)]


def _row(each: Explained, own: dict[str, Any]) -> Row:
    bar = min(each.used / each.value, FULL) * 100 if each.used is not None and each.value else None
    level = "" if bar is None else "bad" if bar >= FULL * 100 else "warn" if bar >= NEAR * 100 else "ok"
    own_value = own.get(each.definition.name)
    used = _written(each, each.used) if each.used is not None else ""
    return Row(each, _written(each, each.value), used, bar, level, own_value, _said(each))


def _said(each: Explained) -> list[tuple[str, str, bool, LimitOverride | None]]:
    names = {"plan": f"plan {each.plan}", "override": "operator"}
    return [(names.get(said.level, said.level), _written(each, said.value), said is each.decided, said.override) for said in each.said]


def _written(each: Explained, value: int | None) -> str:
    if value is None:
        return "no limit"
    return size(value) if each.definition.unit == "bytes" else f"{value:,} {each.definition.unit}".replace(",", "\N{NARROW NO-BREAK SPACE}")
