"""Taking a backup, while everything serves.

Owns the order: hold removal of content off, copy the database as it is at one moment, then the content its rows refer to. What is uploaded
meanwhile is in the next backup.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ops.backup import database
from ops.backup.archive import KEY, Manifest, Writer
from tenants import blobs
from tenants.errors import BlobMissing, FieldInvalid
from tenants.models import DataKey, Version, VersionImage

# What the copy has: its migrations, the keys it is sealed with, and the content it refers to.
_QUESTIONS = (
    "SELECT app || '.' || name FROM django_migrations",
    f"SELECT key_id FROM {DataKey._meta.db_table}",  # noqa: S608, SLF001 - our own tables' names
    f"SELECT modules FROM {Version._meta.db_table}",  # noqa: S608, SLF001
    f"SELECT blob_sha256 FROM {VersionImage._meta.db_table}",  # noqa: S608, SLF001
)


def make(file: BinaryIO, *, beside: Path, with_key: bool, compress: bool, note: Callable[[str], None] = lambda _: None) -> Manifest:
    """Write a backup to `file`; what is in it. The folder `beside` has room for a copy of the database meanwhile.

    With the key, whoever has the archive can read every secret in it. Raises `FieldInvalid` where there is no key file to put in.
    """
    key = settings.HOSTEL.home / KEY
    if with_key and (settings.HOSTEL.secret_key or not key.exists()):
        raise FieldInvalid("The keys are in HOSTEL_SECRET_KEY and not in a file: keep them as you keep that setting.", field="--with-key")
    manifest = Manifest(created=time.time(), release=release(), engine=database.engine(), with_key=with_key)
    writer = Writer(file, compress=compress)
    with tempfile.TemporaryDirectory(prefix=".hostel-backup-", dir=beside) as scratch, blobs.store().kept():
        folder = Path(scratch)
        manifest.database, (migrations, key_ids, modules, images) = database.dump(folder, _QUESTIONS)
        manifest.migrations, manifest.key_ids = sorted(migrations), sorted(set(key_ids))
        note("the database is copied")
        wanted = sorted({*images, *(module["sha256"] for listed in modules for module in json.loads(listed))})
        for path in sorted(folder.iterdir()):
            with path.open("rb") as source:
                writer.add(f"database/{path.name}", source, path.stat().st_size)
            path.unlink()
        for sha256 in wanted:
            if not _content(writer, sha256):
                manifest.missing_blobs.append(sha256)
    if with_key:
        with key.open("rb") as source:
            writer.add(KEY, source, key.stat().st_size)
    writer.finish(manifest)
    return manifest


def release() -> str:
    """The version of Hostel that runs; "" where it was not installed as a package."""
    try:
        return version("hostel")
    except PackageNotFoundError:
        return ""


def _content(writer: Writer, sha256: str) -> bool:
    """Add one blob, checked against its name; False where the store has lost or damaged it."""
    try:
        # Whole in memory: checked before it is believed. The largest is one module, or one image.
        data = blobs.store().get(sha256)
    except BlobMissing:
        return False
    writer.add(f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}", io.BytesIO(data), len(data))
    return True
