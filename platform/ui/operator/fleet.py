"""How the fleet is: one sentence, the figures behind it, charts.

Owns the judging of what gateways and roll-ups say. Whatever is not well is named, worst first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.gateways import gateway_stats, totals
from telemetry import metrics
from telemetry.metrics import Span
from tenants.builder import builder
from ui.charts import charts_of
from ui.page import OperatorPage

RANGES: Final = {"1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
# From which share on errors, lost instances and a full pool are worth a word.
ERRORS_HIGH: Final = 0.05
POOL_FULL: Final = 0.95
_LEAST: Final = 20


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that is not well: `kind` is `bad` or `warn`."""

    kind: str
    said: str


class Fleet(OperatorPage):
    """`/operator/`: how the house is."""

    template = "ui/operator/fleet.html"
    title = "Fleet"
    place = "fleet"
    api = "/api/v1/admin/pool"

    def context(self) -> dict[str, Any]:
        """Processes, sums over them, and what everybody's workers did."""
        chosen = self.request.GET.get("range", "1h")
        seconds = RANGES.get(chosen, RANGES["1h"])
        now = time.time()
        processes = gateway_stats()
        summed = totals(processes)
        measured = metrics.metrics_of_platform(span=Span.of(now - seconds, now, None))
        found = concerns(processes, summed, measured, builds=builder().guest_build() is not None)
        return {
            "concerns": found,
            "kind": found[0].kind if found else "ok",
            "sentence": sentence(found, processes, measured, seconds),
            "processes": [_process(each) for each in processes],
            "sums": summed,
            "measured": measured["totals"],
            "per_second": measured["totals"]["invocations"] / seconds,
            "charts": charts_of(measured, now=now),
            "lost": {name: count for name, count in measured["lost"].items() if count},
            "ranges": list(RANGES),
            "range": chosen if chosen in RANGES else "1h",
        }


def concerns(
    processes: Sequence[Mapping[str, Any]], summed: Mapping[str, Any], measured: Mapping[str, Any], *, builds: bool
) -> list[Concern]:
    """What is not well, worst first."""
    found = []
    silent = [str(each["process"]) for each in processes if not each["reachable"]]
    if not any(each["reachable"] for each in processes):
        found.append(Concern("bad", "no gateway process of this machine answers"))
    elif silent:
        found.append(
            Concern("bad", f"{', '.join(silent)} does not answer" if len(silent) == 1 else f"{len(silent)} gateway processes do not answer")
        )
    if not builds:
        found.append(Concern("bad", "no background worker runs: uploads wait, and logs and charts stand still"))
    sums = measured["totals"]
    platform = sums["outcomes"].get("internalError", 0)
    if platform:
        found.append(Concern("bad", f"{platform} invocations failed by the platform's own fault"))
    pool = summed.get("pool", {})
    if pool.get("budget_bytes") and pool.get("bytes", 0) > POOL_FULL * pool["budget_bytes"]:
        found.append(Concern("warn", "the pool's memory is used up, so instances are dropped early"))
    if pool.get("refused"):
        found.append(Concern("warn", f"{pool['refused']} instances could not be made for want of memory"))
    if sums["invocations"] >= _LEAST and sums["errors"] > ERRORS_HIGH * sums["invocations"]:
        found.append(Concern("warn", f"{100 * sums['errors'] / sums['invocations']:.0f} % of all invocations fail"))
    gateway = summed.get("gateway", {})
    if lookups := gateway.get("lookups", {}).get("stale_warnings", 0):
        found.append(Concern("warn", f"{lookups} requests were served by old configuration, because the database did not answer"))
    if measured["lost"] and (count := sum(measured["lost"].values())):
        found.append(Concern("warn", f"{count} records were lost since counting began"))
    return sorted(found, key=lambda each: each.kind != "bad")


def sentence(found: Sequence[Concern], processes: Sequence[Mapping[str, Any]], measured: Mapping[str, Any], seconds: int) -> str:
    """The house in one sentence."""
    up = sum(1 for each in processes if each["reachable"])
    sums = measured["totals"]
    rate = sums["invocations"] / seconds
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"  # noqa: PLR2004 - two digits are enough
    tenants = len(measured["tenants"])
    who = f"{up} gateway processes serve" if up != 1 else "one gateway process serves"
    base = f"{who} {shown} invocations a second for {tenants} tenant{'s' if tenants != 1 else ''}"
    if not found:
        return f"All is well: {base}."
    return f"{found[0].said[0].upper()}{found[0].said[1:]}{' (and more, below)' if len(found) > 1 else ''}; {base}."


def _process(each: Mapping[str, Any]) -> dict[str, Any]:
    stats = each["stats"]
    box, gateway = stats.get("sandbox", {}), stats.get("gateway", {})
    pool = box.get("pool", {})
    return {
        "name": each["process"],
        "pid": gateway.get("pid"),
        "reachable": each["reachable"],
        "started": gateway.get("started"),
        "under_way": gateway.get("requests", {}).get("under_way"),
        "waiting": box.get("scheduler", {}).get("waiting"),
        "instances": pool.get("instances"),
        "busy": pool.get("instances_busy"),
        "bytes": pool.get("bytes"),
        "budget": pool.get("budget_bytes"),
        "traps": pool.get("traps", {}),
        "guest": str(box.get("guest_build", ""))[:8],
        "wall": stats.get("wall", ""),
    }
