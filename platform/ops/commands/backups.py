"""`hostel backup …`: backups, made, checked and restored."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.backup import archive, making, restoring
from ops.cli import Outcome, facts
from ops.commands.support import moment, new_file
from tenants.errors import FieldInvalid


def create(options: Namespace) -> Outcome:
    """Make one; what is half-written when it fails is removed."""
    path = Path(options.file)
    if not path.name.endswith((".tar", ".tar.gz", ".tgz")):
        raise FieldInvalid("A backup's name must end with .tar, .tar.gz or .tgz.", field="file")
    with new_file(path, field="file") as file:
        compress = not path.name.endswith(".tar")
        manifest = making.make(file, beside=path.absolute().parent, with_key=options.with_key, compress=compress, note=_tell)
    data = {"file": str(path), **described(manifest)}
    lines = facts(data)
    if not options.with_key:
        lines += ["", "The key of tenants' secrets is not in it: keep it as well, and elsewhere."]
    return Outcome(data, lines)


def verify(options: Namespace) -> Outcome:
    """Check one."""
    data = described(archive.read(Path(options.file), into=None))
    return Outcome(data, ["The backup is whole.", *facts(data)])


def restore(options: Namespace) -> Outcome:
    """Go back to one."""
    manifest = restoring.restore(Path(options.file), force=options.force, without_key=options.without_key, note=_tell)
    data = described(manifest)
    return Outcome(data, ["Restored. Start Hostel as ever.", *facts(data)])


def described(manifest: archive.Manifest) -> dict[str, Any]:
    """A backup as the command line shows it."""
    content = [entry.size for name, entry in manifest.files.items() if name.startswith("blobs/")]
    return {
        "created": moment_of(manifest.created),
        "release": manifest.release,
        "engine": manifest.engine,
        "files": len(manifest.files),
        "bytes": sum(entry.size for entry in manifest.files.values()),
        "blobs": len(content),
        "missing_blobs": manifest.missing_blobs,
        "with_key": manifest.with_key,
        "key_ids": manifest.key_ids,
    }


def moment_of(seconds: float) -> str | None:
    """A time in seconds since 1970, as people read it."""
    return moment(datetime.fromtimestamp(seconds, UTC))


def _tell(text: str) -> None:
    """How far it is, beside the answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
