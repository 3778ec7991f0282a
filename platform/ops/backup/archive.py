"""The archive itself: a tar whose last member says what the others are.

Owns the names that may be in it, the manifest and the checksums. Reading trusts nothing: a member that is not expected, not a plain file,
too much, missing or changed is a reason to refuse the whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from sandbox.errors import HostelError

FORMAT: Final = "hostel backup 1"
MANIFEST: Final = "manifest.json"
KEY: Final = "secret.key"
_NAMES: Final = re.compile(r"database/[a-z0-9_.]{1,120}|blobs/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|secret\.key|manifest\.json")
_PIECE: Final = 1024 * 1024
_MANIFEST_BYTES: Final = 512 * 1024 * 1024


class BackupInvalid(HostelError):
    """This is no backup that can be used: it is cut off, was changed, or comes from elsewhere."""

    code = "backup_invalid"
    status = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive: its SHA-256 in hex and its bytes."""

    sha256: str
    size: int


@dataclass(slots=True)
class Manifest:
    """What a backup says of itself."""

    format: str = FORMAT
    # Seconds since 1970, and the release that made it.
    created: float = 0.0
    release: str = ""
    # "sqlite" or "postgresql": a backup goes back into the engine it came from.
    engine: str = ""
    # Applied migrations (`tenants.0001_initial`), and what the engine needs beside its files (ops.backup.database).
    migrations: list[str] = field(default_factory=list)
    database: dict[str, Any] = field(default_factory=dict)
    # Ids of the master keys that its secrets are sealed with; whether the key file is in it.
    key_ids: list[str] = field(default_factory=list)
    with_key: bool = False
    # Content that rows refer to and the store had lost when the backup was made.
    missing_blobs: list[str] = field(default_factory=list)
    files: dict[str, Entry] = field(default_factory=dict)


class Writer:
    """Adds files to a new archive; `finish` writes the manifest."""

    def __init__(self, file: BinaryIO, *, compress: bool) -> None:
        """Write to `file`, which need not be seekable."""
        self._tar = tarfile.open(fileobj=file, mode="w|gz" if compress else "w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - `finish` closes
        self.files: dict[str, Entry] = {}

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        """Add `size` bytes of `source`; raises OSError where there are fewer."""
        digest = _Digesting(source)
        self._tar.addfile(_member(name, size), digest)
        self.files[name] = Entry(digest.hash.hexdigest(), size)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the archive's end."""
        manifest.files = self.files
        text = json.dumps(_plain(manifest), indent=1).encode()
        self._tar.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
        self._tar.close()


def read(path: Path, *, into: Path | None) -> Manifest:
    """Check every byte of the archive, and put its files under the folder `into` if there is one. Raises `BackupInvalid`."""
    seen: dict[str, Entry] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                if manifest is not None or not member.isfile() or not _NAMES.fullmatch(member.name) or member.name in seen:
                    raise BackupInvalid(f"The archive holds {member.name[:200]!r}, which no backup does.", file=member.name[:200])
                source = tar.extractfile(member)
                assert source is not None
                if member.name == MANIFEST:
                    manifest = _manifest(source.read(_MANIFEST_BYTES))
                else:
                    seen[member.name] = _take(member.name, source, into)
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise BackupInvalid(f"The archive cannot be read: {error}.") from None
    if manifest is None:
        raise BackupInvalid("The archive is cut off: it has no manifest.")
    _compare(manifest.files, seen)
    return manifest


def _compare(said: Mapping[str, Entry], seen: Mapping[str, Entry]) -> None:
    for name in sorted(set(said) | set(seen)):
        if name not in seen:
            raise BackupInvalid(f"{name} is missing from the archive.", file=name)
        if said.get(name) != seen[name]:
            raise BackupInvalid(f"{name} is not what it was when the backup was made.", file=name)
        if name.startswith("blobs/") and not name.endswith(seen[name].sha256):
            raise BackupInvalid(f"{name} does not hold what its name says.", file=name)


def _take(name: str, source: IO[bytes], into: Path | None) -> Entry:
    digest, size = hashlib.sha256(), 0
    target = None
    if into is not None:
        path = into / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = path.open("xb")
        path.chmod(0o600)
    try:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if target is not None:
                target.write(piece)
    finally:
        if target is not None:
            target.close()
    return Entry(digest.hexdigest(), size)


def _manifest(text: bytes) -> Manifest:
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise BackupInvalid(f"The backup's format is {str(values['format'])[:40]!r}; this release reads {FORMAT!r}.")
        files = {str(name): Entry(str(entry["sha256"]), int(entry["size"])) for name, entry in values.pop("files").items()}
        return Manifest(**values, files=files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupInvalid("The archive's manifest cannot be read.", file=MANIFEST) from None


def _plain(manifest: Manifest) -> dict[str, Any]:
    values = {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__}
    return {**values, "files": {name: {"sha256": one.sha256, "size": one.size} for name, one in manifest.files.items()}}


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


class _Digesting:
    """A file that is hashed as it is read."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._source.read(size)
        self.hash.update(piece)
        return piece
