"""Says what a start is doing and for how long.

Owns the lines a person sees between `make serve` and the welcome. On a terminal the step under way is one live line; anywhere else a step
is one line when it begins and one when it ends, with a sign of life every ten seconds. Must not decide what the steps are.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# A step shorter than this is done before anyone wonders (seconds).
NOTICEABLE = 1.0
# Seconds between two signs of life of a step when the output is not a terminal.
PLAIN_INTERVAL = 10.0


class Step:
    """A step under way. `note` says which part of it runs now."""

    def __init__(self, title: str) -> None:
        """Begin counting now."""
        self.title = title
        self.detail = ""
        self.started = time.monotonic()

    def note(self, detail: str) -> None:
        """Replace the text shown beside the title."""
        self.detail = detail

    def line(self) -> str:
        """Title, detail and elapsed whole seconds."""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.title}{detail}, {time.monotonic() - self.started:.0f} s"


class Progress:
    """The steps of one start, told to one stream. Steps do not overlap; lines said meanwhile stand above the live one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Tell `stream` (standard output if none)."""
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._shown = ""

    def say(self, text: str = "") -> None:
        """One whole line (or several)."""
        with self._lock:
            self._clear()
            self._stream.write(text + "\n")
            if self._shown:
                self._stream.write(self._shown)
            self._stream.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show `title` while the block runs, from the moment it lasts longer than a blink."""
        step = Step(title)
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(step, done), daemon=True)
        ticker.start()
        try:
            yield step
        finally:
            done.set()
            ticker.join()
            took = time.monotonic() - step.started
            with self._lock:
                self._clear()
                self._shown = ""
                self._stream.flush()
            if took >= NOTICEABLE:
                self.say(f"  · {title}, {took:.1f} s")

    def _tick(self, step: Step, done: threading.Event) -> None:
        told = step.started
        while not done.wait(0.2 if self._live else NOTICEABLE):
            now = time.monotonic()
            if self._live:
                with self._lock:
                    self._clear()
                    self._shown = f"  … {step.line()}"[:140]
                    self._stream.write(self._shown)
                    self._stream.flush()
            elif told == step.started or now - told >= PLAIN_INTERVAL:
                told = now
                self.say(f"  … {step.line()}")

    def _clear(self) -> None:
        if self._live and self._shown:
            self._stream.write("\r\x1b[K")
