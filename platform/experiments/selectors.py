"""Questions about experiments, version flags and the use of flags."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.db.models import Max, QuerySet, Sum

from experiments.errors import ExperimentNotFound, VersionFlagNotFound
from experiments.models import Experiment, FlagCount, VersionFlag
from experiments.noting import ALL_FLAGS
from flags.models import Flag
from flags.selectors.stale import Used
from tenants.models import Tenant
from tenants.rollout import RouteFlag
from tenants.services.support import worker_of

_DAY = 86_400


def experiment_list(*, tenant: Tenant, status: str | None = None) -> QuerySet[Experiment]:
    """The tenant's experiments, the newest first."""
    rows = Experiment.objects.filter(tenant=tenant).order_by("-pk")
    return rows.filter(status=status) if status else rows


def experiment_get(*, tenant: Tenant, key: str) -> Experiment:
    """One experiment. Raises `ExperimentNotFound`."""
    found = Experiment.objects.filter(tenant=tenant, key=key).first() if "\0" not in key else None
    if found is None:
        raise ExperimentNotFound
    return found


def version_flag_get(*, tenant: Tenant, worker_name: str) -> VersionFlag:
    """The flag that chooses a worker's version. Raises `WorkerNotFound`, `VersionFlagNotFound`."""
    found = VersionFlag.objects.filter(worker=worker_of(tenant, worker_name)).first()
    if found is None:
        raise VersionFlagNotFound
    return found


def route_flag(worker_id: int) -> RouteFlag | None:
    """The same for the gateway; None for most workers."""
    found = VersionFlag.objects.filter(worker=worker_id).first()
    return None if found is None else RouteFlag(found.environment, found.flag, tuple(found.targeting))


def flag_uses(*, tenant: Tenant, days: int = 30, now: float | None = None) -> dict[tuple[str, str], Used]:
    """Evaluations of the last `days`, by (environment, flag), for the report of stale flags; without those that had none.

    Workers' are counted by invocations; those over HTTP by hours. Where somebody asks for all flags at once, any may be in use.
    """
    since = int((time.time() if now is None else now) - days * _DAY)
    rows = FlagCount.objects.filter(tenant=tenant, hour__gte=since).order_by().values("environment", "flag")
    found = {
        (row["environment"], row["flag"]): Used(row["total"], datetime.fromtimestamp(row["last"], UTC))
        for row in rows.annotate(total=Sum("count"), last=Max("hour"))
    }
    whole = {environment: used for (environment, flag), used in found.items() if flag == ALL_FLAGS}
    keys = Flag.objects.filter(tenant=tenant).values_list("key", flat=True) if whole else ()
    return {**{(environment, key): used for key in keys for environment, used in whole.items()}, **found}


def flag_evaluations(*, tenant: Tenant, environment: str, flag: str, hours: int = 168) -> list[dict[str, object]]:
    """Evaluations of one flag by hour and variant, the oldest first."""
    since = int(time.time()) - hours * 3_600
    rows = FlagCount.objects.filter(tenant=tenant, environment=environment, flag=flag, hour__gte=since).order_by("hour", "variant")
    return [{"hour": datetime.fromtimestamp(row.hour, UTC), "variant": row.variant, "count": row.count} for row in rows]
