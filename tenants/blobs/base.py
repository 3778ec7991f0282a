"""What a blob store can do. Another one (S3, say) implements this and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """One stored blob: its SHA-256 in hex, its bytes, and when it was last put (seconds since 1970)."""

    sha256: str
    size: int
    modified: float


class BlobStore(Protocol):
    """Bytes by their SHA-256. Every call may be made from any thread; `sha256` is always 64 lower-case hex digits."""

    def put(self, data: bytes | Iterable[bytes]) -> BlobInfo:
        """Store `data` durably and whole; content that is there already costs a look, and counts as put now."""
        ...

    def get(self, sha256: str) -> bytes:
        """The content; raises `BlobMissing`, also where the stored bytes are not what their name says."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The content as a file to read; raises `BlobMissing`."""
        ...

    def exists(self, sha256: str) -> bool:
        """Whether it is stored."""
        ...

    def delete(self, sha256: str, *, put_before: float | None = None) -> bool:
        """Remove it, unless it was put at or after `put_before` (seconds since 1970); whether it was removed."""
        ...

    def kept(self) -> AbstractContextManager[None]:
        """Nothing is collected while the block runs (a backup reads what rows of a moment ago refer to)."""
        ...

    def collecting(self) -> AbstractContextManager[bool]:
        """For whoever removes: whether it may now. False while somebody else does, or something is kept."""
        ...

    def walk(self) -> Iterator[BlobInfo]:
        """Every stored blob, in no order; one that comes or goes meanwhile may be missing."""
        ...
