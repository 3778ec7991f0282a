"""The second wall of the processes that run tenants' code, as this installation needs it.

Owns which folders such a process keeps: Hostel's home, the guest and an SQLite database wherever it is. Must be asked from the thread
that runs guests, once everything is loaded (see `sandbox.wall`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.wall import WallReport, raise_wall

if TYPE_CHECKING:
    from controlplane.config import Config


def raise_for(config: Config) -> WallReport:
    """Take from this process what serving guests does not need; what the kernel did not offer is in the report."""
    written = [config.home]
    if config.database.startswith("sqlite"):
        from controlplane.database import database  # noqa: PLC0415 - brings the driver's parser, which only SQLite needs here

        written.append(Path(database(config.database)["NAME"]).absolute().parent)
    return raise_wall(read=[config.guest_home], write=written)
