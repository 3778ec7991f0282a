"""Effects: what the guest leaves in its outbox, read as hostile bytes.

Owns splitting an outbox into frames and reading each frame's fields; anything that does not fit raises `GuestFault`. Must not act on them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.errors import GuestFault
from sandbox.http import Headers

RESPONSE, BODY, BODY_ERROR, PULL, CANCEL, DONE, EXCEPTION, LOG, FETCH, WAKE_AT, LOADED, CALL = range(0x41, 0x4D)
CODE: Final = 0x4E
# What the guest says when it has found out by itself that nothing can bring a request forward.
HUNG_MESSAGE: Final = (
    "The Workers runtime canceled this request because it detected that your Worker's code had hung and would never generate a response."
)
# Effects whose id may be a call's.
OF_CALLS: Final = frozenset({BODY, BODY_ERROR, PULL, CANCEL, FETCH, CALL, CODE})
LAST: Final = 1
FROM_HANDLER, FROM_WAIT_UNTIL, FROM_REJECTION, FROM_STARTUP = range(4)

_FRAME = struct.Struct("<IHHI")
_U32 = struct.Struct("<I")
_F64 = struct.Struct("<d")
# RFC 9110 tokens and field values, as a whole block at once: name LF value, any number of times.
_BLOCK = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+\n[^\x00\r\n]*(?:\n(?!\Z)|\Z))*")


@dataclass(slots=True)
class Frame:
    """One effect, its payload not yet read."""

    op: int
    flags: int
    id: int
    payload: bytes


class Fields:
    """A cursor over a payload."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Start at the first field."""
        self._data, self._at = data, 0

    def number(self) -> int:
        """The next `u`."""
        try:
            value: int = _U32.unpack_from(self._data, self._at)[0]
        except struct.error:
            raise GuestFault("An effect is cut short.") from None
        self._at += 4
        return value

    def real(self) -> float:
        """The next `d`."""
        try:
            value: float = _F64.unpack_from(self._data, self._at)[0]
        except struct.error:
            raise GuestFault("An effect is cut short.") from None
        self._at += 8
        return value

    def bytes(self) -> bytes:
        """The next `b`."""
        length = self.number()
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise GuestFault("An effect is cut short.")
        return self._data[start : self._at]

    def text(self) -> str:
        """The next `s`; bytes that are no UTF-8 become U+FFFD."""
        return self.bytes().decode("utf-8", "replace")

    def headers(self) -> Headers:
        """The next `h`; names and values are checked, since they go onto a wire."""
        block = self.bytes()
        if not block:
            return []
        if not _BLOCK.fullmatch(block):
            raise GuestFault("An effect's headers are not valid.")
        parts = block.split(b"\n")
        return list(zip(parts[::2], parts[1::2], strict=True))


def frames(outbox: bytes) -> Iterator[Frame]:
    """The effects of one turn, in order."""
    at, end = 0, len(outbox)
    while at < end:
        try:
            length, op, flags, identity = _FRAME.unpack_from(outbox, at)
        except struct.error:
            raise GuestFault("The outbox is cut short.") from None
        start, at = at + 12, at + 12 + length
        if at > end:
            raise GuestFault("The outbox is cut short.")
        yield Frame(op, flags, identity, outbox[start:at])
