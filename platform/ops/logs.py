"""Where the children's words go: a file for each, and the terminal for what matters.

Owns `log/<process>.log` (all lines, rotated by size) and the choice of lines for the terminal. Must not interpret lines beyond their level.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

# A file is renamed to .1 at this size (bytes), and so on up to KEPT old files.
ROTATE_BYTES = 8 * 1024 * 1024
KEPT = 4
# A line longer than this is cut: tenants' words reach the logs (bytes).
LINE_BYTES = 16 * 1024
# At most so many lines of one process reach the terminal in so many seconds: visitors can cause warnings.
SHOWN_LINES, SHOWN_SECONDS = 30, 5.0
# Lines kept for the message of a start that fails.
TAIL_LINES = 25
# Level words as Python's logging, Celery and granian write them, near the start of a line, and as our own JSON lines do.
_SERIOUS = re.compile(rb"\b(?:WARNING|ERROR|CRITICAL|FATAL|Traceback|panicked)\b")
_SERIOUS_JSON = re.compile(rb'"level": ?"(?:warning|error|critical)"')
_HEAD = 200
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


class LogFile:
    """The lines of one process."""

    def __init__(self, folder: Path, name: str, *, echo: Callable[[str], None], verbose: bool) -> None:
        """Append to `folder/name.log`; give `echo` each line worth a person's attention (every line if `verbose`)."""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.path = folder / f"{name}.log"
        self.name = name
        self._echo = echo
        self._verbose = verbose
        self._serious = self._indented = False
        self._window, self._shown = time.monotonic(), 0
        self._file: IO[bytes] = self.path.open("ab", buffering=0)
        self._size = self.path.stat().st_size

    def write(self, line: bytes) -> None:
        """Keep one line (without its end). Control characters are made harmless: part of it may be a tenant's."""
        line = _CONTROLS.sub(b"?", _COLOURS.sub(b"", line[:LINE_BYTES]))
        text = line.decode(errors="replace")
        self.tail.append(text)
        stamped = time.strftime("%Y-%m-%dT%H:%M:%S").encode() + b" " + line + b"\n"
        if self._size + len(stamped) > ROTATE_BYTES:
            self._rotate()
        self._file.write(stamped)
        self._size += len(stamped)
        # A traceback's indented lines belong to the serious line above them, and so does the line after them that names the error.
        indented = line[:1] in (b" ", b"\t")
        serious = is_serious(line) or (self._serious and indented)
        if self._verbose or serious or (self._serious and self._indented):
            self._show(in_words(text))
        self._serious, self._indented = serious, indented

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._window > SHOWN_SECONDS:
            if self._shown > SHOWN_LINES:
                self._echo(f"[{self.name}] … {self._shown - SHOWN_LINES} more lines in {self.path}")
            self._window, self._shown = now, 0
        self._shown += 1
        if self._shown <= SHOWN_LINES or self._verbose:
            self._echo(f"[{self.name}] {text}")

    def _rotate(self) -> None:
        self._file.close()
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab", buffering=0)
        self._size = 0


def is_serious(line: bytes) -> bool:
    """Whether a line says of itself that it is a warning or worse."""
    if line.startswith(b"{"):
        return bool(_SERIOUS_JSON.search(line))
    return bool(_SERIOUS.search(line[:_HEAD]))


def in_words(line: str) -> str:
    """A JSON line as a person reads it, any other as it is."""
    if not line.startswith("{"):
        return line
    try:
        record: dict[str, Any] = json.loads(line)
        head = f"{record.pop('level', 'info')}: {record.pop('event', '')}"
    except (ValueError, RecursionError):
        return line
    return " ".join([head, *(f"{name}={value}" for name, value in record.items() if name not in ("timestamp", "logger"))])
