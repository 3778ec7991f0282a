"""The thread that reads this machine's spool.

Owns when it is read (a few times a second; later when the database does not answer), what is done with a segment that has been read to its
end, and the clean-up of old rows. Runs in the background worker at a lower priority than visitors' requests: under load it falls behind,
and the spool holds what it has not read. Must not hold more than one stretch of a segment in memory.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, connection

from telemetry import observers, retention
from telemetry.frames import SUFFIX, SegmentDamaged
from telemetry.ingest import Reading, damaged
from telemetry.models import Segment as SegmentRow

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.25
# After a look that found so many records the next one waits longer: the transaction of a look costs as much as hundreds of records do.
MANY: Final = 1_000
LOOK_SECONDS_OF_MANY: Final = 1.0
# Between two attempts while the database does not answer: 0.5, 1, 2, … seconds.
_RETRY_SECONDS: Final = 0.5
_RETRY_MOST: Final = 10.0
CLEAN_SECONDS: Final = 60.0
# Niceness of the thread, where threads have their own (Linux).
_NICE: Final = 10


class Ingester:
    """Reads the segments in one folder."""

    def __init__(self, folder: Path) -> None:
        """Read nothing before `start`."""
        self._folder = folder
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # How far each segment has been read, so that one without news costs no query.
        self._offsets: dict[str, int] = {}
        self._cleaned = time.monotonic()
        self._node = socket.gethostname()[:100]

    def start(self) -> None:
        """Begin."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="ingester", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction under way, and end; repeatable."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None

    def _run(self) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        pause = LOOK_SECONDS
        while not self._stop.wait(pause):
            try:
                began = time.time()
                pause = LOOK_SECONDS if self.read() < MANY else LOOK_SECONDS_OF_MANY
                if not self._stop.is_set():
                    observers.tell_read(self._node, began)
                self._clean()
            except (DatabaseError, InterfaceError) as error:
                log.warning("the spool waits: the database does not take it", error=str(error))
                self._offsets.clear()
                pause = min(_RETRY_MOST, max(_RETRY_SECONDS, pause * 2))
            except Exception:
                log.exception("reading the spool failed")
                pause = _RETRY_MOST
            finally:
                connection.close()

    def read(self) -> int:
        """Read everything there is; how many records. Raises `DatabaseError`, `OSError`."""
        total = 0
        found = sorted(self._folder.glob(f"*{SUFFIX}"))
        for path in found:
            total += self._read(path)
            if self._stop.is_set():
                break
        known = {path.name for path in found}
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in known}
        return total

    def _read(self, path: Path) -> int:
        try:
            reading = Reading(path)
        except FileNotFoundError:
            # Another reader has just finished it.
            return 0
        except SegmentDamaged:
            damaged(path)
            return 0
        try:
            total, whole = self._read_on(reading)
        finally:
            reading.close()
        if whole:
            # The rows are committed: the file first, so that a crash in between leaves a row without a file and never the opposite.
            path.unlink(missing_ok=True)
            SegmentRow.objects.filter(name=path.name).delete()
        return total

    def _read_on(self, reading: Reading) -> tuple[int, bool]:
        """How many records were read, and whether that was the segment's end."""
        name, file = reading.path.name, reading.file
        offset = self._offsets.get(name)
        if offset is not None and offset == file.size and not file.complete:
            return 0, False
        offset = reading.offset() if offset is None else offset
        total = 0
        try:
            while not self._stop.is_set():
                count, behind = reading.step(offset)
                if behind == offset:
                    self._offsets[name] = offset
                    return total, file.complete
                total, offset = total + count, behind
        except SegmentDamaged:
            damaged(reading.path)
        return total, False

    def _clean(self) -> None:
        now = time.monotonic()
        if now - self._cleaned < CLEAN_SECONDS:
            return
        self._cleaned = now
        retention.clean(now=time.time())
        retention.segments_forget(node=self._node, folder=self._folder, now=time.time())
