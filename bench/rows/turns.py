"""Rounds in turn: what all rows that send load have in common.

Owns the interleaving, the warm-up and the check that both sides give the same answer. Must not judge figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import count

from bench import generator
from bench.client import Endpoint, once
from bench.figures import BenchFailed
from bench.generator import Load, Sample
from bench.processes import Variant
from bench.sides import Bench, Side

Samples = Mapping[str, list[Sample]]
_tags = count(1)


async def alternate(bench: Bench, variant: Variant, worker: str, load: Load, *, anew: bool = False) -> Samples:
    """The rounds of every side, by its name; who goes first changes with each round.

    Servers live through all rounds, or, with `anew`, are started for each: workerd never lets go of a dynamic worker, so a second round
    would be measured in a process grown by the first. A `load` with a tag gets another tag each time: no key is ever used twice.
    """
    samples: dict[str, list[Sample]] = {side.name: [] for side in bench.sides}
    async with AsyncExitStack() as stack:
        serving = {} if anew else {side.name: await stack.enter_async_context(side.serving(variant)) for side in bench.sides}
        if not anew:
            await agree([(side.name, serving[side.name](worker)) for side in bench.sides], load)
            for side in bench.sides:
                await generator.measure(_tagged(load), serving[side.name](worker), seconds=bench.plan.warm_up, core=variant.generator_core)
        for number in range(bench.plan.rounds):
            for side in in_turn(bench.sides, number):
                if anew:
                    sample = await _one_alone(bench, side, variant, worker, load)
                else:
                    endpoint = serving[side.name](worker)
                    sample = await generator.measure(_tagged(load), endpoint, seconds=bench.plan.seconds, core=variant.generator_core)
                samples[side.name].append(sample)
    return samples


def in_turn(sides: tuple[Side, ...], number: int) -> tuple[Side, ...]:
    """The sides in this round's order."""
    return sides[::-1] if number % 2 else sides


async def agree(endpoints: list[tuple[str, Endpoint]], load: Load) -> None:
    """Raise `BenchFailed` unless every side answers 200 with the same body: else different work would be compared."""
    answers = {name: await once(endpoint, load.ask) for name, endpoint in endpoints}
    for name, answer in answers.items():
        if answer.status != 200:  # noqa: PLR2004 - the number says it
            raise BenchFailed(f"{name} answered {load.ask.method} {load.ask.path} with {answer.status}: {answer.body[:300]!r}")
    if len({answer.body for answer in answers.values()}) > 1:
        told = ", ".join(f"{name}: {answer.body[:80]!r}" for name, answer in answers.items())
        raise BenchFailed(f"The sides disagree about {load.ask.method} {load.ask.path} ({told}).")


def troubles(samples: Samples) -> list[str]:
    """A note for each side that refused requests or broke connections."""
    notes = []
    for name, rounds in samples.items():
        refused, broken = sum(one.refused for one in rounds), sum(one.broken for one in rounds)
        if refused or broken:
            requests = sum(one.requests for one in rounds)
            notes.append(f"{name}: {refused} of {requests} answers were errors, {broken} connections broke or timed out")
    return notes


async def _one_alone(bench: Bench, side: Side, variant: Variant, worker: str, load: Load) -> Sample:
    async with side.serving(variant) as serving:
        endpoint = serving(worker)
        # One key for all of the warm-up: the worker that asks the loader is warm, what it asks for is not.
        await generator.measure(Load(load.ask, load.connections), endpoint, seconds=bench.plan.warm_up, core=variant.generator_core)
        return await generator.measure(_tagged(load), endpoint, seconds=bench.plan.seconds, core=variant.generator_core)


def _tagged(load: Load) -> Load:
    return Load(load.ask, load.connections, f"{load.tag}{next(_tags)}") if load.tag else load
