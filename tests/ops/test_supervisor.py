"""The supervisor's promises: all ready or a clear failure, an order of stopping, nothing left."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from ops.child import Spec
from ops.supervisor import StartFailed, Supervisor


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def supervisor_of(folder, *specs: Spec) -> Supervisor:
    return Supervisor(specs, logs=folder, environ=dict(os.environ), cwd=folder, echo=lambda _: None)


def sleeper(name: str, *, ready=at_once, on_term: str = "") -> Spec:
    # The shell writes its name when told to end, so that the order can be read.
    script = f"trap 'echo {name} >> order; {on_term} exit 0' TERM; echo up > {name}.up; while :; do sleep 0.05; done"
    return Spec(name, ["/bin/sh", "-c", script], ready)


async def test_all_children_run_and_the_first_is_stopped_first(tmp_path):
    supervisor = supervisor_of(tmp_path, *(sleeper(name) for name in ("first", "second", "third")))
    supervisor.launch()
    await supervisor.ready()
    while len(list(tmp_path.glob("*.up"))) < 3:
        await asyncio.sleep(0.01)
    pids = supervisor.pids()
    assert all(pids.values())
    await supervisor.stop()
    assert (tmp_path / "order").read_text().split()[0] == "first"
    assert sorted((tmp_path / "order").read_text().split()) == ["first", "second", "third"]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


async def test_a_process_that_never_answers_fails_the_start_with_its_last_words(tmp_path):
    supervisor = supervisor_of(tmp_path, sleeper("good"), Spec("dumb", ["/bin/sh", "-c", "echo my last words; exec sleep 60"], never))
    supervisor.launch()
    with pytest.raises(StartFailed, match="dumb process does not answer") as failure:
        await supervisor.ready(seconds=0.5)
    assert "my last words" in failure.value.message
    await supervisor.stop()


async def test_a_process_that_keeps_crashing_fails_the_start_before_the_time_is_up(tmp_path, monkeypatch):
    monkeypatch.setattr("ops.child.BACKOFF_FIRST", 0.01)
    supervisor = supervisor_of(tmp_path, Spec("broken", ["/bin/sh", "-c", "echo no module >&2; exit 1"], never))
    supervisor.launch()
    with pytest.raises(StartFailed, match="ended 3 times"):
        await supervisor.ready(seconds=20)
    await supervisor.stop()


async def test_stopping_takes_less_than_five_seconds_whatever_the_children_do(tmp_path):
    supervisor = supervisor_of(tmp_path, *(sleeper(name, on_term="sleep 30;") for name in ("first", "second", "third")))
    supervisor.launch()
    while len(list(tmp_path.glob("*.up"))) < 3:
        await asyncio.sleep(0.01)
    pids = supervisor.pids()
    began = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - began < 5.0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


async def test_kill_does_not_wait(tmp_path):
    supervisor = supervisor_of(tmp_path, *(sleeper(name, on_term="sleep 30;") for name in ("first", "second")))
    supervisor.launch()
    while len(list(tmp_path.glob("*.up"))) < 2:
        await asyncio.sleep(0.01)
    began = time.monotonic()
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0.1)
    supervisor.kill()
    await stopping
    assert time.monotonic() - began < 1.0
