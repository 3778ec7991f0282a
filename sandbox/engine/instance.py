"""One instance of the guest: turns in, effects out.

Owns the control block, the inbox and the outbox of an instance. Everything read from guest memory is treated as hostile: addresses and
lengths are checked against the memory's size before they are used. Must not decode effects or schedule anything.
"""

from __future__ import annotations

import ctypes
from enum import Enum
from typing import Final

from sandbox.engine.raw import RawInstance, Trapped
from sandbox.errors import GuestFault

INBOX, INBOX_SIZE, OUTBOX, OUTBOX_LENGTH, FLAGS, PROTOCOL, HEAP = range(7)
FLAG_OUT_OF_MEMORY: Final = 1
PROTOCOL_VERSION: Final = 1
_WORDS = ctypes.c_uint32 * 8


class Death(Enum):
    """Why a turn ended its instance."""

    # malloc could not be satisfied within the memory limit.
    MEMORY = "memory"
    # The native stack or the C stack ran out.
    STACK = "stack"
    # A trap that no limit explains: a bug in the guest.
    FAULT = "fault"


class TurnDied(Exception):
    """The turn trapped; the instance must be closed."""

    def __init__(self, death: Death, message: str) -> None:
        """Keep the cause and wasmtime's own words."""
        super().__init__(message)
        self.death = death


class Instance:
    """A guest instance between and during turns.

    A turn is `start`, then `poll` until it returns True, then `finish`. Any thread may do so, one at a time.
    """

    __slots__ = ("_control", "_raw", "_reserve", "_turn")

    def __init__(self, raw: RawInstance, control: int) -> None:
        """Take over a fresh `RawInstance`; `control` is the control block's address in this build."""
        self._raw = raw
        self._turn = raw.export(b"hostel_turn")
        self._reserve = raw.export(b"hostel_reserve")
        self._control = _WORDS.from_address(raw.data + control)

    @property
    def raw(self) -> RawInstance:
        """The instance underneath, for images."""
        return self._raw

    def start(self, payload: bytes) -> None:
        """Put a turn's input in place and begin. Raises `TurnDied` when there is no room for it."""
        size = len(payload)
        control = self._control
        if size > control[INBOX_SIZE]:
            self._make_room(size)
        address = control[INBOX]
        if not self._raw.holds(address + size):
            raise GuestFault("The guest's inbox lies outside its memory.")
        ctypes.memmove(self._raw.data + address, payload, size)
        self._raw.begin(self._turn, size)

    def poll(self) -> bool:
        """Run one slice; True when the turn has ended. Releases the GIL while the guest runs."""
        return self._raw.poll()

    def finish(self) -> bytes:
        """The effects of the turn that has ended. Raises `TurnDied` when it trapped, `GuestFault` when it lied."""
        result = self._raw.result()
        if isinstance(result, Trapped):
            raise self._death(result)
        if result and self.out_of_memory:
            raise TurnDied(Death.MEMORY, "no room for the turn's modules")
        if result:
            raise GuestFault(f"The guest could not read its turn (fault {result}).")
        control = self._control
        address, length = control[OUTBOX], control[OUTBOX_LENGTH]
        if not length:
            return b""
        if not self._raw.holds(address + length):
            raise GuestFault("The guest's outbox lies outside its memory.")
        return ctypes.string_at(self._raw.data + address, length)

    @property
    def out_of_memory(self) -> bool:
        """Whether an allocation failed in the latest turn, also while it still runs."""
        return bool(self._control[FLAGS] & FLAG_OUT_OF_MEMORY)

    @property
    def memory(self) -> int:
        """Bytes of linear memory."""
        return self._raw.size()

    @property
    def inbox(self) -> tuple[int, int]:
        """(address, bytes) of the inbox, whose contents mean nothing between turns."""
        return self._control[INBOX], self._control[INBOX_SIZE]

    def close(self) -> None:
        """Drop the instance, also in mid-turn."""
        self._raw.close()

    def _make_room(self, size: int) -> None:
        self._raw.begin(self._reserve, size)
        while not self._raw.poll():
            pass
        result = self._raw.result()
        if isinstance(result, Trapped) or not result or self._control[INBOX_SIZE] < size:
            raise TurnDied(Death.MEMORY, "no room for the turn's input")

    def _death(self, trapped: Trapped) -> TurnDied:
        if self.out_of_memory:
            return TurnDied(Death.MEMORY, trapped.message)
        # The C stack lies at address zero and grows down: running out of it is an access just below.
        if trapped.stack_overflow or "memory fault at wasm address 0xffff" in trapped.message:
            return TurnDied(Death.STACK, trapped.message)
        return TurnDied(Death.FAULT, trapped.message)
