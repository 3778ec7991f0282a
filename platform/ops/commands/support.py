"""What several commands share: who acts, how times are written and read."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.utils import timezone

from tenants.actor import Actor
from tenants.errors import FieldInvalid

_SPAN = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def operator() -> Actor:
    """Whoever types: the system, in the name of the machine's user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        name = "unknown"
    return Actor("system", f"cli/{name[:40]}")


@contextmanager
def new_file(path: Path, *, field: str) -> Iterator[BinaryIO]:
    """A file that appears under `path` when it is whole, readable by its owner only; raises `FieldInvalid` where it cannot be made."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            raise FieldInvalid(f"{path} exists: name another file, or remove it.", field=field)
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FieldInvalid(f"{path} cannot be made: {error.strerror}.", field=field) from None
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def moment(value: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, to the second."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if value else None


def span(text: str, *, field: str) -> timedelta:
    """`30m`, `12h` or `7d`; raises `FieldInvalid`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise FieldInvalid("must be a number and m, h or d, such as 30d.", field=field)
    return int(found[1]) * _UNITS[found[2]]


def later(text: str | None, *, field: str) -> datetime | None:
    """A moment given as a span from now or as a date; None for none. Raises `FieldInvalid`."""
    if text is None:
        return None
    if _SPAN.fullmatch(text.strip()):
        return timezone.now() + span(text, field=field)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise FieldInvalid("must be a span (30d) or a date (2027-01-31).", field=field) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
