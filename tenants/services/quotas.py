"""Holding a tenant to what it may have.

Owns the refusal: each service that adds something counted asks here, under the tenant's lock and in its own transaction, so that of many
who come at once exactly as many get through as may.
"""

from __future__ import annotations

import math
import time
from datetime import timedelta

from django.utils import timezone

from tenants import grants, usage
from tenants.errors import DeploymentsExceeded, QuotaExceeded, TenantNotFound
from tenants.models import Deployment, QuotaCount, Tenant, Worker


def quota_require(*, tenant: Tenant, worker: Worker | None = None, **adding: int) -> None:
    """Raise `QuotaExceeded` unless the tenant may have so many more: `quota_require(tenant=…, workers=1)`. In a transaction only.

    Deployments are a matter of time: those raise `DeploymentsExceeded`, which says when there is room again.
    """
    # No key: as `tenant_lock` does, which most callers have called.
    row = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).first()
    if row is None:
        raise TenantNotFound
    # The row as it is now: what the caller holds was read before the lock.
    values = grants.limits_under(row, worker).values
    for name, more in adding.items():
        most = values[name]
        if most is None or not more:
            continue
        used = usage.counted(name, tenant, worker)
        if used + more <= most:
            continue
        if name == "deployments_per_hour":
            raise _too_soon(tenant, most)
        raise QuotaExceeded(f"This tenant may have {most} {_WORDS[name]}, and has {used}.", field=name, limit=most, used=used)


def quotas_prune() -> int:
    """Forget counts of periods that are over; how many."""
    return QuotaCount.objects.filter(expires_at__lt=time.time()).delete()[0]


def _too_soon(tenant: Tenant, most: int) -> DeploymentsExceeded:
    since = timezone.now() - usage.HOUR
    # There is room again when the oldest of the latest `most` is an hour old.
    oldest = Deployment.objects.filter(tenant=tenant, created__gt=since).order_by("-created").values_list("created", flat=True)[most - 1]
    wait = max(1, math.ceil((oldest - since) / timedelta(seconds=1)))
    return DeploymentsExceeded(
        f"This tenant may deploy {most} times in an hour.", field="deployments_per_hour", limit=most, retry_after=wait
    )


_WORDS = {
    "workers": "workers",
    "workers_per_namespace": "workers in a namespace",
    "namespaces": "namespaces",
    "versions_per_worker": "versions of a worker",
    "stored_bytes": "bytes of code",
    "domains": "host names of its own",
    "flags": "feature flags",
    "flag_segments": "segments of feature flags",
    "tokens": "API tokens",
}
