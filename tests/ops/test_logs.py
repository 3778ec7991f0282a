"""What of the children's words is kept, and what a person is shown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import logs
from ops.logs import LogFile


def told(tmp_path, *lines: bytes, verbose: bool = False) -> list[str]:
    said: list[str] = []
    log = LogFile(tmp_path, "unit", echo=said.append, verbose=verbose)
    for line in lines:
        log.write(line)
    log.close()
    return said


@pytest.mark.parametrize(
    "line",
    [
        b"WARNING something",
        b"[2026-11-22 10:00:00,000: ERROR/MainProcess] boom",
        b"[ERROR] Unexpected exit from worker-1",
        b'{"event": "' + b"x" * 5000 + b'", "level": "error"}',
        b"Traceback (most recent call last):",
    ],
)
def test_serious_lines_reach_the_terminal(tmp_path, line):
    assert len(told(tmp_path, line)) == 1


@pytest.mark.parametrize(
    "line",
    [b"[INFO] Listening at: http://127.0.0.1:8787", b'{"event": "an ERROR in a worker\'s log", "level": "info"}', b"no errors", b""],
)
def test_other_lines_do_not_unless_asked_for(tmp_path, line):
    assert told(tmp_path, line) == []
    assert len(told(tmp_path, line, verbose=True)) == 1


def test_a_traceback_is_shown_whole(tmp_path):
    lines = [b"Traceback (most recent call last):", b'  File "x.py", line 1', b"    boom()", b"ValueError: boom", b"after"]
    assert [line.removeprefix("[unit] ") for line in told(tmp_path, *lines)] == [line.decode() for line in lines[:4]]


def test_a_flood_does_not_fill_the_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "SHOWN_SECONDS", 0.05)
    said: list[str] = []
    log = LogFile(tmp_path, "unit", echo=said.append, verbose=False)
    for _ in range(100):
        log.write(b"WARNING again")
    time.sleep(0.06)
    log.write(b"WARNING later")
    log.close()
    assert len(said) == logs.SHOWN_LINES + 2
    assert said[-2:] == [f"[unit] … {100 - logs.SHOWN_LINES} more lines in {log.path}", "[unit] WARNING later"]


def test_json_is_shown_as_words(tmp_path):
    said = told(tmp_path, b'{"event": "upload refused", "level": "warning", "timestamp": "t", "logger": "x", "worker": "hello"}')
    assert said == ["[unit] warning: upload refused worker=hello"]


def test_every_line_is_in_the_file_with_its_time(tmp_path):
    told(tmp_path, b"one", b"two")
    lines = (tmp_path / "unit.log").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two"]


def test_files_are_rotated_and_the_oldest_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "ROTATE_BYTES", 100)
    told(tmp_path, *(b"x" * 50 + str(number).encode() for number in range(20)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["unit.log", *(f"unit.log.{n}" for n in range(1, logs.KEPT + 1))]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


@given(st.binary(max_size=300))
def test_no_control_character_reaches_the_terminal(tmp_path_factory, line):
    line = line.replace(b"\n", b"")
    (said,) = told(tmp_path_factory.mktemp("log"), line, verbose=True)
    assert not any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in said)


def test_a_giant_line_is_cut(tmp_path):
    told(tmp_path, b"y" * 1_000_000)
    assert (tmp_path / "unit.log").stat().st_size < logs.LINE_BYTES + 100
