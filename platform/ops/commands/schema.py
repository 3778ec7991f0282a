"""`hostel migrate`: the database's schema."""

from __future__ import annotations

import sys
from argparse import Namespace

from ops import migrating
from ops.cli import Outcome


def migrate(options: Namespace) -> Outcome:
    """Apply what is missing, or say what is."""
    if options.check:
        missing = migrating.missing()
        return Outcome({"missing": missing}, missing or ["Nothing is missing."], code=1 if missing else 0)
    applied = migrating.migrate(_tell)
    return Outcome({"applied": applied}, [f"applied {name}" for name in applied] or ["Nothing was missing."])


def _tell(text: str) -> None:
    """What takes long, beside the answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
