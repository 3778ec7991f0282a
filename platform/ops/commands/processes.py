"""`hostel drain` and `hostel reload`: the processes that serve."""

from __future__ import annotations

import asyncio
import os
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controlplane import config
from ops import gateways
from ops.cli import Outcome, table
from ops.lock import holder
from ops.serve import RELOAD
from sandbox.errors import HostelError

_LOOK_SECONDS = 0.1
_MOST_SECONDS = 3600.0
_COLUMNS = ("process", "draining", "refusing", "refused", "under_way")


class NothingServes(HostelError):
    """No gateway process of this home answers."""

    code = "nothing_serves"
    status = 503


class OptionInvalid(HostelError):
    """An option of the command line is not valid."""

    code = "option_invalid"
    status = 400


def drain(options: Namespace) -> Outcome:
    """Take processes out of service (or back into it) and wait for what they are at."""
    for name in ("grace", "timeout"):
        if not 0 <= getattr(options, name) <= _MOST_SECONDS:
            raise OptionInvalid(f"must be 0 to {_MOST_SECONDS:.0f} seconds.", field=f"--{name}")
    sockets = gateways.processes(config.load().run)
    for pid in options.process or ():
        if pid not in sockets:
            raise NothingServes(f"There is no gateway process {pid} here.", field="--process")
    chosen = {pid: path for pid, path in sockets.items() if not options.process or pid in options.process}
    return asyncio.run(_undone(chosen) if options.undo else _drained(chosen, grace=options.grace, timeout=options.timeout))


def reload(options: Namespace) -> Outcome:
    """Tell the supervisor, and wait until every gateway process is another one."""
    if not 0 < options.timeout <= _MOST_SECONDS:
        raise OptionInvalid(f"must be more than 0 and at most {_MOST_SECONDS:.0f} seconds.", field="--timeout")
    settings = config.load()
    pid = holder(settings.run)
    if pid is None:
        raise NothingServes(f"Hostel does not run in {settings.home}: there is nothing to reload.")
    before = gateways.processes(settings.run)
    os.kill(pid, RELOAD)
    after, done = asyncio.run(_replaced(settings.run, before, timeout=options.timeout))
    data = {"before": sorted(before), "after": sorted(after), "done": done}
    said = "Every gateway process was replaced." if done else f"Not every gateway process was replaced within {options.timeout:g} s."
    return Outcome(data, [said], code=0 if done else 1)


async def _replaced(run: Path, before: Mapping[int, Path], *, timeout: float) -> tuple[dict[int, Any], bool]:  # noqa: ASYNC109
    """The processes that answer, and whether they are as many as before and all of them new."""
    until = time.monotonic() + timeout
    while True:
        sockets = gateways.processes(run)
        answers = await gateways.ask_all(sockets, "GET", "/healthz")
        alive = {pid: answer for pid, answer in answers.items() if answer is not None}
        done = len(alive) >= max(1, len(before)) and not set(alive) & set(before)
        if done or time.monotonic() > until:
            return alive, done
        await asyncio.sleep(_LOOK_SECONDS)


async def _drained(sockets: Mapping[int, Path], *, grace: float, timeout: float) -> Outcome:  # noqa: ASYNC109 - as the option is called
    states = _answered(await gateways.ask_all(sockets, "POST", "/drain", {"grace_seconds": grace}))
    until = time.monotonic() + grace + timeout
    while not _idle(states) and time.monotonic() < until:
        await asyncio.sleep(_LOOK_SECONDS)
        # One that ends meanwhile has nothing under way.
        found = await gateways.ask_all({pid: sockets[pid] for pid in states}, "GET", "/drain")
        states = {pid: state for pid, state in found.items() if state is not None}
    rows = _rows(states)
    left = sum(row["under_way"] for row in rows)
    said = "Nothing is under way any more." if not left else f"{left} requests had not ended after {timeout:g} s."
    return Outcome(rows, [*table(rows, _COLUMNS), said], code=1 if left else 0)


async def _undone(sockets: Mapping[int, Path]) -> Outcome:
    rows = _rows(_answered(await gateways.ask_all(sockets, "DELETE", "/drain")))
    return Outcome(rows, table(rows, _COLUMNS))


def _answered(found: Mapping[int, Any]) -> dict[int, Any]:
    states = {pid: state for pid, state in found.items() if state is not None}
    if not states:
        raise NothingServes
    return states


def _idle(states: Mapping[int, Any]) -> bool:
    return all(state["refusing"] and not state["under_way"] for state in states.values())


def _rows(states: Mapping[int, Any]) -> list[dict[str, Any]]:
    return [{"process": pid, **state} for pid, state in sorted(states.items())]
