"""Rows measured in the sandbox as a library, without a server: what bench/within.py gives, as lines.

Owns the targets. Each measurement is a process of its own, on one core where that is possible.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from bench import processes
from bench.figures import Line, Spread, Target
from bench.plan import ROOT
from bench.sides import Bench

# In-process measurements know their length; this is only for one that hangs.
_SECONDS = 240.0


async def cold(bench: Bench) -> list[Line]:
    """A cold start as the sandbox sees it, from the call to the whole response."""
    found = await _within(bench, "cold", calls=bench.plan.calls)
    lines = [
        Line(
            "cold",
            "cold dynamic worker, inside the sandbox: p50",
            "ms",
            Spread.of(found["loader_p50"]),
            target=Target("at most", 0.5, "hostel"),
        ),
        Line("cold", "cold start of a stored version, inside the sandbox: p50", "ms", Spread.of(found["image_p50"])),
    ]
    for line, kind in zip(lines, ("loader", "image"), strict=True):
        line.notes = [f"p99 {Spread.of(found[f'{kind}_p99']).median:.2f} ms; {bench.plan.calls:,} calls a round, one after the other"]
    lines[0].notes.append("a call of the parent worker: its factory, the new worker's start from source, its answer")
    return lines


async def tenants(bench: Bench) -> list[Line]:
    """Many tenants under a byte budget, against one tenant in the same process."""
    plan = bench.plan
    found = await _within(bench, "tenants", tenants=plan.tenants, budget=plan.budget_bytes, seconds=plan.seconds)
    many = f"{plan.tenants:,} tenants (Zipf), a budget of {plan.budget_bytes >> 20:,} MiB"
    rate = Line(
        "tenants", f"{many}: rate of that with one tenant", "%", Spread.of(found["kept"]), target=Target("at least", 50.0, "hostel")
    )
    rates = f"{Spread.of(found['one']).median:,.0f} req/s with one tenant, {Spread.of(found['many']).median:,.0f} with all"
    rate.notes = [rates, f"{found['hit_share']:.0%} of requests found their worker in the pool, which held {found['held']:,} of them"]
    memory = Line("tenants", f"{many}: memory of the budget", "%", Spread.of(found["used"]), target=Target("at most", 100.0, "hostel"))
    memory.notes = [
        "growth of the process, pages shared by many instances counted once",
        f"by resident set size {found['resident']:.0f} %, by the pool's own estimate {found['estimate']:.0f} %",
    ]
    return [rate, memory]


async def idle(bench: Bench) -> list[Line]:
    """What is left after cold starts when the time to live has passed."""
    found = await _within(bench, "idle", starts=bench.plan.cold_starts)
    title = f"resident memory after {bench.plan.cold_starts:,} cold starts and a rest, of that before: the library, time to live 2 s"
    line = Line("idle", title, "%", Spread.of([found["left"]]), target=Target("at most", 110.0, "hostel"))
    line.notes = [
        f"{found['before_mib']:.0f} MiB before, {found['busiest_mib']:.0f} MiB at the busiest, {found['after_mib']:.0f} MiB after"
    ]
    return [line]


async def _within(bench: Bench, what: str, **order: Any) -> dict[str, Any]:
    order |= {"guest": str(bench.hostel.guest_home), "rounds": bench.plan.rounds}
    command = [sys.executable, "-m", "bench.within", what, json.dumps(order)]
    out = await processes.run(command, seconds=_SECONDS, core=bench.variants[-1].server_core, environ=dict(os.environ), cwd=ROOT)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found
