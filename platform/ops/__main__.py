"""`python -m ops` and `hostel`: the command line.

Owns the way in only: commands are listed in `ops.catalogue`, parsed and run by `ops.cli`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ops import cli
from ops.catalogue import COMMANDS, GROUPS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the process's own if None) name; returns an exit code."""
    return cli.run(COMMANDS, GROUPS, arguments)


if __name__ == "__main__":
    sys.exit(main())
