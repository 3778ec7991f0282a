"""How much is measured: rounds, durations and counts.

Owns the environment variables of `make bench`. Must not know how anything is measured.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import BenchFailed

ROOT = Path(__file__).resolve().parents[1]
# What may be thrown away at any time: workerd, logs, results that are not for publishing.
SCRATCH = ROOT / "var" / "bench"
# A whole run takes about 13 minutes on two cores.
MINUTES = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Durations in whole seconds, which is all that wrk takes."""

    quick: bool = False
    rounds: int = 5
    # Of load on one side in one round.
    seconds: int = 2
    # Of load before the first round of a row, for compilers and caches; not counted.
    warm_up: int = 1
    cached_workers: int = 1_000
    uploads: int = 100
    cold_starts: int = 10_000
    tenants: int = 10_000
    budget_bytes: int = 1 << 30
    # Requests of each in-process measurement in one round.
    calls: int = 1_000
    # Rows to measure, in the order of the table; none: all of them.
    rows: tuple[str, ...] = ()
    # No row is begun after this many minutes.
    minutes: int = MINUTES
    # Ports are taken from here upwards; 0: whatever is free.
    first_port: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def whole(self) -> bool:
        """Whether the figures may be published: every row, at full length."""
        return not self.quick and not self.rows

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self.started > self.minutes * 60


# A look at whether everything works; its figures mean little.
QUICK = {
    "rounds": 2,
    "seconds": 1,
    "cached_workers": 100,
    "uploads": 8,
    "cold_starts": 500,
    "tenants": 1_000,
    "budget_bytes": 100 << 20,
    "calls": 200,
}


def read(environ: Mapping[str, str] = os.environ, *, known: Sequence[str]) -> Plan:
    """The plan that `QUICK`, `ROUNDS`, `BENCH`, `BENCH_MINUTES` and `BENCH_PORT` ask for.

    Raises `BenchFailed` for a row that is not among the `known`, and for what should be a number and is none.
    """
    quick = environ.get("QUICK", "").lower() not in ("", "0", "no", "false")
    values: dict[str, int] = dict(QUICK) if quick else {}
    if environ.get("ROUNDS"):
        values["rounds"] = max(1, _number(environ, "ROUNDS"))
    rows = tuple(name for name in environ.get("BENCH", "").replace(",", " ").split() if name != "all")
    if unknown := [name for name in rows if name not in known]:
        raise BenchFailed(f"There is no row {', '.join(unknown)}. BENCH takes: {', '.join(known)}.")
    minutes = _number(environ, "BENCH_MINUTES") if environ.get("BENCH_MINUTES") else MINUTES
    port = _number(environ, "BENCH_PORT") if environ.get("BENCH_PORT") else 0
    return Plan(quick=quick, rows=rows, minutes=minutes, first_port=port, **values)


def _number(environ: Mapping[str, str], name: str) -> int:
    if not environ[name].isdecimal():
        raise BenchFailed(f"{name} must be a whole number, not {environ[name]!r}.")
    return int(environ[name])
