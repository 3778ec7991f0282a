"""The spool's format: segment files that one process appends to and one other reads.

    segment  = magic frame*
    frame    = u32 length of the payload, u32 CRC-32 of it, payload      (little-endian)
    payload  = MessagePack: the first one a `Head`, every other one a `Batch`

A segment that is being written is locked (flock) by its writer: whoever gets the lock knows that nothing more will come, however the writer
ended. Owns the encoding and the reading of what is whole. Must not know where records come from or go to.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from sandbox.errors import HostelError
from sandbox.worker.record import InvocationRecord

MAGIC: Final = b"HOSTELT1"
SUFFIX: Final = ".seg"
# A frame is never longer than this; what claims to be is damaged.
FRAME_BYTES: Final = 64 * 1024 * 1024
_FRAME: Final = struct.Struct("<II")


class SegmentDamaged(HostelError):
    """A segment of the spool does not hold what its checksums say."""

    code = "segment_damaged"


class Owner(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose an invocation is: rows' ids, because names can be given again."""

    tenant_id: int
    worker_id: int
    worker: str
    # The deployed version (of a dynamic worker: its parent's), as it is written in the API.
    version: str


class Head(msgspec.Struct, frozen=True, array_like=True):
    """Who writes a segment."""

    # The machine, and what all request ids of the process begin with.
    node: str
    prefix: str
    pid: int


class Batch(msgspec.Struct, array_like=True):
    """What a process has noted since its last frame."""

    records: list[tuple[Owner, InvocationRecord]]
    # Records that were lost before they could be written, by reason.
    lost: dict[str, int] = {}


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_batch: Final = msgspec.msgpack.Decoder(Batch).decode
_decode_head: Final = msgspec.msgpack.Decoder(Head).decode


def framed(value: Head | Batch) -> bytes:
    """One frame."""
    payload = _encode(value)
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def complete(descriptor: int) -> bool:
    """Whether the segment's writer is done with it, in whatever way."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Segment:
    """A segment being read. Close it."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `OSError`, `SegmentDamaged`."""
        self._file = path.open("rb")
        # Asked before reading: what is read after a yes is all there will ever be.
        self.complete = complete(self._file.fileno())
        self.size = os.fstat(self._file.fileno()).st_size
        self.head: Head | None = None
        self.start = 0
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def batches(self, offset: int) -> Iterator[tuple[Batch, int]]:
        """Every whole batch from `offset` (0: the first), each with the offset behind it. Raises `SegmentDamaged`."""
        offset = max(offset, self.start)
        while self.head is not None:
            found = self._read(offset)
            if found is None:
                return
            payload, offset = found
            try:
                batch = _decode_batch(payload)
            except msgspec.DecodeError as error:
                raise SegmentDamaged(offset=offset) from error
            yield batch, offset

    def _begin(self) -> None:
        magic = self._file.read(len(MAGIC))
        if magic != MAGIC[: len(magic)]:
            raise SegmentDamaged(offset=0)
        found = self._read(len(MAGIC)) if len(magic) == len(MAGIC) else None
        if found is not None:
            payload, self.start = found
            try:
                self.head = _decode_head(payload)
            except msgspec.DecodeError as error:
                raise SegmentDamaged(offset=0) from error

    def _read(self, offset: int) -> tuple[bytes, int] | None:
        """The frame at `offset` and where the next begins; None while it is not whole (a killed writer's last one never is)."""
        self._file.seek(offset)
        head = self._file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            return None
        length, checksum = _FRAME.unpack(head)
        if length > FRAME_BYTES:
            raise SegmentDamaged(offset=offset)
        payload = self._file.read(length)
        if len(payload) < length:
            return None
        if zlib.crc32(payload) != checksum:
            raise SegmentDamaged(offset=offset)
        return payload, offset + _FRAME.size + length
