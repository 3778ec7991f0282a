"""A step of a start as a process: its events, its failure, its end."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from ops.logs import LogFile
from ops.supervisor import StartFailed
from ops.task import Task


def task_of(folder, script: str, on_line=lambda _: None) -> Task:
    log = LogFile(folder, "step", echo=lambda _: None, verbose=False)
    return Task(["/bin/sh", "-c", script], log=log, environ=dict(os.environ), cwd=folder, on_line=on_line)


async def test_events_are_waited_for_whenever_they_come(tmp_path):
    async with task_of(tmp_path, "echo @early; sleep 0.2; echo @late; exec sleep 60") as task:
        await task.reached("@late")
        await task.reached("@early")


async def test_a_step_that_ends_without_the_event_failed_and_its_words_are_told(tmp_path):
    async with task_of(tmp_path, "echo @one; echo 'no such table' >&2; exit 1") as task:
        await task.reached("@one")
        with pytest.raises(StartFailed, match="no such table"):
            await task.reached("@two")


async def test_finished_tells_good_from_bad(tmp_path):
    async with task_of(tmp_path, "exit 0") as good:
        await good.finished()
    async with task_of(tmp_path, "echo bad luck; exit 4") as bad:
        with pytest.raises(StartFailed, match="bad luck"):
            await bad.finished()


async def test_leaving_the_block_ends_everything(tmp_path):
    began = time.monotonic()
    async with task_of(tmp_path, "sleep 60 & echo $! > pid; echo @up; wait") as task:
        await task.reached("@up")
    assert time.monotonic() - began < 2
    await asyncio.sleep(0.05)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip(), "fd", "0").exists()


async def test_lines_are_heard(tmp_path):
    heard: list[str] = []
    async with task_of(tmp_path, "echo one; echo two", heard.append) as task:
        await task.finished()
    assert heard == ["one", "two"]
