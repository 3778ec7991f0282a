"""Counts for many machines that share a database and nothing faster.

Owns the rows of `QuotaCount`. They are locked in the order of their keys, so two claims never wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from tenants.models import QuotaCount
from tenants.quotas.counting import Counter, Taken

_LINGER_SECONDS: Final = 3_600


class DatabaseCounts:
    """A `tenants.quotas.Store`."""

    local = False

    def take(self, counters: Sequence[Counter], want: int, *, spent: int = 0, now: float) -> Taken:  # noqa: ARG002 - keys name periods
        """As `Store.take`."""
        with transaction.atomic():
            rows = _locked(counters)
            granted = max(0, min(want, *(counter.limit - rows[counter.key].used - spent for counter in counters)))
            for row in rows.values():
                row.used += spent + granted
            if spent + granted:
                QuotaCount.objects.bulk_update(rows.values(), ["used"])
        return Taken(granted, tuple(rows[counter.key].used for counter in counters))

    def give(self, counters: Sequence[Counter], units: int, *, now: float) -> None:  # noqa: ARG002 - keys name periods
        """As `Store.give`."""
        with transaction.atomic():
            rows = _locked(counters)
            for row in rows.values():
                row.used = max(0, row.used - units)
            QuotaCount.objects.bulk_update(rows.values(), ["used"])

    def used(self, counters: Sequence[Counter], *, now: float) -> tuple[int, ...]:  # noqa: ARG002 - keys name periods
        """As `Store.used`."""
        found = dict(QuotaCount.objects.filter(key__in=[counter.key for counter in counters]).values_list("key", "used"))
        return tuple(found.get(counter.key, 0) for counter in counters)


def _locked(counters: Sequence[Counter]) -> dict[str, QuotaCount]:
    keys = [counter.key for counter in counters]
    rows = _rows(keys)
    if len(rows) < len(keys):
        made = [QuotaCount(key=counter.key, expires_at=counter.ends + _LINGER_SECONDS) for counter in counters if counter.key not in rows]
        QuotaCount.objects.bulk_create(made, ignore_conflicts=True)
        rows = _rows(keys)
    return rows


def _rows(keys: Sequence[str]) -> dict[str, QuotaCount]:
    return {row.key: row for row in QuotaCount.objects.select_for_update().filter(key__in=keys).order_by("key")}
