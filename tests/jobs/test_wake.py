"""Doorbells: rung, missed, dead."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from jobs.wake import Bell, ring, ring_all


@pytest.fixture
def folder(tmp_path_factory):
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bell-", dir="/tmp") as path:
        yield Path(path)


def test_a_ring_wakes_at_once(folder):
    with Bell(folder / "a") as bell:
        threading.Timer(0.05, ring, [folder / "a"]).start()
        started = time.monotonic()
        assert bell.wait(5)
        assert time.monotonic() - started < 1
        assert not bell.wait(0.01)


def test_a_ring_before_the_wait_is_not_lost(folder):
    with Bell(folder / "a") as bell:
        for _ in range(3):
            ring_all(folder)
        assert bell.wait(5)
        assert not bell.wait(0.01)


def test_nobody_there_is_no_error(folder):
    ring(folder / "a")
    ring_all(folder / "none")


def test_the_bell_of_a_dead_process_is_removed_and_can_be_taken_over(folder):
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(folder / "a"))
    dead.close()
    ring_all(folder)
    assert list(folder.iterdir()) == []
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(folder / "a"))
    dead.close()
    with Bell(folder / "a") as bell:
        ring(folder / "a")
        assert bell.wait(1)


def test_a_full_bell_does_not_block_who_rings(folder):
    with Bell(folder / "a"):
        started = time.monotonic()
        for _ in range(5_000):
            ring(folder / "a")
        assert time.monotonic() - started < 10


def test_a_path_that_is_too_long_is_plain_waiting(folder):
    bell = Bell(folder / ("x" * 120))
    started = time.monotonic()
    assert not bell.wait(0.05)
    assert time.monotonic() - started >= 0.04
    bell.close()
    bell.close()


def test_closing_leaves_nothing(folder):
    Bell(folder / "a").close()
    assert list(folder.iterdir()) == []
