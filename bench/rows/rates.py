"""Requests per second: cold dynamic workers, and warm workers of several kinds.

Owns the loads and their targets.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench.client import Ask
from bench.figures import Line, Spread, Target
from bench.generator import Load
from bench.hostel import TENANT
from bench.rows import inside
from bench.rows.turns import Samples, alternate, troubles
from bench.sides import Bench


@dataclass(frozen=True, slots=True)
class Warm:
    """A warm row: which worker is sent what."""

    title: str
    worker: str
    load: Load
    at_least: float


_JSON: Final = json.dumps([{"id": id_, "name": f"item {id_}", "tags": ["a", "b"], "price": id_ / 4} for id_ in range(16)]).encode()[:2048]
_TWENTY: Final = {f"x-bench-{number}": f"the value of header number {number}" for number in range(18)}
# wrk and our own generator send Host and, with a body, Content-Length themselves.
_TYPE: Final = {"Content-Type": "application/json"}

WARM: Final[Mapping[str, Warm]] = {
    "hello": Warm("warm worker, hello", "hello", Load(), 1.5),
    "loader": Warm("warm through the Loader", "loader", Load(Ask("/warm")), 3.0),
    "json": Warm("1 KB JSON echo", "echo", Load(Ask("/json", "POST", _TYPE, _JSON)), 1.0),
    "body": Warm("100 KB body echo, handed on", "echo", Load(Ask("/stream", "POST", {}, bytes(range(256)) * 400)), 1.0),
    "whole": Warm("100 KB body echo, read first", "echo", Load(Ask("/whole", "POST", {}, bytes(range(256)) * 400)), 1.0),
    "headers": Warm("20-header request", "headers", Load(Ask("/", headers={**_TWENTY, "Accept": "*/*"})), 1.0),
}


def warm(name: str) -> Callable[[Bench], Awaitable[list[Line]]]:
    """The row of that name."""
    row = WARM[name]

    async def measure(bench: Bench) -> list[Line]:
        lines = []
        for variant in bench.variants:
            samples = await alternate(bench, variant, row.worker, row.load)
            line = _line(name, row.title, samples)
            line.variant, line.target = variant.name, Target("at least", row.at_least)
            lines.append(line)
        return lines

    return measure


async def cold(bench: Bench) -> list[Line]:
    """A dynamic worker that nobody has asked for yet, for each request: over HTTP, and inside the sandbox."""
    lines = []
    for variant in bench.variants:
        samples = await alternate(bench, variant, "loader", Load(connections=4, tag="cold-"), anew=True)
        line = _line("cold", "cold dynamic worker, a new key for each request", samples)
        line.variant, line.target = variant.name, Target("at least", 30.0)
        lines.append(line)
        await bench.hostel.evict_everywhere(f"{TENANT}-loader~")
    return [*lines, *await inside.cold(bench)]


def _line(row: str, title: str, samples: Samples) -> Line:
    spreads = {name: Spread.of([sample.rate for sample in rounds]) for name, rounds in samples.items()}
    line = Line(row, title, "req/s", spreads["hostel"], spreads.get("workerd")).compare()
    slow = {name: Spread.of([sample.p99 for sample in rounds]).median for name, rounds in samples.items()}
    line.notes = [f"p99 {', '.join(f'{name} {value:.1f} ms' for name, value in slow.items())}", *troubles(samples)]
    return line
