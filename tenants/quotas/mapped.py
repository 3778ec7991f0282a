"""Counts for the processes of one machine, in a file that all of them map.

Owns the file: a table of slots with open addressing, each a counter of the present period or the rest of a past one, which the next counter
that needs room takes over. A lock on the file makes every change atomic; the kernel gives it back for a process that is killed. The file
survives restarts; after a power cut the latest half minute may be forgotten.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tenants.definitions import REQUEST_QUOTAS
from tenants.quotas.counting import Counter, StoreFailed, Taken

# Key, end of the period, units used. A key of 0 is a slot that was never taken.
_SLOT: Final = struct.Struct("<QQq")
SLOTS: Final = 1 << 17
# Slots looked at for one counter; where all of them hold present counters the table is full.
PROBES: Final = 64
# A process holds the lock for microseconds, unless it was stopped in the middle; visitors do not wait for that.
LOCK_SECONDS: Final = 0.05
_BITS: Final = 64
# Knuth's multiplicative hashing: spreads keys that differ in their low bits only.
_SPREAD: Final = 0x9E37_79B9_7F4A_7C15


class _Slot(NamedTuple):
    place: int
    ends: int
    used: int


class MappedCounts:
    """A `tenants.quotas.Store`."""

    local = True

    def __init__(self, path: Path, *, slots: int = SLOTS) -> None:
        """Map the file at `path`, making it if it is not there; `slots` is a power of two, the same for all who share a file."""
        self._slots = slots
        self._shift = _BITS - slots.bit_length() + 1
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = slots * _SLOT.size
        if os.fstat(self._file).st_size < size:
            # Growing only, and sparse: a second process that does the same changes nothing.
            os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)
        # The file's lock is between processes; this one is between the threads of ours.
        self._threads = threading.Lock()

    def take(self, counters: Sequence[Counter], want: int, *, spent: int = 0, now: float) -> Taken:
        """As `Store.take`."""
        with self._locked():
            # Every slot is found before any is written: nothing is counted where one of them has no room.
            slots = self._find(counters, now)
            granted = max(0, min(want, *(counter.limit - slot.used - spent for counter, slot in zip(counters, slots, strict=True))))
            more = spent + granted
            if more:
                for counter, slot in zip(counters, slots, strict=True):
                    # Whoever looked at the clock just before a period's end may come just after it: counted in the next.
                    self._write(slot.place, counter, max(slot.ends, counter.ends), slot.used + more)
        return Taken(granted, tuple(slot.used + more for slot in slots))

    def give(self, counters: Sequence[Counter], units: int, *, now: float) -> None:
        """As `Store.give`."""
        with self._locked():
            for counter, slot in zip(counters, self._find(counters, now), strict=True):
                if slot.ends == counter.ends and slot.used:
                    self._write(slot.place, counter, slot.ends, max(0, slot.used - units))

    def used(self, counters: Sequence[Counter], *, now: float) -> tuple[int, ...]:
        """As `Store.used`."""
        with self._locked():
            return tuple(slot.used for slot in self._find(counters, now))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._threads:
            self._lock()
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock(self) -> None:
        until = 0.0
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                until = until or time.monotonic() + LOCK_SECONDS
                if time.monotonic() > until:
                    raise StoreFailed("Another process does not let go of the counts.") from None
                os.sched_yield()
            else:
                return

    def _find(self, counters: Sequence[Counter], now: float) -> list[_Slot]:
        """The slot of each counter, or one that it can have."""
        found: list[_Slot] = []
        for counter in counters:
            found.append(self._slot(counter, now, {slot.place for slot in found}))
        return found

    def _slot(self, counter: Counter, now: float, taken: set[int]) -> _Slot:
        key = _key(counter)
        first = (key * _SPREAD & (1 << _BITS) - 1) >> self._shift
        room = None
        for step in range(min(PROBES, self._slots)):
            place = (first + step) % self._slots
            held, ends, used = _SLOT.unpack_from(self._map, place * _SLOT.size)
            if held == key:
                return _Slot(place, ends, used) if ends >= counter.ends else _Slot(place, counter.ends, 0)
            if room is None and (held == 0 or ends <= now) and place not in taken:
                room = place
            if held == 0:
                break
        if room is None:
            raise StoreFailed("There is no room for another tenant's counts.")
        return _Slot(room, counter.ends, 0)

    def _write(self, place: int, counter: Counter, ends: int, used: int) -> None:
        _SLOT.pack_into(self._map, place * _SLOT.size, _key(counter), ends, used)


def _key(counter: Counter) -> int:
    return counter.tenant_id * len(REQUEST_QUOTAS) + REQUEST_QUOTAS.index(counter.name) + 1
