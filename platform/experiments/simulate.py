"""Experiments on people who do not exist: how often a difference is seen where there is none, and how soon one is where there is.

    python -m experiments.simulate --runs 400

Owns the simulated visitors: they come in batches, come back, do what they do later than they were first seen, fail more often the unluckier
they are, and after every batch somebody looks at everything. Uses the same comparison as real experiments. Touches no rows.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from experiments.comparing import Sums, compare
from experiments.metrics import Metric
from experiments.mismatch import check_ratio

METRICS: Final = (
    Metric("purchases", "conversion", "purchase"),
    Metric("baskets", "count", "basket"),
    Metric("revenue", "sum", "purchase"),
    Metric("errors", "errors", better="lower"),
    Metric("cpu", "cpu_ms", better="lower"),
)
CONTROL, VARIANT = "control", "treatment"


@dataclass(frozen=True, slots=True)
class World:
    """What the variant's visitors are like beside the control's: differences that are 0 make an A/A test."""

    # Share that buys at all, of the control; and how much larger it is for the variant, as a part of it.
    buying: float = 0.08
    lift: float = 0.0
    # Share of failing invocations, and what the variant adds.
    failing: float = 0.01
    more_failing: float = 0.0
    # New participants of a batch, and how many come back for another visit.
    batch: int = 250
    returning: int = 150
    batches: int = 40


@dataclass(slots=True)
class _Person:
    arm: str
    fails: float
    visits: int = 0
    errors: int = 0
    cpu: float = 0.0
    baskets: int = 0
    spent: float = 0.0
    # Batches until they buy; None for who never does.
    buys_in: int | None = None


@dataclass(slots=True)
class _Arm:
    people: int = 0
    hits: int = 0
    # By metric: total, squares, base, base's squares, products.
    sums: dict[str, list[float]] = field(default_factory=lambda: {metric.name: [0.0] * 5 for metric in METRICS})

    def change(self, metric: str, before: tuple[float, float], after: tuple[float, float]) -> None:
        """One participant's (value, base) becomes another."""
        (y0, x0), (y1, x1) = before, after
        sums = self.sums[metric]
        for at, value in enumerate((y1 - y0, y1 * y1 - y0 * y0, x1 - x0, x1 * x1 - x0 * x0, x1 * y1 - x0 * y0)):
            sums[at] += value

    def of(self, metric: Metric) -> Sums:
        """The sums as a comparison takes them."""
        return Sums(self.people, self.hits, *self.sums[metric.name])


def run(world: World, *, seed: int, alpha: float = 0.05) -> dict[str, int]:
    """One experiment, looked at after every batch; metric (or `ratio`) -> the batch (from 1) at which something was first said of it."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    arms = {CONTROL: _Arm(), VARIANT: _Arm()}
    everybody: list[_Person] = []
    said: dict[str, int] = {}
    always = 1.0
    for look in range(1, world.batches + 1):
        everybody += [_arrive(world, chance, arms) for _ in range(world.batch)]
        for person in chance.choices(everybody, k=world.returning):
            _visit(person, chance, arms[person.arm])
        for person in everybody:
            if person.buys_in is not None:
                _wait(person, chance, arms[person.arm])
        for metric in METRICS:
            if metric.name not in said:
                found = compare(metric, VARIANT, arms[VARIANT].of(metric), arms[CONTROL].of(metric), alpha=alpha)
                if found.verdict in ("better", "worse"):
                    said[metric.name] = look
        ratio = check_ratio({name: arm.people for name, arm in arms.items()}, {CONTROL: 0.5, VARIANT: 0.5}, earlier_p=always)
        always = ratio.always_valid_p
        if ratio.mismatch:
            said.setdefault("ratio", look)
    return said


def _arrive(world: World, chance: random.Random, arms: dict[str, _Arm]) -> _Person:
    arm = CONTROL if chance.random() < 0.5 else VARIANT  # noqa: PLR2004 - a fair coin
    other = arm == VARIANT
    # Some are ten times unluckier than others: their invocations fail together.
    fails = (world.failing + world.more_failing * other) * (0.5 if chance.random() < 0.9 else 5.5)  # noqa: PLR2004 - nine of ten
    buys = chance.random() < world.buying * (1 + world.lift * other)
    person = _Person(arm, fails, buys_in=int(chance.expovariate(0.5)) if buys else None)
    arms[arm].people += 1
    _visit(person, chance, arms[arm])
    return person


def _visit(person: _Person, chance: random.Random, arm: _Arm) -> None:
    before = ((person.errors, person.visits), (person.cpu, person.visits), (person.baskets, 0))
    person.visits += 1
    person.errors += chance.random() < person.fails
    person.cpu += chance.lognormvariate(1.0, 0.8)
    person.baskets += chance.random() < 0.15  # noqa: PLR2004 - about one visit in seven
    after = ((person.errors, person.visits), (person.cpu, person.visits), (person.baskets, 0))
    for metric, was, now in zip(("errors", "cpu", "baskets"), before, after, strict=True):
        arm.change(metric, was, now)


def _wait(person: _Person, chance: random.Random, arm: _Arm) -> None:
    assert person.buys_in is not None
    person.buys_in -= 1
    if person.buys_in < 0:
        person.buys_in = None
        arm.hits += 1
        before, person.spent = person.spent, chance.lognormvariate(3.0, 0.8)
        arm.change("revenue", (before, 0), (person.spent, 0))


def main() -> int:
    """Print how often anything was said, without and with a difference."""
    reader = argparse.ArgumentParser(description="Simulated experiments, looked at after every batch.")
    reader.add_argument("--runs", type=int, default=400)
    reader.add_argument("--seed", type=int, default=1)
    given = reader.parse_args()
    for title, world in (
        ("A/A: no difference", World()),
        ("A/A: 1 % buy", World(buying=0.01)),
        ("A/B: 30 % more buy", World(lift=0.3)),
        ("A/B: errors 1 % -> 3 %", World(more_failing=0.02)),
    ):
        runs = [run(world, seed=given.seed * 1_000_003 + number) for number in range(given.runs)]
        counts = Counter(name for said in runs for name in said)
        print(f"{title}: {given.runs} experiments of {world.batches} looks, {world.batch} new participants each")  # noqa: T201
        for name in (*(metric.name for metric in METRICS), "ratio"):
            looks = sorted(said[name] for said in runs if name in said)
            middle = f", half of them within {looks[len(looks) // 2] * world.batch:,} participants" if looks else ""
            print(f"  {name:10} said to differ in {counts[name] / given.runs:6.1%}{middle}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
