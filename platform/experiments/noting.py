"""That somebody asks for flags over HTTP.

Owns one row for each flag and hour, so that the report of stale flags knows: these evaluations leave no record. A process writes each once.
"""

from __future__ import annotations

import time
from typing import Final

from experiments.models import FlagCount
from telemetry.models import HOUR
from tenants.models import Tenant

# Flags and hours that a process remembers to have noted.
_REMEMBERED: Final = 50_000
# Instead of a flag's key: all of them were asked for at once.
ALL_FLAGS: Final = ""
_noted: set[tuple[int, str, str, int]] = set()


def evaluation_note(*, tenant: Tenant, environment: str, flag: str = ALL_FLAGS) -> None:
    """Note that a flag, or all, were asked for in this hour."""
    place = (tenant.pk, environment, flag, int(time.time()) // HOUR * HOUR)
    if place in _noted:
        return
    FlagCount.objects.get_or_create(tenant=tenant, environment=environment, flag=flag, variant="", hour=place[3], defaults={"count": 1})
    if len(_noted) >= _REMEMBERED:
        _noted.clear()
    _noted.add(place)
