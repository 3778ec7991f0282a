"""What the guards' test does when nobody knows the answer beforehand: `python -m rollouts.simulate`.

Owns the simulation that docs/rollouts.md quotes: how often a rollout of a version that is no worse is accused, although somebody looks
every minute, and how long one that is worse serves until it is found. Seeded: the same figures every time. Must not touch a database.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rollouts.statistics import Bound, Counted, Cut, Evidence
from telemetry.sketch import Sketch

LOOK_SECONDS: Final = 60
TICK_SECONDS: Final = 5
RESTART_SECONDS: Final = 60
_SEED: Final = 20_180
Block = tuple[Counted, Counted]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a second in all, the new version's part of them, and what share fails of either version."""

    rate: float
    weight: float
    new: float
    old: float

    def blocks(self, chance: random.Random, seconds: int) -> Iterator[Block]:
        """One block after the other, each of `seconds`."""
        while True:
            total = round(self.rate * seconds)
            new = binomial(chance, total, self.weight)
            old = total - new
            yield Counted(new, binomial(chance, new, self.new)), Counted(old, binomial(chance, old, self.old))


def accused(traffic: Traffic, *, alpha: float, looks: int, runs: int, seconds: int = LOOK_SECONDS) -> float:
    """The share of runs in which any of `looks` looks found the new version worse."""
    chance = random.Random(_SEED)  # noqa: S311 - a simulation
    found = 0
    for _ in range(runs):
        evidence = Evidence(Bound())
        blocks = traffic.blocks(chance, seconds)
        for look in range(looks):
            if look and (look * seconds) % RESTART_SECONDS == 0:
                evidence.restart()
            new, old = next(blocks)
            evidence.add(new=new, old=old)
            if evidence.p <= alpha:
                found += 1
                break
    return found / runs


def fixed(traffic: Traffic, *, alpha: float, looks: int, runs: int) -> float:
    """The same with the textbook's two-proportion z-test at every look, for comparison: it was made for one look."""
    chance = random.Random(_SEED)  # noqa: S311 - a simulation
    critical = statistics.NormalDist().inv_cdf(1 - alpha)
    found = 0
    for _ in range(runs):
        new = old = Counted()
        blocks = traffic.blocks(chance, LOOK_SECONDS)
        for _look in range(looks):
            more_new, more_old = next(blocks)
            new, old = new + more_new, old + more_old
            if _z(new, old) > critical:
                found += 1
                break
    return found / runs


def seconds_to_find(traffic: Traffic, *, alpha: float, runs: int, history: Counted, good_seconds: int = 0, most: int = 7_200) -> list[int]:
    """For each run the seconds until the new version is found worse (`most` where it is not), after `good_seconds` of being as good."""
    chance = random.Random(_SEED)  # noqa: S311 - a simulation
    good = Traffic(traffic.rate, traffic.weight, traffic.old, traffic.old)
    found = []
    for _ in range(runs):
        evidence = Evidence(Bound(), history=history)
        before, after = good.blocks(chance, TICK_SECONDS), traffic.blocks(chance, TICK_SECONDS)
        for second in range(-good_seconds, most, TICK_SECONDS):
            if (second + good_seconds) % RESTART_SECONDS == 0 and second + good_seconds:
                evidence.restart()
            new, old = next(before if second < 0 else after)
            evidence.add(new=new, old=old)
            if evidence.p <= alpha:
                break
        found.append(max(0, second + TICK_SECONDS))
    return sorted(found)


def seconds_to_find_slow(*, rate: float, weight: float, slower: float, alpha: float, runs: int, most: int = 7_200) -> list[int]:
    """The same for a version whose every request takes `slower` times as long; times are log-normal, the allowed ratio is 1.2."""
    chance = random.Random(_SEED)  # noqa: S311 - a simulation
    found = []
    for _ in range(runs):
        evidence, known = Evidence(Bound()), _times(chance, 1_000, 1.0)
        for second in range(0, most, TICK_SECONDS):
            if second and second % RESTART_SECONDS == 0:
                evidence.restart()
            new = binomial(chance, round(rate * TICK_SECONDS), weight)
            cut = Cut.at(known, 0.95, ratio=1.2, floor_us=1_000)
            assert cut is not None
            old = _times(chance, round(rate * TICK_SECONDS) - new, 1.0)
            evidence.add(new=cut.slow_new(_times(chance, new, slower)), old=cut.slow_old(old))
            known.merge(old)
            if evidence.p <= alpha:
                break
        found.append(second + TICK_SECONDS)
    return sorted(found)


