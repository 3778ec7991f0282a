"""WebAssembly binaries as a list of sections.

Owns just enough of the binary format (core specification 2.0, section 5) to put a memory image into a module: reading sections,
replacing the data section, raising the memory's minimum. Must not validate: the engine does.
"""

from __future__ import annotations

from dataclasses import dataclass

MAGIC = b"\0asm\x01\0\0\0"
MEMORY, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA = 5, 7, 8, 9, 12, 10, 11
PAGE = 65_536
# Shorter runs of zeros cost less inside a segment than as the border of two.
GAP = 64


@dataclass(slots=True)
class Section:
    """One section: its id and its bytes without the length."""

    id: int
    body: bytes


def uleb(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def sleb(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        done = (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40)
        out.append(byte if done else byte | 0x80)
        if done:
            return bytes(out)


def read_uleb(data: bytes, at: int) -> tuple[int, int]:
    """The value and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def parse(binary: bytes) -> list[Section]:
    """The sections in order; raises `ValueError` for something that is no module."""
    if not binary.startswith(MAGIC):
        raise ValueError("not a WebAssembly module")
    at = len(MAGIC)
    sections = []
    while at < len(binary):
        kind = binary[at]
        size, at = read_uleb(binary, at + 1)
        sections.append(Section(kind, binary[at : at + size]))
        at += size
    return sections


def assemble(sections: list[Section]) -> bytes:
    """The binary of these sections."""
    return MAGIC + b"".join(bytes([section.id]) + uleb(len(section.body)) + section.body for section in sections)


def segments(image: bytes) -> list[tuple[int, bytes]]:
    """(address, bytes) of everything in `image` that is not zero."""
    found: list[tuple[int, bytes]] = []
    at, end = 0, len(image)
    blank = bytes(GAP)
    while at < end:
        # Skip zeros a page's fraction at a time.
        while at < end and image[at : at + GAP] == blank[: min(GAP, end - at)]:
            at += GAP
        if at >= end:
            break
        stop = image.find(blank, at)
        stop = end if stop < 0 else stop
        found.append((at, image[at:stop]))
        at = stop
    return found


def with_memory(binary: bytes, image: bytes) -> bytes:
    """The module whose memory starts as `image` (a whole number of 64 KiB pages) and whose start function is gone."""
    data = segments(image)
    body = uleb(len(data)) + b"".join(b"\0\x41" + sleb(address) + b"\x0b" + uleb(len(run)) + run for address, run in data)
    out = []
    for section in parse(binary):
        if section.id in (START, DATA, 0):
            continue
        if section.id == MEMORY:
            out.append(Section(MEMORY, _raised(section.body, len(image) // PAGE)))
        elif section.id == DATA_COUNT:
            out.append(Section(DATA_COUNT, uleb(len(data))))
        else:
            out.append(section)
    out.append(Section(DATA, body))
    return assemble(out)


def _raised(body: bytes, pages: int) -> bytes:
    count, at = read_uleb(body, 0)
    flags = body[at]
    if count != 1 or flags & ~1:
        raise ValueError("one plain memory expected")
    _, at = read_uleb(body, at + 1)
    return b"\x01" + bytes([flags]) + uleb(pages) + body[at:]
