"""Noisy neighbours: who takes most of the house, and what to do about it.

Owns the order of the list. Slowing somebody down is an override of a limit with an end and a reason that the tenant reads; stopping them is
a suspension.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from api.gateways import gateway_stats, totals
from telemetry import metrics
from telemetry.metrics import Span
from tenants import selectors, services
from tenants.definitions import DEFINITIONS
from tenants.errors import FieldInvalid
from ui.page import OperatorPage

RANGES: Final = {"15m": 900, "1h": 3_600, "24h": 86_400}
SHOWN: Final = 50
# What the list can be ordered by, and how each is worked out of a tenant's sums.
ORDERS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any]], float]]]] = {
    "cpu": ("CPU time", lambda row: row["cpu_us"]),
    "memory": ("Memory", lambda row: row["memory_kib_ms"]),
    "wall": ("Wall time", lambda row: row["wall_us"]),
    "requests": ("Invocations", lambda row: row["invocations"]),
    "errors": ("Errors", lambda row: row["errors"]),
    "egress": ("Egress", lambda row: row["egress_bytes"]),
}
# What slows a tenant down without stopping it.
THROTTLES: Final = ("concurrency", "requests_per_minute", "cpu_ms")
DURATIONS: Final = {"1h": ("1 hour", 3_600), "6h": ("6 hours", 21_600), "1d": ("1 day", 86_400), "7d": ("7 days", 604_800)}


class Neighbours(OperatorPage):
    """`/operator/neighbours`: tenants by what they take."""

    template = "ui/operator/neighbours.html"
    title = "Noisy neighbours"
    place = "neighbours"
    actions = ("throttle", "suspend")
    api = "/api/v1/admin/metrics"

    def context(self) -> dict[str, Any]:
        """The tenants that take most, each with its part of the whole."""
        chosen, by = self.request.GET.get("range", "1h"), self.request.GET.get("by", "cpu")
        seconds = RANGES.get(chosen, RANGES["1h"])
        by = by if by in ORDERS else "cpu"
        now = time.time()
        measured = metrics.metrics_of_platform(span=Span.of(now - seconds, now, None))
        order = ORDERS[by][1]
        whole = order(measured["totals"]) or 1
        rows = sorted(measured["tenants"], key=order, reverse=True)[:SHOWN]
        memory = totals(gateway_stats()).get("pool", {}).get("bytes_by_tenant", {})
        slugs = [row["tenant"] for row in rows]
        known = {row.slug: row for row in selectors.tenant_list().filter(slug__in=slugs)}
        shown = [
            {**row, "part": order(row) / whole, "resident": memory.get(row["tenant"]), "row": known.get(row["tenant"]), "at": at}
            for at, row in enumerate(rows)
            if row["invocations"]
        ]
        return {
            "rows": shown,
            "by": by,
            "orders": {name: label for name, (label, _) in ORDERS.items()},
            "range": chosen if chosen in RANGES else "1h",
            "ranges": list(RANGES),
            "throttles": [DEFINITIONS[name] for name in THROTTLES],
            "durations": {name: label for name, (label, _) in DURATIONS.items()},
        }

    def do_throttle(self) -> None:
        """Lower one limit of a tenant for a while."""
        tenant = selectors.tenant_named(name=self.field("tenant"))
        name = self.field("limit")
        if name not in THROTTLES:
            raise FieldInvalid("Choose what is to be lowered.", field="limit")
        label, seconds = duration(self.field("duration"))
        reason = reason_of(self)
        services.override_set(
            tenant=tenant,
            name=name,
            value=self.number("value"),
            reason=reason,
            actor=self.actor,
            expires_at=timezone.now() + timedelta(seconds=seconds),
        )
        self.say(
            f"{tenant.slug} is slowed down for {label}: {name} is {self.number('value')}. Its members read the reason among their limits."
        )

    def do_suspend(self) -> None:
        """Stop a tenant until it is restored."""
        tenant = selectors.tenant_named(name=self.field("tenant"))
        services.tenant_suspend(tenant=tenant, reason=reason_of(self), actor=self.actor)
        self.say(f"{tenant.slug} is suspended. Its pages say why; restore it on its own page.")


def duration(name: str) -> tuple[str, int]:
    """Words and seconds of one of the offered times; raises `FieldInvalid`."""
    if name not in DURATIONS:
        raise FieldInvalid("Choose for how long.", field="duration")
    return DURATIONS[name]


def reason_of(page: OperatorPage) -> str:
    """The reason that was typed; raises `FieldInvalid` where there is none."""
    reason = page.field("reason")
    if not reason:
        raise FieldInvalid("Say why: the tenant reads it.", field="reason")
    return reason
