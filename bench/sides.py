"""What the rows see of a runtime: a name, and workers that answer while a block runs.

Owns the borders between rows and servers, and the Worker code both sides are given. Must not know how a server is started.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.client import Endpoint
from bench.plan import Plan
from bench.processes import Memory, Variant

# Both sides are told the same, in uploads, configurations and loader calls alike.
COMPATIBILITY_DATE = "2025-06-01"
# Workers by name: whether each has the Worker Loader binding `LOADER`.
WORKERS = {"hello": False, "echo": False, "headers": False, "compute": False, "spin": False, "loader": True}


def source(worker: str) -> Path:
    """The file of a worker."""
    return Path(__file__).with_name("workers") / f"{worker}.js"


class Process(Protocol):
    """A server with memory of its own."""

    def endpoint(self, worker: str) -> Endpoint:
        """Where `worker` answers."""
        ...

    def memory(self) -> Memory:
        """Of all its processes."""
        ...


class Side(Protocol):
    """A runtime under measurement."""

    @property
    def name(self) -> str:
        """`hostel` or `workerd`."""
        ...

    def serving(self, variant: Variant) -> AbstractAsyncContextManager[Callable[[str], Endpoint]]:
        """Workers by name, served while the block runs. What the block left running is stopped at its end."""
        ...

    def fresh(self) -> AbstractAsyncContextManager[Process]:
        """One server process that has served nothing yet."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What every row is given."""

    plan: Plan
    # A `bench.hostel.Hostel`, for what only Hostel can be asked.
    hostel: Any
    # Hostel first; workerd where there is one.
    sides: tuple[Side, ...]
    variants: tuple[Variant, ...]
    say: Callable[[str], None]
