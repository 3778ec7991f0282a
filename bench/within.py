"""Measurements inside the sandbox, used as a library: `python -m bench.within WHAT JSON`; tells one line of JSON.

Owns the in-process harness. No HTTP, no database: a request is made, dispatched, and its response read, one after the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable
from itertools import accumulate, count
from pathlib import Path
from typing import Any, Final

from bench.figures import percentile
from bench.processes import Memory
from bench.sides import COMPATIBILITY_DATE, source
from sandbox import Bundle, PoolConfig, Program, Request, Sandbox, SandboxConfig, Target, WorkerKey

# What a browser's request carries once a gateway has been through it.
HEADERS: Final = [(b"host", b"hello.bench.localhost"), (b"user-agent", b"bench"), (b"accept", b"*/*"), (b"cf-connecting-ip", b"127.0.0.1")]
# Of the Zipf distribution: the tenant of rank n gets a share of 1 / n^s.
ZIPF_EXPONENT: Final = 1.0
_SEED: Final = 20_250_601
# Seconds after which a pool that is not full is measured as it is.
_FILL_SECONDS: Final = 40.0
# Of an idle pool, and how long it may take to give its memory back (it is swept every 5 s, recycled instances stay for 10 s more).
_TTL_SECONDS: Final = 2.0
_REST_SECONDS: Final = 30.0


def request(path: str = "/") -> Request:
    """A plain GET."""
    return Request("GET", f"http://hello.bench.localhost{path}", list(HEADERS))


async def ask(box: Sandbox, target: Target, path: str = "/") -> None:
    """One request, its response read; RuntimeError unless it is a 200."""
    response = await box.dispatch(target, request(path))
    await response.read()
    if response.status != 200:  # noqa: PLR2004 - the number says it
        raise RuntimeError(f"{target.key.text} answered {path} with {response.status}")


async def maker(box: Sandbox, worker: str, *, loader: bool = False) -> Callable[[str, str], Target]:
    """A function from tenant and version to a target that runs `worker` from its stored image."""
    env = [{"type": "worker_loader", "name": "LOADER"}] if loader else []
    plain = Bundle.js(source(worker).read_text())
    bundle = Bundle(plain.main, plain.modules, env, COMPATIBILITY_DATE)
    image = (await box.build(bundle)).image

    async def program() -> Program:
        return Program(bundle, image)

    return lambda tenant, version: Target(WorkerKey(tenant, worker, version), program)


async def cold(order: dict[str, Any]) -> dict[str, Any]:
    """Latencies (milliseconds) of cold starts: dynamic workers through the Loader, and stored versions from their image."""
    keys = count(1)
    found: dict[str, list[float]] = {"loader_p50": [], "loader_p99": [], "image_p50": [], "image_p99": []}
    async with Sandbox(SandboxConfig(guest_home=Path(order["guest"]))) as box:
        parent = (await maker(box, "loader", loader=True))("bench", "1")
        version = await maker(box, "hello")
        for number in range(order["rounds"] + 1):
            for kind in ("loader", "image"):
                latencies = []
                for _ in range(order["calls"]):
                    key = str(next(keys))
                    target = parent if kind == "loader" else version("bench", key)
                    began = time.perf_counter_ns()
                    await ask(box, target, f"/{key}")
                    latencies.append((time.perf_counter_ns() - began) / 1e6)
                # The first round warms up.
                if number:
                    found[f"{kind}_p50"].append(percentile(latencies, 0.5))
                    found[f"{kind}_p99"].append(percentile(latencies, 0.99))
    return found


async def tenants(order: dict[str, Any]) -> dict[str, Any]:
    """Rates with one tenant and with many, in turn; memory grown, as a percentage of the budget; how often the pool had the worker."""
    budget = order["budget"]
    chance = random.Random(_SEED)
    weights = list(accumulate(1 / rank**ZIPF_EXPONENT for rank in range(1, order["tenants"] + 1)))
    async with Sandbox(SandboxConfig(guest_home=Path(order["guest"]), pool=PoolConfig(budget_bytes=budget))) as box:
        make = await maker(box, "hello")
        everyone = [make(f"t{rank}", "1") for rank in range(order["tenants"])]
        one = make("one", "1")
        await ask(box, one)
        before = memory()
        # Everybody once, the most wanted last: the pool is as full and as well chosen as it will ever be.
        until = time.monotonic() + _FILL_SECONDS
        for target in reversed(everyone):
            if time.monotonic() > until:
                break
            await ask(box, target)
        found: dict[str, list[float]] = {"one": [], "many": [], "kept": [], "used": []}
        hits = misses = 0
        for _ in range(order["rounds"]):
            alone = await rate(box, lambda: [one] * 200, order["seconds"])
            earlier = box.stats()["pool"]
            many = await rate(box, lambda: chance.choices(everyone, cum_weights=weights, k=200), order["seconds"])
            pool = box.stats()["pool"]
            hits, misses = hits + pool["hits"] - earlier["hits"], misses + pool["misses"] - earlier["misses"]
            found["one"].append(alone)
            found["many"].append(many)
            found["kept"].append(100 * many / alone)
            found["used"].append(100 * (memory().proportional - before.proportional) / budget)
        pool = box.stats()["pool"]
        grown = memory().resident - before.resident
        return {
            **found,
            "resident": 100 * grown / budget,
            "hit_share": hits / (hits + misses),
            "held": pool["entries"],
            "estimate": 100 * pool["bytes"] / budget,
        }


async def rate(box: Sandbox, targets: Callable[[], list[Target]], seconds: float) -> float:
    """Requests per second over `seconds`, to chunks of targets; drawing a chunk is not counted."""
    done, spent = 0, 0.0
    while spent < seconds:
        chunk = targets()
        began = time.perf_counter()
        for target in chunk:
            await ask(box, target)
        spent += time.perf_counter() - began
        done += len(chunk)
    return done / spent


async def idle(order: dict[str, Any]) -> dict[str, Any]:
    """Resident memory (MiB) before and after a burst of cold dynamic workers, when nothing of them is left in the pool."""
    config = SandboxConfig(guest_home=Path(order["guest"]), pool=PoolConfig(ttl_seconds=_TTL_SECONDS))
    async with Sandbox(config) as box:
        parent = (await maker(box, "loader", loader=True))("bench", "1")
        for number in range(20):
            await ask(box, parent, f"/first-{number}")
        before = busiest = memory().resident
        for number in range(order["starts"]):
            await ask(box, parent, f"/{number}")
            if not number % 200:
                busiest = max(busiest, memory().resident)
                await asyncio.sleep(0)
        after = busiest = max(busiest, memory().resident)
        until = time.monotonic() + _REST_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(1)
            after = memory().resident
            if after <= before * 1.05:
                break
        left = box.stats()["pool"]["entries"]
        if left > 1:
            raise RuntimeError(f"{left} workers are still in the pool")
    return {
        "left": 100 * after / before,
        **{f"{name}_mib": value / 2**20 for name, value in (("before", before), ("busiest", busiest), ("after", after))},
    }


def memory() -> Memory:
    """Of this process."""
    return Memory.of([os.getpid()])


if __name__ == "__main__":
    measure = {"cold": cold, "tenants": tenants, "idle": idle}[sys.argv[1]]
    sys.stdout.write(json.dumps(asyncio.run(measure(json.loads(sys.argv[2])))) + "\n")
