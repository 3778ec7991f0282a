"""When versions were last served. Owns one question to the roll-ups, which keep their finest step for a while only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from django.db.models import Max

from telemetry.models import Rollup
from tenants.models import Tenant, Worker


def versions_last_used(*, tenant: Tenant, worker: Worker, versions: Collection[str]) -> dict[str, datetime]:
    """Version's id -> the beginning of the minute (long ago: hour, day) in which it last served; without those that never did."""
    rows = Rollup.objects.filter(tenant=tenant, worker_id=worker.pk, version__in=versions).order_by()
    return {version: datetime.fromtimestamp(at, UTC) for version, at in rows.values_list("version").annotate(last=Max("at"))}
