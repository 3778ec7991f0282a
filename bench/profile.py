"""Where a request's microseconds go inside the sandbox: `python -m bench.profile [SCENE…] [--count N] [--guest FOLDER]`.

Owns a profiler of a few named stages, for people who change the hot path: run it before and after. Each stage is timed by a wrapper around
one function, its own time without the stages it calls; what the wrappers themselves cost is measured and taken off. Whatever no stage
names is "the rest": await, event loop, glue. Figures are the least of several rounds, since noise only adds; totals come from rounds
without wrappers.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.plan import ROOT
from bench.within import maker, request
from sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS: Final = 5
_CALIBRATION: Final = 20_000

# Label, then the functions whose own time it is. A name that has gone is reported, so that this list follows the code.
STAGES: Final = {
    "guest: the turn itself": ("sandbox.engine.instance:Instance.poll",),
    "engine: put the input in, begin the call": ("sandbox.engine.instance:Instance.start", "sandbox.engine.raw:RawInstance.begin"),
    "engine: read the result": ("sandbox.engine.instance:Instance.finish", "sandbox.engine.raw:RawInstance.result"),
    "engine: new instance": ("sandbox.engine.engine:Engine.instantiate", "sandbox.engine.raw:RawInstance.__init__"),
    "engine: recycle an instance": ("sandbox.engine.engine:Engine.retire", "sandbox.engine.recycle:Recycler.reset"),
    "engine: close an instance": ("sandbox.engine.raw:RawInstance.close",),
    "image: decode": ("sandbox.engine.image:Image.decode",),
    "image: lay over the base": ("sandbox.engine.image:Image.restore",),
    "scheduler": ("sandbox.scheduler.scheduler:Scheduler.run",),
    "protocol: encode": (
        "sandbox.protocol.events:request",
        "sandbox.protocol.events:prelude",
        "sandbox.protocol.events:prelude_keeping_key",
        "sandbox.protocol.events:fetch_head",
        "sandbox.protocol.events:need_code",
        "sandbox.worker.startup:_turn",
    ),
    "protocol: decode, route": ("sandbox.worker.isolate:Isolate._settle", "sandbox.worker.startup:_started"),
    "invocation: set up": ("sandbox.worker.invocation:Invocation.__init__", "sandbox.sandbox:_of_entry"),
    "invocation: calls": ("sandbox.worker.invocation:Invocation.on_call_effect", "sandbox.worker.calls:Calls._deliver"),
    "invocation: end": ("sandbox.worker.invocation:Invocation.finish",),
    "isolate: mailbox": ("sandbox.worker.isolate:Isolate.post", "sandbox.worker.isolate:Isolate._pump"),
    "pool: look up": (
        "sandbox.pool.pool:Pool.warm",
        "sandbox.pool.admission:Admission.try_enter",
        "sandbox.pool.admission:Admission.leave",
    ),
    "pool: books, eviction": ("sandbox.pool.pool:Pool._account", "sandbox.pool.pool:Pool._make_room", "sandbox.pool.pool:Pool._adopt"),
    "bundle: checks": ("sandbox.bundle:Bundle.check",),
}


@dataclass(slots=True)
class Meter:
    """Own time (ns) and calls by label. `inner` and `outer` are what one wrapper adds to its own label and to its caller's."""

    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    inner: float = 0.0
    outer: float = 0.0
    # For each stage under way: the time of the stages it has called.
    _stack: list[list[float]] = field(default_factory=list)

    def timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, counted under `label`."""
        stack, clock = self._stack, time.perf_counter_ns

        def wrapper(*arguments: Any, **named: Any) -> Any:
            frame = [0.0]
            stack.append(frame)
            began = clock()
            try:
                return function(*arguments, **named)
            finally:
                took = clock() - began
                stack.pop()
                self.spent[label] += took - frame[0] - self.inner
                self.calls[label] += 1
                if stack:
                    stack[-1][0] += took + self.outer

        return wrapper

    def calibrate(self) -> None:
        """Measure a wrapper around nothing."""
        nothing = lambda: None  # noqa: E731 - it is nothing
        wrapped = self.timed("", nothing)
        plain, whole = _cost(nothing), _cost(wrapped)
        inner = self.spent[""] / self.calls[""] - plain
        self.inner, self.outer = max(0.0, inner), max(0.0, whole - plain - inner)

    def clear(self) -> None:
        """Begin to count again."""
        self.spent.clear()
        self.calls.clear()

    @contextmanager
    def attached(self) -> Iterator[list[str]]:
        """Wrap every stage; yields the names that could not be found."""
        undo: list[Callable[[], None]] = []
        missing: list[str] = []
        for label, names in STAGES.items():
            for name in names:
                try:
                    undo.append(self._wrap(label, name))
                except (AttributeError, KeyError, ImportError):
                    missing.append(name)
        try:
            yield missing
        finally:
            for step in reversed(undo):
                step()

    def _wrap(self, label: str, name: str) -> Callable[[], None]:
        module, _, path = name.partition(":")
        owner: Any = import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        held = vars(owner)[last]
        kind = type(held) if isinstance(held, staticmethod | classmethod) else None
        timed: Any = self.timed(label, held.__func__ if kind else held)
        setattr(owner, last, kind(timed) if kind else timed)
        return lambda: setattr(owner, last, held)


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of request, to be repeated; `once` is given its number."""

    title: str
    count: int
    once: Callable[[int], Awaitable[None]]
    # Brings the pool into the state the scene is about, before each round.
    prepare: Callable[[], Awaitable[None]] = _nothing


