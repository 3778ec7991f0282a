"""What a person sees while a step takes its time."""

from __future__ import annotations

import io
import time

import pytest

from ops import progress
from ops.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(progress, "NOTICEABLE", 0.1)
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.2)


def test_a_short_step_is_not_mentioned():
    out = io.StringIO()
    with Progress(out).step("blink"):
        pass
    assert out.getvalue() == ""


def test_a_long_step_is_announced_kept_alive_and_timed():
    out = io.StringIO()
    with Progress(out).step("compiling") as step:
        step.note("quickjs.c")
        time.sleep(0.6)
    lines = out.getvalue().splitlines()
    assert lines[0] == "  … compiling: quickjs.c, 0 s"
    assert 3 <= len(lines) <= 6
    assert lines[-1].startswith("  · compiling, 0.")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_line_is_rewritten_and_other_lines_stand_above_it():
    out = Terminal()
    shown = Progress(out)
    with shown.step("compiling"):
        time.sleep(0.5)
        shown.say("a warning")
        time.sleep(0.3)
    text = out.getvalue()
    assert "\r\x1b[K" in text
    assert "a warning\n" in text
    assert text.splitlines()[-1].startswith("  · compiling, ") or text.splitlines()[-1].endswith("s")


def test_a_step_that_fails_is_cleared_and_the_error_goes_on():
    out = Terminal()
    with pytest.raises(ValueError, match="no"), Progress(out).step("compiling"):
        fail_after(0.3)
    assert out.getvalue().count("compiling") >= 1


def fail_after(seconds: float) -> None:
    time.sleep(seconds)
    raise ValueError("no")
