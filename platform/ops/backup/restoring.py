"""The way back: from an archive to a home that can be started.

Owns the refusals (another Hostel runs here, somebody lives here, the key is missing) and the order: everything is checked before anything
is replaced.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import connections, transaction

from ops import migrating
from ops.backup import database
from ops.backup.archive import KEY, BackupInvalid, Manifest, read
from ops.lock import HomeLock
from sandbox.errors import HostelError
from tenants import blobs, epoch, keys

_PIECE = 1024 * 1024


class RestoreRefused(HostelError):
    """The backup was not restored, and nothing was changed."""

    code = "restore_refused"
    status = 409


def restore(path: Path, *, force: bool, without_key: bool, note: Callable[[str], None] = lambda _: None) -> Manifest:
    """Restore the archive into the settings' home and database; what was in it.

    With `force` what is there is replaced (an SQLite database is kept beside the new one). Raises `BackupInvalid`, `RestoreRefused`, or
    `ops.lock.StartRefused` where Hostel runs in this home.
    """
    home: Path = settings.HOSTEL.home
    with HomeLock(settings.HOSTEL.run, port=settings.HOSTEL.port), tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as scratch:
        folder = Path(scratch)
        manifest = read(path, into=folder)
        note("the archive is whole")
        _check(manifest, folder, force=force, without_key=without_key)
        if manifest.with_key:
            _install_key(folder / KEY, home / KEY)
        for blob in sorted(folder.glob("blobs/*/*/*")):
            with blob.open("rb") as source:
                blobs.store().put(_pieces(source))
            blob.unlink()
        note("content is in its place")
        database.load(folder / "database", manifest.database, manifest.migrations)
        note("the database is loaded")
    # A backup of an older release is brought up to date; gateways elsewhere drop what they remember.
    migrating.migrate(note)
    with transaction.atomic():
        epoch.bump(reason="restored from a backup")
    connections.close_all()
    return manifest


def _check(manifest: Manifest, folder: Path, *, force: bool, without_key: bool) -> None:
    if manifest.engine != database.engine():
        raise RestoreRefused(f"The backup is of a {manifest.engine} database, and DATABASE_URL names a {database.engine()} one.")
    if manifest.engine == "sqlite" and f"database/{database.SQLITE_FILE}" not in manifest.files:
        raise BackupInvalid("The backup has no database.")
    if newer := database.unknown(manifest.migrations):
        raise BackupInvalid(f"The backup was made by a newer release: it has the migration {newer[0][:120]!r}.")
    if not force and not database.is_empty():
        raise RestoreRefused("There are tenants or people here already: --force replaces them.")
    key = settings.HOSTEL.home / KEY
    if manifest.with_key:
        if settings.HOSTEL.secret_key:
            raise RestoreRefused("The backup brings a key file, but HOSTEL_SECRET_KEY is set and would be used instead of it.")
        if key.exists() and key.read_bytes() != (folder / KEY).read_bytes() and not force:
            raise RestoreRefused(f"There is another {KEY} here already: --force replaces it (the old one is kept beside it).")
        return
    if without_key:
        return
    there = keys.load(configured=settings.HOSTEL.secret_key, path=key).ids if settings.HOSTEL.secret_key or key.exists() else frozenset()
    missing = set(manifest.key_ids) - there
    if missing:
        raise RestoreRefused(
            f"Its secrets are sealed with master keys that are not here ({', '.join(sorted(missing))}): put {KEY} into the home or set "
            "HOSTEL_SECRET_KEY first; --without-key restores without them, and no secret can be read then.",
            keys=sorted(missing),
        )


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _install_key(source: Path, target: Path) -> None:
    if target.exists() and target.read_bytes() != source.read_bytes():
        target.replace(target.with_name(f"{target.name}.before-restore"))
    source.chmod(0o600)
    source.replace(target)
