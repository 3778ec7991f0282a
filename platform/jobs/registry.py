"""The kinds of jobs there are.

Owns the list: a kind is a name, a function and how often it may be tried. Must not run anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.models import Job

Result = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job. `run` may be called again after a crash in the middle: doing it twice must come to the same."""

    name: str
    run: Callable[[Job], Result]
    max_attempts: int
    # Seconds between two of its jobs, where they are asked for by the clock (jobs.schedule).
    every: float | None = None


_KINDS: dict[str, Kind] = {}


def job_kind(
    name: str, *, max_attempts: int = 3, every: float | None = None
) -> Callable[[Callable[[Job], Result]], Callable[[Job], Result]]:
    """Register the decorated function as the work of jobs called `name`, which the clock asks for every `every` seconds if that is given.

    An error of ours (`HostelError`) ends the job at once: it is an answer. Anything else is tried again, up to `max_attempts` times in all.
    """

    def register(run: Callable[[Job], Result]) -> Callable[[Job], Result]:
        if name in _KINDS and _KINDS[name].run is not run:
            raise ValueError(f"There are two kinds of jobs called {name!r}.")
        _KINDS[name] = Kind(name, run, max_attempts, every)
        return run

    return register


def periodic() -> list[Kind]:
    """The kinds that the clock asks for."""
    import_module("jobs.kinds")
    return [kind for kind in _KINDS.values() if kind.every is not None]


def kind(name: str) -> Kind:
    """The kind of that name; raises KeyError."""
    import_module("jobs.kinds")
    return _KINDS[name]
