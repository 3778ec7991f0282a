"""Where an upload waits for its build.

Owns one folder for each upload: the bundle to build, and the image once it is built, both sealed because a bundle may hold secrets. Must
leave nothing: whoever stages discards, and what a dead process left is swept by age.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from sandbox.bundle import Bundle
from sandbox.limits import Limits
from tenants.errors import BlobMissing
from tenants.secrets import seal_bytes, unseal_bytes

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Staged:
    """What a build needs."""

    bundle: Bundle
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Record:
    """The same as it is written: the environment as JSON, because MessagePack has no unpaired surrogates and no large integers."""

    bundle: Bundle
    env: str
    limits: Limits


class Staging:
    """Uploads by a random id. Reads of one that has been discarded raise `BlobMissing`."""

    def __init__(self, root: Path) -> None:
        """Keep uploads under `root`."""
        self.root = root

    def put(self, bundle: Bundle, limits: Limits) -> str:
        """Stage a bundle; its id."""
        staged = uuid.uuid4().hex
        folder = self.root / staged
        folder.mkdir(mode=0o700, parents=True)
        encoded = msgspec.msgpack.encode(_Record(replace(bundle, env=()), json.dumps(list(bundle.env)), limits))
        (folder / "bundle").write_bytes(seal_bytes(encoded, context=f"staging:{staged}:bundle"))
        return staged

    def load(self, staged: str) -> Staged:
        """What was staged."""
        record = msgspec.msgpack.decode(self._read(staged, "bundle"), type=_Record)
        return Staged(replace(record.bundle, env=json.loads(record.env)), record.limits)

    def put_image(self, staged: str, image: bytes) -> None:
        """Add the image; raises `BlobMissing` where nobody waits for it any more."""
        folder = self._folder(staged)
        draft = folder / "image.part"
        try:
            draft.write_bytes(seal_bytes(image, context=f"staging:{staged}:image"))
            draft.rename(folder / "image")
        except FileNotFoundError:
            raise BlobMissing("The upload has been given up.") from None

    def image(self, staged: str) -> bytes:
        """The image."""
        return self._read(staged, "image")

    def discard(self, staged: str) -> None:
        """Forget an upload; repeatable."""
        shutil.rmtree(self._folder(staged), ignore_errors=True)

    def sweep(self, *, older_than: float) -> int:
        """Forget every upload that was staged before `older_than` (seconds since 1970); how many."""
        if not self.root.exists():
            return 0
        stale = [path for path in self.root.iterdir() if _ID.fullmatch(path.name) and path.stat().st_mtime < min(older_than, time.time())]
        for path in stale:
            self.discard(path.name)
        return len(stale)

    def _folder(self, staged: str) -> Path:
        if not _ID.fullmatch(staged):
            raise BlobMissing("A staged upload's id must be 32 hex digits.")
        return self.root / staged

    def _read(self, staged: str, name: str) -> bytes:
        try:
            data = (self._folder(staged) / name).read_bytes()
        except FileNotFoundError:
            raise BlobMissing("The upload has been given up.") from None
        return unseal_bytes(data, context=f"staging:{staged}:{name}")