async def scenes(box: Sandbox) -> dict[str, Scene]:
    """What can be looked at."""
    hello, loader, echo = await maker(box, "hello"), await maker(box, "loader", loader=True), await maker(box, "echo")
    warm, parent, mirror = hello("warm", "1"), loader("parent", "1"), echo("echo", "1")
    body = b'{"items": [' + b", ".join(b'{"id": %d, "name": "item"}' % number for number in range(38)) + b"]}"

    async def ask(target: Any, path: str = "/", content: bytes | None = None) -> None:
        sent = request(path)
        if content is not None:
            sent.method, sent.body = "POST", content
        response = await box.dispatch(target, sent)
        await response.read()

    async def empty() -> None:
        box.evict("")
        await ask(parent)

    async def fill() -> None:
        pool = box.stats()["pool"]
        for number in count(pool["loads"]):
            await ask(hello("filling", str(number)))
            if box.stats()["pool"]["evictions"] > pool["evictions"]:
                break

    return {
        "hello": Scene("warm hello", 2_000, lambda _: ask(warm)),
        "json": Scene("warm 1 KB JSON echo", 2_000, lambda _: ask(mirror, "/json", body)),
        "body": Scene("warm 100 KB body, read first", 500, lambda _: ask(mirror, "/whole", bytes(100_000))),
        "loader": Scene("warm through the Loader", 1_000, lambda _: ask(parent, "/warm")),
        "version": Scene("cold start of a stored version, the pool has room", 500, lambda number: ask(hello("cold", f"v{number}")), empty),
        "dynamic": Scene("cold dynamic worker, the pool has room", 500, lambda number: ask(parent, f"/d{number}"), empty),
        "version-full": Scene(
            "cold start of a stored version, the pool is full", 500, lambda number: ask(hello("cold", f"w{number}")), fill
        ),
        "dynamic-full": Scene("cold dynamic worker, the pool is full", 500, lambda number: ask(parent, f"/e{number}"), fill),
    }


async def show(scene: Scene, meter: Meter, *, requests: int) -> None:
    """Measure a scene with and without stages, and print both."""
    number = 0
    plain: list[float] = []
    stages: dict[str, list[float]] = {}
    calls: dict[str, float] = {}
    faults = 0

    async def run() -> float:
        nonlocal number
        began = time.perf_counter_ns()
        for _ in range(requests):
            number += 1
            await scene.once(number)
        return (time.perf_counter_ns() - began) / requests / 1e3

    await run()
    for _ in range(ROUNDS):
        await scene.prepare()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        plain.append(await run())
        faults += resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        await scene.prepare()
        with meter.attached() as gone:
            # What was bound in an earlier round still counts, also while the pool is prepared.
            meter.clear()
            await run()
        for label in STAGES:
            stages.setdefault(label, []).append(meter.spent[label] / requests / 1e3)
            calls[label] = meter.calls[label] / requests
    total = min(plain)
    found = {label: min(values) for label, values in stages.items() if calls[label]}
    rest = total - sum(found.values())
    print(
        f"\n{scene.title}: {total:.1f} us a request (up to {max(plain):.1f} in a noisy round), {faults / requests / ROUNDS:.1f} page faults"
    )
    for label, value in [*sorted(found.items(), key=lambda item: -item[1]), ("the rest: await, event loop, glue", rest)]:
        often = f"{calls[label]:5.2f} calls" if label in calls else ""
        print(f"  {value:8.1f} us {100 * value / total:5.1f} %  {often:12} {label}")
    if gone:
        print(f"  not found, and so in the rest: {', '.join(gone)}")


def empty_call(box: Sandbox, calls: int = 5_000) -> float:
    """Microseconds of a call into the guest that does nothing there: what every turn costs before any JavaScript runs."""
    engine = box._engine  # noqa: SLF001 - a profiler looks inside
    instance = engine.instantiate(1 << 27)
    try:
        function = instance.raw.export(b"hostel_control")
        began = time.perf_counter_ns()
        for _ in range(calls):
            instance.raw.begin(function, None)
            instance.raw.poll()
            instance.raw.result()
        return (time.perf_counter_ns() - began) / calls / 1e3
    finally:
        instance.close()


def _cost(function: Callable[[], Any]) -> float:
    """Nanoseconds of one call, at best."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter_ns()
        for _ in range(_CALIBRATION):
            function()
        best = min(best, (time.perf_counter_ns() - began) / _CALIBRATION)
    return best


async def main() -> None:
    """Print the stages of the scenes asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description="Where a request's microseconds go.")
    parser.add_argument(
        "scenes", nargs="*", metavar="SCENE", help="hello, json, body, loader, version[-full], dynamic[-full] (all of them if none)"
    )
    parser.add_argument("--count", type=int, help="requests in a round")
    parser.add_argument("--guest", type=Path, default=ROOT / "var" / "guest", help="where the guest is installed")
    chosen = parser.parse_args()
    async with Sandbox(SandboxConfig(guest_home=chosen.guest)) as box:
        known = await scenes(box)
        if unknown := set(chosen.scenes) - set(known):
            parser.error(f"there is no scene {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        meter = Meter()
        meter.calibrate()
        print(
            f"an empty call into the guest: {empty_call(box):.1f} us; a wrapper's own cost, taken off: {meter.inner + meter.outer:.0f} ns"
        )
        for name, scene in known.items():
            if not chosen.scenes or name in chosen.scenes:
                await show(scene, meter, requests=chosen.count or scene.count)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
