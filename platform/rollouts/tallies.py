"""What is counted of a version while a rollout watches it.

Owns which records count, what a record adds, and the JSON of the sums. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from rollouts.plans import Guard, Metric
from rollouts.statistics import Counted
from sandbox.worker.record import InvocationRecord
from telemetry.chunks import is_failure
from telemetry.sketch import Sketch
from telemetry.tally import Tally as Totals

_SERVER_ERROR: Final = 500
# Refused before it began, or stopped from outside: nothing of the version's doing.
_NOT_ITS_OWN: Final = frozenset({"loadShed", "scriptNotFound", "aborted"})


@dataclass(slots=True)
class Tallied:
    """Sums and histograms of one version. `outcomes` has a number for each guard on an outcome of the tenant's own, by its name."""

    requests: int = 0
    errors: int = 0
    exceptions: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    wall: Sketch = field(default_factory=Sketch)
    cpu: Sketch = field(default_factory=Sketch)
    # Of the newest record (milliseconds since 1970).
    newest_ms: int = 0

    def add(self, record: InvocationRecord, guards: Sequence[Guard]) -> None:
        """Count a record that `counts`."""
        self.requests += 1
        self.errors += is_error(record)
        self.exceptions += bool(record.exceptions) or str(record.outcome) == "exception"
        for guard in guards:
            if guard.metric == "outcome" and matches(guard, record):
                self.outcomes[guard.name] = self.outcomes.get(guard.name, 0) + 1
        if record.start:
            self.wall.add(record.wall_us)
            self.cpu.add(record.cpu_us)
        self.newest_ms = max(self.newest_ms, ended_ms(record))

    def merge(self, other: Self) -> None:
        """Count everything that `other` has counted, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.exceptions += other.exceptions
        for name, count in other.outcomes.items():
            self.outcomes[name] = self.outcomes.get(name, 0) + count
        self.wall.merge(other.wall)
        self.cpu.merge(other.cpu)
        self.newest_ms = max(self.newest_ms, other.newest_ms)

    def share(self, guard: Guard) -> Counted:
        """Requests, and how many of them are what a guard on a share counts."""
        hits = {"errors": self.errors, "exceptions": self.exceptions}.get(guard.metric, self.outcomes.get(guard.name, 0))
        return Counted(self.requests, hits)

    def times(self, metric: Metric) -> Sketch:
        """The histogram that a guard on a time looks at."""
        return self.wall if metric == "wall_p95" else self.cpu

    def as_json(self) -> dict[str, Any]:
        """All of it, for a row."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "exceptions": self.exceptions,
            "outcomes": self.outcomes,
            "wall": sorted(self.wall.counts.items()),
            "cpu": sorted(self.cpu.counts.items()),
            "newest_ms": self.newest_ms,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_json` gave; nothing gives nothing."""
        return cls(
            requests=stored.get("requests", 0),
            errors=stored.get("errors", 0),
            exceptions=stored.get("exceptions", 0),
            outcomes=dict(stored.get("outcomes", {})),
            wall=Sketch(dict(map(tuple, stored.get("wall", [])))),
            cpu=Sketch(dict(map(tuple, stored.get("cpu", [])))),
            newest_ms=stored.get("newest_ms", 0),
        )

    @classmethod
    def of_totals(cls, totals: Totals) -> Self:
        """What roll-ups know of the time before: no outcomes of the tenant's own."""
        requests, server = totals.sums[0], totals.statuses.get("5xx", 0)
        failed = requests - sum(totals.outcomes.get(name, 0) for name in ("ok", "canceled", *_NOT_ITS_OWN))
        return cls(
            requests=requests,
            errors=min(requests, max(failed, server)),
            exceptions=totals.outcomes.get("exception", 0),
            wall=Sketch(totals.wall.counts),
            cpu=Sketch(totals.cpu.counts),
        )


def counts(record: InvocationRecord, version: str) -> bool:
    """Whether it says something about `version`: no dynamic worker it made, no tail event, nothing the platform refused."""
    return record.version == version and record.event != "tail" and str(record.outcome) not in _NOT_ITS_OWN


def is_error(record: InvocationRecord) -> bool:
    """Whether a request failed: it did not end well, or was answered with 5xx."""
    return is_failure(record) or record.status >= _SERVER_ERROR


def matches(guard: Guard, record: InvocationRecord) -> bool:
    """Whether a request is what a guard on an outcome of the tenant's own counts."""
    if guard.status:
        return guard.status in (str(record.status), f"{record.status // 100}xx")
    return any(guard.marker in line.message for line in record.logs)


def ended_ms(record: InvocationRecord) -> int:
    """When it ended (milliseconds since 1970)."""
    return int(record.started_ms + record.wall_us / 1000)
