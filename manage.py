#!/usr/bin/env python
"""Django's entry. Owns one thing beside it: the source root `platform/` is put on the import path (docs/decisions/0001)."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the management command the command line names."""
    # Appended, never put first: the folder holds no module of its own, so the standard library's `platform` keeps winning.
    sys.path.append(str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - needs the path above

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
