"""From a place in what the engine reads to the place in what the author wrote.

Owns the table that both kinds of maps become (the transform's, an uploaded source map's), its bounds, and its form on the wire. Must not
know where it comes from.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

# Places of one module; of more, only the first of each line are kept, and then as many as fit.
ENTRIES: Final = 131_072
SOURCES: Final = 5_000
NAME_CHARACTERS: Final = 300
_ENTRY: Final = struct.Struct("<IIIII")

# Generated line and column, number of the source, its line and column; lines and columns count from 1.
Entry = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class LineMap:
    """The places of one module, in order."""

    sources: tuple[str, ...]
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, sources: Iterable[str], entries: Iterable[Entry]) -> Self:
        """Sorted and bounded."""
        ordered = sorted(entries)
        if len(ordered) > ENTRIES:
            firsts = [entry for before, entry in zip([(0, 0, 0, 0, 0), *ordered], ordered, strict=False) if before[0] != entry[0]]
            ordered = firsts[:ENTRIES]
        return cls(tuple(sources), tuple(ordered))

    def place(self, line: int, column: int) -> tuple[str, int, int] | None:
        """(file, line, column) of the author's for a generated place; None where the map says nothing."""
        at = bisect_right(self.entries, (line, column, 1 << 31, 0, 0)) - 1
        if at < 0 or self.entries[at][0] != line:
            # Before the line's first place: that is nearer than another line's.
            if at + 1 >= len(self.entries) or self.entries[at + 1][0] != line:
                return None
            at += 1
        _, _, source, found, where = self.entries[at]
        return self.sources[source], found, where

    def wire(self) -> bytes:
        """The entries as the guest reads them (docs/protocol.md, `MAP`)."""
        return b"".join(_ENTRY.pack(*entry) for entry in self.entries)
