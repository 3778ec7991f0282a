"""A supervised process: restarted when it ends, gone with all it started when stopped. Real processes, small shell scripts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ops.child import Child, Spec, describe, pump
from ops.logs import LogFile


async def never() -> bool:
    return False


@pytest.fixture
def child_of(tmp_path):
    said: list[str] = []
    log = LogFile(tmp_path, "unit", echo=said.append, verbose=False)

    def make(script: str, *, grace: float = 1.0, reload: signal.Signals | None = None) -> tuple[Child, list[str]]:
        spec = Spec("unit", ["/bin/sh", "-c", script], never, grace, reload=reload)
        return Child(spec, log=log, environ=dict(os.environ), cwd=tmp_path), said

    yield make
    log.close()


async def until(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_process_that_ends_is_started_again_and_the_terminal_hears_of_it(tmp_path, child_of):
    child, said = child_of("echo started >> marks; exit 3")
    running = asyncio.create_task(child.run())
    await until(lambda: (tmp_path / "marks").exists() and (tmp_path / "marks").read_text().count("started") == 2)
    await child.stop()
    await running
    assert child.restarts >= 1
    assert any("ended with code 3; starting it again in 0.5 s" in line for line in said)


async def test_a_reload_starts_again_at_once_and_warns_nobody(tmp_path, child_of):
    child, said = child_of("echo started >> marks; exec sleep 60")
    running = asyncio.create_task(child.run())
    await until(lambda: child.pid is not None and (tmp_path / "marks").exists(), 20)
    first = child.pid
    child.reload()
    await until(lambda: child.pid not in (None, first), 20)
    await until(lambda: (tmp_path / "marks").read_text().count("started") == 2, 20)
    await child.stop()
    await running
    assert (child.restarts, said) == (0, [])
    # There is nothing to reload any more.
    child.reload()


async def test_a_reload_by_signal_leaves_the_process_where_it_is(tmp_path, child_of):
    script = "trap 'echo reloaded >> marks' HUP; echo started >> marks; while :; do sleep 0.05; done"
    child, said = child_of(script, reload=signal.SIGHUP)
    running = asyncio.create_task(child.run())
    await until(lambda: child.pid is not None and (tmp_path / "marks").exists(), 20)
    first = child.pid
    child.reload()
    await until(lambda: "reloaded" in (tmp_path / "marks").read_text(), 20)
    assert child.pid == first
    await child.stop()
    await running
    assert said == []


async def test_waits_between_restarts_grow(tmp_path, child_of):
    child, said = child_of("exit 1")
    running = asyncio.create_task(child.run())
    await until(lambda: len(said) >= 2)
    await child.stop()
    await running
    assert "in 0.5 s" in said[0]
    assert "in 1 s" in said[1]


async def test_stop_ends_a_process_that_obeys_at_once(tmp_path, child_of):
    child, _ = child_of("exec sleep 60", grace=5.0)
    running = asyncio.create_task(child.run())
    await until(lambda: child.pid is not None)
    began = time.monotonic()
    await child.stop()
    await running
    assert time.monotonic() - began < 1.0
    assert child.pid is None


async def test_stop_kills_a_process_that_does_not_obey(tmp_path, child_of):
    child, said = child_of("trap '' TERM; echo deaf > ready; while :; do sleep 0.1; done", grace=0.3)
    running = asyncio.create_task(child.run())
    await until((tmp_path / "ready").exists)
    await child.stop()
    await running
    assert any("after SIGTERM; killing it" in line for line in said)


async def test_nothing_of_the_group_is_left_when_the_leader_dies(tmp_path, child_of):
    child, _ = child_of("sleep 60 & echo $! > helper; wait")
    running = asyncio.create_task(child.run())
    await until(lambda: (tmp_path / "helper").exists() and (tmp_path / "helper").read_text().strip())
    helper = int((tmp_path / "helper").read_text())
    leader = child.pid
    assert leader is not None
    os.kill(leader, signal.SIGKILL)
    await until(lambda: not alive(helper))
    await until(lambda: child.pid not in (None, leader))  # and it is back
    await child.stop()
    await running


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
async def test_children_end_when_the_supervisor_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from ops.child import spawn\n"
        "async def main():\n"
        "    process, _ = await spawn(['sleep', '60'], print, environ=os.environ, cwd=Path('/'))\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    environ = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'platform'}"}
    parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env=environ)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid))


async def test_what_a_killed_process_leaves_is_gone_before_the_next_one_starts(tmp_path):
    log = LogFile(tmp_path, "unit", echo=lambda _: None, verbose=False)
    left = tmp_path / "socket"
    left.touch()
    spec = Spec("unit", ["/bin/sh", "-c", "[ ! -e socket ] && touch socket up && exec sleep 60"], never, leftovers=[left])
    child = Child(spec, log=log, environ=dict(os.environ), cwd=tmp_path)
    running = asyncio.create_task(child.run())
    await until((tmp_path / "up").exists)
    await child.stop()
    await running
    log.close()


async def test_output_is_cut_into_lines_and_long_ones_into_pieces():
    reader = asyncio.StreamReader()
    lines: list[bytes] = []
    reader.feed_data(b"one\ntwo\n" + b"x" * 200_000 + b"\nlast")
    reader.feed_eof()
    await pump(reader, lines.append)
    assert lines[:2] == [b"one", b"two"]
    assert lines[-1] == b"last"
    assert b"".join(lines[2:-1]) == b"x" * 200_000


@pytest.mark.parametrize(("code", "words"), [(0, "code 0"), (7, "code 7"), (-9, "SIGKILL"), (-250, "signal 250")])
def test_exit_codes_are_named(code, words):
    assert describe(code) == words


@pytest.fixture(autouse=True)
def reap():
    yield
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
