"""Memory: what a cached worker costs, and what is left when a burst is over.

Owns what is called before and between two readings.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final

from bench.client import Ask, each_once, once
from bench.figures import BenchFailed, Line, Spread, Target
from bench.hostel import TENANT
from bench.processes import Memory
from bench.rows import inside
from bench.rows.turns import in_turn
from bench.sides import Bench, Side

# Seconds for a process to come to rest before it is read.
_REST: Final = 1.0
# Seconds a process may take to give memory back when nobody calls.
_IDLE: Final = 30.0
_keys = count(1)


async def cached(bench: Bench) -> list[Line]:
    """Growth of one server process over so many dynamic workers, each called once, divided by their number."""
    workers = bench.plan.cached_workers
    grown: dict[str, list[Memory]] = {side.name: [] for side in bench.sides}
    for number in range(bench.plan.rounds):
        for side in in_turn(bench.sides, number):
            grown[side.name].append(await _growth(side, workers))
    real = {name: Spread.of([one.proportional / workers / 1024 for one in rounds]) for name, rounds in grown.items()}
    resident = {name: Spread.of([one.resident / workers / 1024 for one in rounds]).median for name, rounds in grown.items()}
    line = Line(
        "memory", f"memory of a cached worker ({workers:,} cached, each called once)", "KiB", real["hostel"], real.get("workerd"),
        target=Target("at most", 0.1),
    ).compare()  # fmt: skip
    line.notes = [
        "proportional set size: a page that many instances map counts once. Resident set size, where it counts again for each: "
        + ", ".join(f"{name} {value:,.0f} KiB" for name, value in resident.items())
    ]
    return [line]


async def _growth(side: Side, workers: int) -> Memory:
    async with side.fresh() as process:
        endpoint = process.endpoint("loader")
        # What the first worker of all costs (the parent's own) is not the price of one more.
        await once(endpoint, Ask("/first"))
        await asyncio.sleep(_REST)
        before = process.memory()
        await each_once(endpoint, [f"/cached-{next(_keys)}" for _ in range(workers)])
        await asyncio.sleep(_REST)
        after = process.memory()
        if side.name == "hostel":
            held = (await process.stats())["sandbox"]["pool"]["entries"]  # type: ignore[attr-defined]
            if held < workers:
                raise BenchFailed(f"Hostel holds only {held} of {workers} workers: the figure would be of no use.")
    return Memory(after.resident - before.resident, after.proportional - before.proportional)


async def idle(bench: Bench) -> list[Line]:
    """Resident memory after a burst of cold starts and a rest, against before: in a gateway process, and in the library alone."""
    starts = bench.plan.cold_starts
    async with bench.hostel.gateway() as gateway:
        endpoint = gateway.endpoint("loader")
        await each_once(endpoint, [f"/idle-first-{number}" for number in range(20)])
        await asyncio.sleep(_REST)
        before = gateway.memory().resident
        await each_once(endpoint, (f"/idle-{number}" for number in range(starts)))
        busiest = gateway.memory().resident
        # Nobody waits five minutes for the time to live: the pool is told to let go.
        await gateway.evict(f"{TENANT}-loader~")
        after = busiest
        for _ in range(int(_IDLE)):
            await asyncio.sleep(1)
            after = gateway.memory().resident
            if after <= before * 1.05:
                break
    line = Line(
        "idle", f"resident memory after {starts:,} cold starts and a rest, of that before: gateway process", "%",
        Spread.of([100 * after / before]), target=Target("at most", 110.0, "hostel"),
    )  # fmt: skip
    line.notes = [
        f"{before >> 20} MiB before, {busiest >> 20} MiB at the end of the burst, {after >> 20} MiB after",
        "the pool is emptied by the operator's call, instead of waiting for its time to live",
    ]
    return [line, *await inside.idle(bench)]
