"""Everything that is read of rollouts."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from rollouts.counting import counted_until
from rollouts.errors import RolloutNotFound
from rollouts.models import ACTIVE, Freeze, Rollout
from rollouts.services.freezing import PLATFORM
from tenants.models import Tenant
from tenants.services.support import worker_of


def rollout_list(*, tenant: Tenant, worker_name: str | None = None) -> QuerySet[Rollout]:
    """A tenant's rollouts (of those workers that the caller may see), or a worker's; newest first. Raises `WorkerNotFound`."""
    found = Rollout.objects.filter(tenant=tenant).select_related("worker", "worker__namespace", "tenant").order_by("-pk")
    if worker_name is not None:
        return found.filter(worker=worker_of(tenant, worker_name))
    if tenant.only_workers is None:
        return found
    return found.filter(worker__namespace=None, worker__name__in=tenant.only_workers)


def rollout_get(*, tenant: Tenant, worker_name: str, rollout_id: uuid.UUID) -> Rollout:
    """One rollout; raises `WorkerNotFound` or `RolloutNotFound`."""
    rollout = rollout_list(tenant=tenant, worker_name=worker_name).filter(uuid=rollout_id).first()
    if rollout is None:
        raise RolloutNotFound
    return rollout


def rollout_active(*, tenant: Tenant, worker_name: str) -> Rollout | None:
    """The worker's rollout under way."""
    return rollout_list(tenant=tenant, worker_name=worker_name).filter(state__in=ACTIVE).first()


def rollouts_everywhere(*, active: bool = False) -> QuerySet[Rollout]:
    """Everybody's rollouts, newest first. For operators."""
    found = Rollout.objects.select_related("worker", "worker__namespace", "tenant").order_by("-pk")
    return found.filter(state__in=ACTIVE) if active else found


def timeline(*, rollout: Rollout) -> list[dict[str, Any]]:
    """What happened, in order."""
    return [{"at": row.at, "kind": row.kind, "text": row.text, "data": row.data} for row in rollout.events.order_by("pk")]


def telemetry_age(*, rollout: Rollout) -> dict[str, Any]:
    """How old what is known is: seconds since everything was counted, and since the newest record arrived; None where nothing is known."""
    now = timezone.now()
    until = counted_until(now)
    newest = rollout.newest_ms / 1000
    return {
        "counted_seconds_ago": max(0.0, round((now - until).total_seconds(), 1)) if until else None,
        "newest_seconds_ago": max(0.0, round(now.timestamp() - newest, 1)) if newest else None,
    }


def freezes(*, tenant: Tenant | None = None) -> list[Freeze]:
    """Every freeze, the platform's first; with a tenant, those that it is under."""
    rows = Freeze.objects.select_related("tenant").order_by("created")
    if tenant is not None:
        rows = rows.filter(scope__in=(PLATFORM, tenant.account_id))
    return sorted(rows, key=lambda row: row.tenant_id is not None)