def binomial(chance: random.Random, trials: int, share: float) -> int:
    """How many of `trials` succeed: from success to success by geometric leaps."""
    if share <= 0:
        return 0
    if share >= 1:
        return trials
    hits, at, scale = 0, 0, math.log1p(-share)
    while True:
        at += 1 + int(math.log(1 - chance.random()) / scale)
        if at > trials:
            return hits
        hits += 1


def _times(chance: random.Random, count: int, slower: float) -> Sketch:
    """Log-normal wall times around 20 ms."""
    return Sketch.of(int(20_000 * slower * chance.lognormvariate(0, 0.6)) for _ in range(count))


def _z(new: Counted, old: Counted) -> float:
    if not new.trials or not old.trials:
        return 0.0
    pooled = (new + old).share
    spread = math.sqrt(pooled * (1 - pooled) * (1 / new.trials + 1 / old.trials))
    return (new.share - old.share) / spread if spread else 0.0


def main(runs: int, say: Callable[[str], object]) -> None:
    """Print every figure, as the tables of docs/rollouts.md."""
    say(f"False alarms: the new version is no worse, 10 requests/s, a look every minute for an hour, {runs} runs, alpha = 0.05")
    say("| share that fails | new version's weight | always-valid | z-test at every look |")
    say("|---|---|---|---|")
    for share in (0.001, 0.01, 0.1):
        for weight in (0.01, 0.1, 0.5):
            traffic = Traffic(10, weight, share, share)
            valid, naive = accused(traffic, alpha=0.05, looks=60, runs=runs), fixed(traffic, alpha=0.05, looks=60, runs=runs)
            say(f"| {share:.1%} | {weight:.0%} | {valid:.1%} | {naive:.1%} |")
    say("")
    say(f"Time to find 3 % failing instead of 1 %, 10 requests/s, a look every 5 s, {runs // 5} runs")
    say("| weight | alpha | median | 90 % within | requests of the new version until then (median) |")
    say("|---|---|---|---|---|")
    history = Counted(36_000, 360)
    for weight in (0.05, 0.1, 0.25, 0.5):
        for alpha in (0.01, 0.0025):
            times = seconds_to_find(Traffic(10, weight, 0.03, 0.01), alpha=alpha, runs=runs // 5, history=history, most=14_400)
            middle = times[len(times) // 2]
            say(f"| {weight:.0%} | {alpha} | {_clock(middle)} | {_clock(times[len(times) * 9 // 10])} | {round(middle * 10 * weight)} |")
    say("")
    say(f"Other bad versions, 10 requests/s, weight 10 %, alpha = 0.0025, {runs // 5} runs: median (90 % within)")
    for words, new, good in (("fails always", 1.0, 0), ("20 %", 0.2, 0), ("5 %", 0.05, 0), ("5 %, after a good hour", 0.05, 3_600)):
        times = seconds_to_find(Traffic(10, 0.1, new, 0.01), alpha=0.0025, runs=runs // 5, history=history, good_seconds=good)
        say(f"- {words}: {_clock(times[len(times) // 2])} ({_clock(times[len(times) * 9 // 10])})")
    for slower in (1.5, 2.0, 4.0):
        times = seconds_to_find_slow(rate=10, weight=0.1, slower=slower, alpha=0.0025, runs=max(10, runs // 20))
        say(f"- every request {slower:g} times as slow: {_clock(times[len(times) // 2])} ({_clock(times[len(times) * 9 // 10])})")


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=1_000, help="runs of each false-alarm figure; a fifth of them for times (default 1000)")
    main(parser.parse_args().runs, lambda line: sys.stdout.write(f"{line}\n"))
