"""The steps of a start that need Django: the schema and the demo tenant.

Owns their order and what the supervisor is told (one `@event` line each on standard output). Runs as a process of its own, so that the
supervisor stays small and a step that hangs can be stopped.
"""

from __future__ import annotations

import sys

import django

from ops.task import MIGRATED, NOTE, SEEDED


def prepare() -> int:
    """Bring the schema up to date, then the demo tenant; returns an exit code."""
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - kept together with the next

    from ops import seed  # noqa: PLC0415 - models exist only now
    from ops.migrating import migrate  # noqa: PLC0415 - the same

    migrate(lambda text: tell(NOTE + text))
    tell(MIGRATED)
    if settings.HOSTEL.demo:
        seed.seed(note=lambda text: tell(NOTE + text))
    tell(SEEDED)
    return 0


def tell(event: str) -> None:
    """One line for the supervisor."""
    sys.stdout.write(event + "\n")
    sys.stdout.flush()
