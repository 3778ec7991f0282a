"""Images: what an instance's memory became, against the base image all instances start from.

Owns the capturing, the stored form and the restoring. An image belongs to one build of the guest and is refused by any other. Must not
decide when an image is made or where it is kept.

Stored form: `HOSTELI2`, then, compressed with zlib: 20 bytes of build name, u32 memory bytes, u32 number of runs, u32 number of patches,
the runs (u32 address, u32 length), the patches (u32 offset in the runs' bytes, u32 length), the patches' bytes. A page that a worker's top
level has changed differs from the base image in few bytes (reference counts, mostly): of 250 KB in pages some 4 KB are new, and 4 KB are
stored, where the pages themselves would be 120 KB and take four times as long to read.
"""

from __future__ import annotations

import ctypes
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Self

from sandbox.engine.instance import Instance
from sandbox.errors import HostelError

PAGE = 4096
MAGIC = b"HOSTELI2"
_HEAD = struct.Struct("<20sIII")
_PAIR = struct.Struct("<II")
_LEVEL = 6
# Changed bytes, with gaps of up to eight equal ones between them: two patches would cost more than the gap.
_CHANGED = re.compile(rb"[^\0](?:\0{0,8}[^\0])*")


class ImageInvalid(HostelError):
    """The stored image is damaged or belongs to another build of the guest."""

    code = "image_invalid"


@dataclass(slots=True)
class Image:
    """Pages that differ from the base image. `runs` are (address, offset in `data`, length)."""

    build: str
    memory: int
    runs: tuple[tuple[int, int, int], ...]
    data: bytes = field(repr=False)
    _address: int = 0

    def __post_init__(self) -> None:
        """Remember where the bytes lie, so that restoring needs no conversion."""
        self._address = ctypes.cast(ctypes.c_char_p(self.data), ctypes.c_void_p).value or 0

    @classmethod
    def capture(cls, instance: Instance, base: bytes, build: str, stack_top: int) -> Self:
        """The image of an instance at rest.

        `base` is the memory of an untouched instance; everything under `stack_top` (the C stack, empty at rest) and
        the inbox are left as they were, so that no trace of earlier input is kept.
        """
        memory = instance.memory
        view = memoryview((ctypes.c_char * memory).from_address(instance.raw.data)).cast("B")
        low = stack_top // PAGE * PAGE
        inbox, inbox_size = instance.inbox
        dead = range(-(-inbox // PAGE) * PAGE, (inbox + inbox_size) // PAGE * PAGE)
        zeros = bytes(PAGE)
        original = memoryview(base)
        runs: list[list[int]] = []
        for at in range(low, memory, PAGE):
            before = original[at : at + PAGE] if at < len(base) else zeros
            if view[at : at + PAGE] == before or (dead and dead.start <= at < dead.stop):
                continue
            if runs and runs[-1][0] + runs[-1][1] == at:
                runs[-1][1] += PAGE
            else:
                runs.append([at, PAGE])
        data = b"".join(bytes(view[at : at + length]) for at, length in runs)
        return cls(build, memory, _placed([(at, length) for at, length in runs]), data)

    def restore(self, instance: Instance) -> None:
        """Lay the image over an untouched instance."""
        raw = instance.raw
        raw.grow_to(self.memory)
        target, source, move = raw.data, self._address, ctypes.memmove
        for address, offset, length in self.runs:
            move(target + address, source + offset, length)

    def encode(self, base: bytes) -> bytes:
        """The stored form; `base` is the base image this one was captured against."""
        before = _underneath(self.runs, base)
        size = len(self.data)
        changed = (int.from_bytes(self.data, "little") ^ int.from_bytes(before, "little")).to_bytes(size, "little")
        places = [found.span() for found in _CHANGED.finditer(changed)]
        head = _HEAD.pack(self.build.encode(), self.memory, len(self.runs), len(places))
        table = b"".join(_PAIR.pack(address, length) for address, _, length in self.runs)
        patches = b"".join(_PAIR.pack(start, end - start) for start, end in places)
        fresh = b"".join(self.data[start:end] for start, end in places)
        return MAGIC + zlib.compress(head + table + patches + fresh, _LEVEL)

    @classmethod
    def decode(cls, stored: bytes, build: str, memory_limit: int, base: bytes) -> Self:
        """Read the stored form; raises `ImageInvalid` unless it is whole, of this build and within `memory_limit` bytes."""
        if not stored.startswith(MAGIC):
            raise ImageInvalid
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(stored[len(MAGIC) :], memory_limit + (1 << 20))
            name, memory, count, patches = _HEAD.unpack_from(plain)
            middle = _HEAD.size + count * _PAIR.size
            table = list(_PAIR.iter_unpack(plain[_HEAD.size : middle]))
            places = list(_PAIR.iter_unpack(plain[middle : middle + patches * _PAIR.size]))
        except (zlib.error, struct.error):
            raise ImageInvalid from None
        if name.decode("ascii", "replace") != build or not unpacker.eof or memory % 65536 or memory > memory_limit:
            raise ImageInvalid
        if (len(table), len(places)) != (count, patches) or any(address + length > memory for address, length in table):
            raise ImageInvalid
        runs = _placed(table)
        return cls(build, memory, runs, _patched(_underneath(runs, base), places, plain[middle + patches * _PAIR.size :]))


def _underneath(runs: tuple[tuple[int, int, int], ...], base: bytes) -> bytes:
    """What the base image has where the runs are; beyond its end, zeros."""
    return b"".join(base[address : address + length].ljust(length, b"\0") for address, _, length in runs)


def _patched(before: bytes, places: list[tuple[int, int]], fresh: bytes) -> bytes:
    data, at, size = bytearray(before), 0, len(before)
    for start, length in places:
        if start + length > size:
            raise ImageInvalid
        data[start : start + length] = fresh[at : at + length]
        at += length
    # A patch that found fewer bytes than it says has made the whole shorter.
    if at != len(fresh) or len(data) != size:
        raise ImageInvalid
    return bytes(data)


def _placed(table: list[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    runs, offset = [], 0
    for address, length in table:
        runs.append((address, offset, length))
        offset += length
    return tuple(runs)
