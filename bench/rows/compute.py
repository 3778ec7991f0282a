"""JavaScript that computes, where an interpreter loses to a compiler.

Owns the list of jobs (bench/workers/compute.js). There is no target: the figures are there to be known.
"""

from __future__ import annotations

from typing import Final

from bench.client import Ask
from bench.figures import Line, Spread
from bench.generator import Load
from bench.rows.turns import alternate, troubles
from bench.sides import Bench

JOBS: Final = {
    "json": "parse 100 KB of JSON",
    "sort": "sort 100,000 numbers",
    "hash": "hash a million bytes (FNV-1a)",
    "markdown": "render 16 KB of Markdown",
}


async def measure(bench: Bench) -> list[Line]:
    """Each job, one request at a time, one core each where that is possible."""
    variant = bench.variants[-1]
    lines = []
    for path, what in JOBS.items():
        samples = await alternate(bench, variant, "compute", Load(Ask(f"/{path}"), connections=1))
        took = {
            name: Spread.of([1e3 / sample.rate if sample.rate else float("inf") for sample in rounds]) for name, rounds in samples.items()
        }
        line = Line("compute", f"computing: {what}", "ms", took["hostel"], took.get("workerd"), variant.name).compare()
        line.notes = troubles(samples)
        lines.append(line)
    return lines
