"""What a tenant has used: a month by day and by worker, and what is counted now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry import ledger
from tenants import selectors
from tenants.errors import FieldInvalid
from ui.page import TenantPage

MONTHS = 12
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])")


class Usage(TenantPage):
    """`/t/{tenant}/usage`."""

    template = "ui/usage.html"
    title = "Usage"
    place = "usage"
    read_scope = "billing:read"
    api = "/api/v1/usage"

    def context(self) -> dict[str, Any]:
        """The month asked for, and the counts of now."""
        now = datetime.now(UTC)
        month = self.request.GET.get("month") or now.strftime("%Y-%m")
        if not _MONTH.fullmatch(month):
            raise FieldInvalid("A month is written as 2026-11.", field="month")
        start, end = ledger.month_of(month)
        span: dict[str, Any] = {"tenant": self.tenant, "start": start, "end": end}
        days = ledger.usage_by_day(**span)
        most = max((day["requests"] for day in days), default=0) or 1
        counts = selectors.usage_counts(tenant=self.tenant)
        return {
            "month": month,
            "months": _months(now),
            "totals": ledger.usage_totals(**span),
            "days": [{**day, "part": day["requests"] / most * 100} for day in days],
            "rows": sorted(ledger.usage_by_worker(**span), key=lambda row: -row["requests"]),
            "counts": [(each, min(each.used / each.value, 1) * 100 if each.used is not None and each.value else None) for each in counts],
            "plan": selectors.plan_of(tenant=self.tenant),
        }


def _months(now: datetime) -> list[str]:
    found, first = [], now.replace(day=1)
    for _ in range(MONTHS):
        found.append(first.strftime("%Y-%m"))
        first = (first - timedelta(days=1)).replace(day=1)
    return found
