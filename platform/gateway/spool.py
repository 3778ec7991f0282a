"""From a process's ring to its segments on disk.

Owns a thread that takes what was noted, `FLUSH_SECONDS` after `FLUSH_SECONDS`, and appends it to a segment file (telemetry.frames), and
another that has the disk keep what was written: a disk may take its time, and what is noted must not wait for it. What
has been written survives the process (`kill -9` loses what the ring held: the last `FLUSH_SECONDS` and the batch being written); what has
been synced, every `SYNC_SECONDS`, survives the machine. Must not run on the event loop, and must never wait for whoever reads.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import threading
import time
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.records import Records
from telemetry.frames import MAGIC, SUFFIX, Batch, Head, framed

log = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 0.1
SYNC_SECONDS: Final = 1.0
# Records of one frame: encoding one keeps the event loop from the interpreter for less than a millisecond.
BATCH: Final = 500
# A segment is closed, so that its reader can remove it, at whichever comes first.
SEGMENT_BYTES: Final = 16 * 1024 * 1024
SEGMENT_SECONDS: Final = 60.0
# What all processes of this machine may leave unread.
SPOOL_BYTES: Final = 2 * 1024 * 1024 * 1024
_COMPLAIN_SECONDS: Final = 60.0
# Upper bounds of the histograms that an operator's Prometheus reads (seconds).
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BUCKETS_US: Final = tuple(int(bound * 1_000_000) for bound in BUCKETS)


class Spool:
    """Writes what `records` holds into `folder`."""

    def __init__(
        self, folder: Path, records: Records, *, prefix: str, flush_seconds: float = FLUSH_SECONDS, most: int = SPOOL_BYTES
    ) -> None:
        """`prefix` is what the process's request ids begin with; `most` bytes may lie unread in `folder`."""
        self._folder, self._records, self._flush, self._most = folder, records, flush_seconds, most
        self._head = Head(node=socket.gethostname()[:100], prefix=prefix, pid=os.getpid())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._syncer = threading.Thread(target=self._keep, name="spool-sync", daemon=True)
        # Between the two: the descriptor in use, and those that are to be synced and closed.
        self._lock = threading.Lock()
        self._ended: list[int] = []
        self._descriptor = -1
        self._size = 0
        self._opened = self._measured = 0.0
        self._dirty = False
        self._room = True
        self._complained = -_COMPLAIN_SECONDS
        # What the next frame has to own up to.
        self._lost: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()
        self.written = self.bytes = 0
        self.outcomes: Counter[str] = Counter()
        self.cold = 0
        self.cpu_us = self.wall_us = 0
        self.cpu_buckets = [0] * (len(BUCKETS) + 1)
        self.wall_buckets = [0] * (len(BUCKETS) + 1)

    def start(self) -> None:
        """Begin; raises `OSError` where the folder cannot be made."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()
        self._syncer.start()

    def close(self) -> None:
        """Write what is left, and stop."""
        self._stop.set()
        for thread in (self._thread, self._syncer):
            if thread.is_alive():
                thread.join(timeout=5)

    def as_dict(self) -> dict[str, Any]:
        """Counters since the start, JSON-able."""
        records = self._records
        return {
            "noted": records.noted,
            "held": len(records),
            "written": self.written,
            "bytes": self.bytes,
            "lost": {**records.lost, **self._lost_here()},
            "outcomes": {str(outcome): count for outcome, count in self.outcomes.items()},
            "cold": self.cold,
            "bounds": BUCKETS,
            "cpu_us": self.cpu_us,
            "wall_us": self.wall_us,
            "cpu_buckets": {str(at): count for at, count in enumerate(self.cpu_buckets)},
            "wall_buckets": {str(at): count for at, count in enumerate(self.wall_buckets)},
        }

    def _lost_here(self) -> dict[str, int]:
        return {reason: count for reason, count in self._lost.items() if count}

    def _run(self) -> None:
        while not self._stop.wait(self._flush):
            self._round()
        self._round()
        self._shut()
        self._sync()

    def _keep(self) -> None:
        while not self._stop.wait(SYNC_SECONDS):
            self._sync()

    def _sync(self) -> None:
        """Have the disk keep what was written, and let go of segments that have ended."""
        with self._lock:
            ended, self._ended = self._ended, []
            if self._dirty and self._descriptor >= 0:
                # A copy: the segment may end meanwhile.
                ended.append(os.dup(self._descriptor))
            self._dirty = False
        for descriptor in ended:
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                self._complain("the spool cannot be synced", error)
            finally:
                os.close(descriptor)

    def _round(self) -> None:
        try:
            self._flush_all()
            self._look_after()
        except Exception as error:  # noqa: BLE001 - nothing must end this thread: what is lost is counted, and the next round tries again
            self._complain("the spool cannot be written", error)

    def _flush_all(self) -> None:
        while taken := self._records.take(BATCH):
            self._count(taken)
            now = time.monotonic()
            try:
                if now - self._measured > SYNC_SECONDS:
                    self._measure(now)
                if not self._room:
                    self._lost["spool_full"] += len(taken)
                    self._complain("the spool is full: nobody reads it")
                    continue
                owed = self._owed()
                self._append(framed(Batch(taken, owed)), now)
            except Exception:
                self._lost["spool_failed"] += len(taken)
                # Half a frame may be in the file: the reader stops before it.
                self._shut()
                raise
            self._reported += Counter(owed)
            self.written += len(taken)

    def _owed(self) -> dict[str, int]:
        """What was lost and no frame has said so yet."""
        total = Counter(self._records.lost)
        total.update(self._lost)
        return dict(total - self._reported)

    def _append(self, frame: bytes, now: float) -> None:
        if self._descriptor < 0:
            self._open(now)
        _write(self._descriptor, frame)
        self._size += len(frame)
        self.bytes += len(frame)
        self._dirty = True

    def _open(self, now: float) -> None:
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / f".{name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # Locked before anybody can see it.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            start = MAGIC + framed(self._head)
            _write(descriptor, start)
            hidden.rename(self._folder / f"{name}{SUFFIX}")
        except BaseException:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        self._descriptor, self._size, self._opened = descriptor, len(start), now

    def _look_after(self) -> None:
        """End a segment that is large or old."""
        if self._descriptor >= 0 and (self._size >= SEGMENT_BYTES or time.monotonic() - self._opened >= SEGMENT_SECONDS):
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                self._ended.append(self._descriptor)
                self._descriptor = -1

    def _measure(self, now: float) -> None:
        self._measured = now
        with os.scandir(self._folder) as found:
            self._room = sum(entry.stat().st_size for entry in found if entry.name.endswith(SUFFIX)) < self._most

    def _count(self, taken: list[Any]) -> None:
        for _, record in taken:
            self.outcomes[record.outcome] += 1
            self.cold += record.start == "cold"
            self.cpu_us += record.cpu_us
            self.wall_us += record.wall_us
            self.cpu_buckets[bisect_left(_BUCKETS_US, record.cpu_us)] += 1
            self.wall_buckets[bisect_left(_BUCKETS_US, record.wall_us)] += 1

    def _complain(self, event: str, error: Exception | None = None) -> None:
        now = time.monotonic()
        if now - self._complained >= _COMPLAIN_SECONDS:
            self._complained = now
            log.error(event, folder=str(self._folder), exc_info=error)


def _write(descriptor: int, data: bytes) -> None:
    """All of `data`; raises `OSError`."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
