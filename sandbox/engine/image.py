"""Images: what an instance's memory became, against the base image all instances start from.

Owns the capturing, the stored form and the restoring. An image belongs to one build of the guest and is refused by any other. Must not
decide when an image is made or where it is kept.

An image is a list of patches to the base image's memory. A page that a worker's top level has changed differs from the base image in few
bytes (reference counts, mostly): of 120 KB in pages some 4 KB are new, and only these are kept, stored and copied.

Stored form: `HOSTELI3`, then, compressed with zlib: 20 bytes of build name, u32 memory bytes, u32 number of patches, the patches (u32
address, u32 length), the patches' bytes.
"""

from __future__ import annotations

import ctypes
import re
import struct
import zlib
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Self

from sandbox.engine.instance import Instance
from sandbox.errors import HostelError

PAGE = 4096
MAGIC = b"HOSTELI3"
_HEAD = struct.Struct("<20sII")
_PAIR = struct.Struct("<II")
_LEVEL = 6
# Changed bytes, with gaps of up to 64 equal ones between them: a patch more takes longer to lay than the gap.
_CHANGED = re.compile(rb"[^\0](?:\0{0,64}[^\0])*")

Patch = tuple[int, int, int]


class ImageInvalid(HostelError):
    """The stored image is damaged or belongs to another build of the guest."""

    code = "image_invalid"


@dataclass(slots=True)
class Image:
    """Patches to the base image: each (address, offset in `data`, length). `memory` is the instance's size in bytes."""

    build: str
    memory: int
    patches: tuple[Patch, ...]
    data: bytes = field(repr=False)
    _address: int = field(default=0, compare=False, repr=False)

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
        places: list[tuple[int, int]] = []
        for at in range(low, memory, PAGE):
            now, before = bytes(view[at : at + PAGE]), base[at : at + PAGE].ljust(PAGE, b"\0")
            if now != before and not (dead and dead.start <= at < dead.stop):
                places += _changes(at, now, before)
        return cls(build, memory, _placed(places), b"".join(bytes(view[at : at + length]) for at, length in places))

    def restore(self, instance: Instance) -> None:
        """Lay the image over an untouched instance."""
        raw = instance.raw
        raw.grow_to(self.memory)
        target, source, move = raw.data, self._address, ctypes.memmove
        for address, offset, length in self.patches:
            move(target + address, source + offset, length)

    def encode(self) -> bytes:
        """The stored form."""
        head = _HEAD.pack(self.build.encode(), self.memory, len(self.patches))
        table = b"".join(_PAIR.pack(address, length) for address, _, length in self.patches)
        return MAGIC + zlib.compress(head + table + self.data, _LEVEL)

    @classmethod
    def decode(cls, stored: bytes, build: str, memory_limit: int) -> Self:
        """Read the stored form; raises `ImageInvalid` unless it is whole, of this build and within `memory_limit` bytes."""
        if not stored.startswith(MAGIC):
            raise ImageInvalid
        unpacker = zlib.decompressobj()
        try:
            # The table of a whole memory of lone changed bytes is a little shorter than the memory itself.
            plain = unpacker.decompress(stored[len(MAGIC) :], 2 * memory_limit + (1 << 20))
            name, memory, count = _HEAD.unpack_from(plain)
        except (zlib.error, struct.error):
            raise ImageInvalid from None
        start = _HEAD.size + count * _PAIR.size
        if name.decode("ascii", "replace") != build or not unpacker.eof or memory % 65536 or memory > memory_limit or start > len(plain):
            raise ImageInvalid
        places = list(_PAIR.iter_unpack(plain[_HEAD.size : start]))
        patches = _placed(places)
        data = plain[start:]
        if sum(length for _, length in places) != len(data) or any(address + length > memory for address, length in places):
            raise ImageInvalid
        return cls(build, memory, patches, data)


def _changes(address: int, now: bytes, before: bytes) -> list[tuple[int, int]]:
    """Where a page differs: (address, length)."""
    changed = (int.from_bytes(now, "little") ^ int.from_bytes(before, "little")).to_bytes(len(now), "little")
    return [(address + found.start(), found.end() - found.start()) for found in _CHANGED.finditer(changed)]


def _placed(places: list[tuple[int, int]]) -> tuple[Patch, ...]:
    offsets = accumulate((length for _, length in places), initial=0)
    return tuple((address, offset, length) for (address, length), offset in zip(places, offsets, strict=False))
