"""What several commands share: who acts, how times are written and read."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta

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
