"""A neighbour in an endless loop: what another tenant keeps.

Owns the spinning load. On workerd the two are workers of one process, which is what a process that serves many tenants would be.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bench import generator
from bench.client import Ask, Endpoint, connected
from bench.figures import BenchFailed, Line, Spread, Target
from bench.generator import Load, Sample
from bench.hostel import NOISY, host
from bench.processes import Variant
from bench.rows.turns import in_turn
from bench.sides import Bench, Side

# Requests in the endless loop at once. Hostel stops each when its CPU time is used up; it is sent again at once.
SPINNERS: Final = 8
# Between the first spinning request and the measurement (seconds): by then they spin in every process.
_SETTLE: Final = 0.3
_HELLO: Final = Load()


async def measure(bench: Bench) -> list[Line]:
    """Rates and latencies of a hello worker alone and beside the spinners, round by round."""
    lines = []
    for variant in bench.variants:
        pairs: dict[str, list[tuple[Sample, Sample]]] = {side.name: [] for side in bench.sides}
        for number in range(bench.plan.rounds):
            for side in in_turn(bench.sides, number):
                pairs[side.name].append(await _round(bench, side, variant))
        kept = {name: Spread.of([100 * _kept(alone, beside) for alone, beside in rounds]) for name, rounds in pairs.items()}
        # Where nothing was answered there is no latency.
        slow = {
            name: Spread.of([beside.p99 for _, beside in rounds]) if all(beside.requests for _, beside in rounds) else None
            for name, rounds in pairs.items()
        }
        told = [
            f"{name}: {Spread.of([alone.rate for alone, _ in rounds]).median:,.0f} req/s alone, "
            f"{Spread.of([beside.rate for _, beside in rounds]).median:,.0f} beside it"
            for name, rounds in pairs.items()
        ]
        title = f"a neighbour's {SPINNERS} endless loops"
        lines += [
            Line(
                "neighbour", f"{title}: rate kept", "%", kept["hostel"], kept.get("workerd"), variant.name,
                Target("at least", 45.0, "hostel"), notes=told,
            ),
            Line("neighbour", f"{title}: p99", "ms", slow["hostel"], slow.get("workerd"), variant.name, Target("at most", 50.0, "hostel")),
        ]  # fmt: skip
    return lines


async def _round(bench: Bench, side: Side, variant: Variant) -> tuple[Sample, Sample]:
    seconds, core = bench.plan.seconds, variant.generator_core
    async with side.serving(variant) as serving:
        hello, spin = serving("hello"), serving("spin")
        if side.name == "hostel":
            spin = Endpoint(spin.port, host("spin", NOISY))
        await generator.measure(_HELLO, hello, seconds=bench.plan.warm_up, core=core)
        alone = await generator.measure(_HELLO, hello, seconds=seconds, core=core)
        async with _spinning(spin):
            await asyncio.sleep(_SETTLE)
            beside = await generator.measure(_HELLO, hello, seconds=seconds, core=core)
        if side.name == "hostel":
            # Loops under way would run on, up to their limit, into the next round.
            await bench.hostel.evict_everywhere(f"{NOISY}-")
    return alone, beside


def _kept(alone: Sample, beside: Sample) -> float:
    if not alone.rate:
        raise BenchFailed("The hello worker answered nothing although it was alone.")
    return beside.rate / alone.rate


@asynccontextmanager
async def _spinning(endpoint: Endpoint) -> AsyncIterator[None]:
    async def spin() -> None:
        while True:
            with contextlib.suppress(OSError, EOFError):
                async with connected(endpoint.port) as connection:
                    while True:
                        await connection.send(Ask().encode(endpoint.host))
            await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(spin()) for _ in range(SPINNERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
