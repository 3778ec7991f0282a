"""Blobs as files of a folder: `ab/cd/abcd….` (two levels keep every directory small).

A file appears under its name only when all of its bytes are on the disk: written beside it, synced, then renamed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tenants.blobs.base import BlobInfo
from tenants.errors import BlobMissing

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".part-"
_LOCK = ".lock"


class FolderBlobStore:
    """A `BlobStore` on a local (or shared POSIX) file system."""

    def __init__(self, root: Path) -> None:
        """Keep blobs under `root`, which is made on the first put."""
        self.root = root

    def put(self, data: bytes | Iterable[bytes]) -> BlobInfo:
        """Store `data`; see `BlobStore.put`. An iterable is written as it comes, never held whole."""
        if isinstance(data, bytes):
            found = self._touch(hashlib.sha256(data).hexdigest())
            if found is not None:
                return found
            data = (data,)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.root / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        digest, size = hashlib.sha256(), 0
        try:
            with draft.open("xb") as file:
                for chunk in data:
                    digest.update(chunk)
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            sha256 = digest.hexdigest()
            found = self._touch(sha256)
            if found is not None:
                return found
            target = self._path(sha256)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.rename(target)
            _sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)
        return BlobInfo(sha256, size, time.time())

    def get(self, sha256: str) -> bytes:
        """The content, checked against its name."""
        with self.open(sha256) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobMissing("Stored content has been damaged.", sha256=sha256)
        return data

    def open(self, sha256: str) -> BinaryIO:
        """The content as a file."""
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError:
            raise BlobMissing(sha256=sha256) from None

    def exists(self, sha256: str) -> bool:
        """Whether it is stored."""
        return self._path(sha256).exists()

    def delete(self, sha256: str, *, put_before: float | None = None) -> bool:
        """Remove it. It is moved aside before its age is decided on: a put that comes between finds it gone, and writes it anew."""
        path = self._path(sha256)
        aside = self.root / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        found = self._info(sha256)
        if found is None or (put_before is not None and found.modified >= put_before):
            return False
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        if put_before is not None and aside.stat().st_mtime >= put_before:
            # Put again between the two looks.
            aside.rename(path)
            return False
        aside.unlink()
        return True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nothing is collected while the block runs."""
        with self._lock(fcntl.LOCK_SH):
            yield

    @contextmanager
    def collecting(self) -> Iterator[bool]:
        """Whether the block may remove."""
        with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as mine:
            yield mine

    def walk(self) -> Iterator[BlobInfo]:
        """Every stored blob."""
        for path in self.root.glob("??/??/*"):
            info = self._info(path.name) if _SHA256.fullmatch(path.name) else None
            if info is not None:
                yield info

    def sweep_drafts(self, *, older_than: float) -> int:
        """Remove files that a process left half-written before `older_than` (seconds since 1970); how many."""
        stale = [path for path in self.root.glob(f"{_TEMPORARY}*") if path.stat().st_mtime < older_than]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    @contextmanager
    def _lock(self, kind: int) -> Iterator[bool]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _flock(handle, kind)
        finally:
            os.close(handle)

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise BlobMissing("A blob's name must be a SHA-256 in hex.")
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def _info(self, sha256: str) -> BlobInfo | None:
        try:
            found = self._path(sha256).stat()
        except FileNotFoundError:
            return None
        return BlobInfo(sha256, found.st_size, found.st_mtime)

    def _touch(self, sha256: str) -> BlobInfo | None:
        """Count a blob as put now, so that the collector leaves it alone until its new row is committed."""
        try:
            os.utime(self._path(sha256))
        except FileNotFoundError:
            return None
        return self._info(sha256)


def _flock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
