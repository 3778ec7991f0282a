"""Adding records up.

Owns what a record adds to a roll-up and to the ledger. Pure: rows are read and written by telemetry.ingest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from sandbox.worker.record import InvocationRecord
from telemetry.chunks import is_failure
from telemetry.frames import Owner
from telemetry.models import HOUR, MINUTE, Rollup
from telemetry.sketch import Sketch

# Columns that are plain sums, in ledger and roll-ups alike.
SUMS: Final = ("invocations", "requests", "cpu_us", "memory_kib_ms", "subrequests", "request_bytes", "response_bytes", "egress_bytes")
VARIANT_CHARACTERS: Final = 64
_MORE_SUMS: Final = ("errors", "cold", "wall_us")
ROLLUP_SUMS: Final = (*SUMS, *_MORE_SUMS)


class Place(NamedTuple):
    """Where a roll-up stands, but for its step."""

    tenant_id: int
    worker_id: int
    version: str
    variant: str


def sums_of(records: Sequence[InvocationRecord]) -> tuple[int, ...]:
    """What records add to `SUMS`. What was refused before it began has used nothing and is no request to be paid for."""
    return (
        len(records),
        sum([1 for record in records if record.start and not record.depth and record.event == "fetch"]),
        sum([record.cpu_us for record in records]),
        # Memory times wall time of each, rounded to the nearest.
        sum([(record.memory_bytes * record.wall_us + 512_000) // 1_024_000 for record in records]),
        sum([record.subrequests for record in records]),
        sum([record.request_bytes for record in records]),
        sum([record.response_bytes for record in records]),
        sum([record.egress_bytes for record in records]),
    )


class Tally:
    """Sums and histograms under way."""

    __slots__ = ("cpu", "memory_max", "outcomes", "statuses", "sums", "wall")

    def __init__(self) -> None:
        """Nothing yet."""
        self.sums = [0] * len(ROLLUP_SUMS)
        self.memory_max = 0
        self.outcomes: dict[str, int] = {}
        self.statuses: dict[str, int] = {}
        self.cpu, self.wall = Sketch(), Sketch()

    def add(self, record: InvocationRecord) -> None:
        """Count one record."""
        self.add_all([record])

    def add_all(self, records: Sequence[InvocationRecord]) -> None:
        """Count records: field by field, because most of the cost of counting thousands one by one is the loop around it."""
        failures = sum(1 for record in records if is_failure(record))
        cold = sum(1 for record in records if record.start == "cold")
        more = (*sums_of(records), failures, cold, sum([record.wall_us for record in records]))
        self.sums = [total + each for total, each in zip(self.sums, more, strict=True)]
        self.memory_max = max([self.memory_max, *[record.memory_bytes for record in records]])
        for outcome, count in Counter([record.outcome for record in records]).items():
            self.outcomes[str(outcome)] = self.outcomes.get(str(outcome), 0) + count
        for status, count in Counter([record.status for record in records]).items():
            name = f"{status // 100}xx" if status else "none"
            self.statuses[name] = self.statuses.get(name, 0) + count
        self.cpu.add_all([record.cpu_us for record in records])
        self.wall.add_all([record.wall_us for record in records])

    def merge(self, other: Self) -> None:
        """Count everything that `other` has counted, too."""
        self.sums = [total + each for total, each in zip(self.sums, other.sums, strict=True)]
        self.memory_max = max(self.memory_max, other.memory_max)
        for mine, theirs in ((self.outcomes, other.outcomes), (self.statuses, other.statuses)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        self.cpu.merge(other.cpu)
        self.wall.merge(other.wall)

    @classmethod
    def of_row(cls, row: Rollup) -> Self:
        """What a row has counted."""
        made = cls()
        made.sums = [getattr(row, name) for name in ROLLUP_SUMS]
        made.memory_max = row.memory_max
        made.outcomes, made.statuses = dict(row.outcomes), dict(row.statuses)
        made.cpu, made.wall = Sketch.decode(row.cpu), Sketch.decode(row.wall)
        return made

    def columns(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {
            **dict(zip(ROLLUP_SUMS, self.sums, strict=True)),
            "memory_max": self.memory_max,
            "outcomes": self.outcomes,
            "statuses": self.statuses,
            "cpu": self.cpu.encode(),
            "wall": self.wall.encode(),
        }


def by_minute(records: Iterable[tuple[Owner, InvocationRecord]]) -> dict[tuple[Place, int], Tally]:
    """The records added up by place and minute (seconds since 1970)."""
    alike: dict[tuple[Owner, str, int], list[InvocationRecord]] = {}
    for owner, record in records:
        # As long as the column.
        alike.setdefault((owner, record.variant[:VARIANT_CHARACTERS], int(record.started_ms // 60_000)), []).append(record)
    found: dict[tuple[Place, int], Tally] = {}
    for (owner, variant, minute), several in alike.items():
        place = Place(owner.tenant_id, owner.worker_id, owner.version, variant)
        found.setdefault((place, minute * MINUTE), Tally()).add_all(several)
    return found


def coarser(minutes: Mapping[tuple[Place, int], Tally], step: int) -> dict[tuple[Place, int], Tally]:
    """The same by longer steps."""
    found: dict[tuple[Place, int], Tally] = {}
    for (place, at), tally in minutes.items():
        found.setdefault((place, at // step * step), Tally()).merge(tally)
    return found


def by_hour(minutes: Mapping[tuple[Place, int], Tally]) -> dict[tuple[int, int, int], list[int]]:
    """The ledger's sums by tenant, worker and hour."""
    found: dict[tuple[int, int, int], list[int]] = {}
    for (place, at), tally in minutes.items():
        key = (place.tenant_id, place.worker_id, at // HOUR * HOUR)
        sums = found.setdefault(key, [0] * len(SUMS))
        found[key] = [total + each for total, each in zip(sums, tally.sums, strict=False)]
    return found
