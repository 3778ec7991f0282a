"""The rows of the table, in its order.

Owns their names. Each row is a function from a `Bench` to lines; a row must leave both sides as it found them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bench.figures import Line
from bench.rows import compute, inside, memory, neighbour, rates, uploads
from bench.sides import Bench

Row = Callable[[Bench], Awaitable[list[Line]]]

ROWS: Final[Mapping[str, Row]] = {
    "cold": rates.cold,
    **{name: rates.warm(name) for name in rates.WARM},
    "memory": memory.cached,
    "neighbour": neighbour.measure,
    "tenants": inside.tenants,
    "upload": uploads.measure,
    "idle": memory.idle,
    "compute": compute.measure,
}
