"""Workers, their versions and deployments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import F, Max, Prefetch, QuerySet

from tenants import bindings as environment
from tenants.errors import DeploymentNotFound, VersionNotFound
from tenants.models import Deployment, DeploymentVersion, Tenant, Version, Worker
from tenants.selectors.tenants import as_uuid
from tenants.services.support import newest, worker_of
from tenants.services.versions import modules_of
from tenants.uploads import UploadModule

# A deployment may name only versions among the newest ones, as Cloudflare's lists show.
DEPLOYABLE = 100


def worker_list(*, tenant: Tenant) -> QuerySet[Worker]:
    """The tenant's workers outside of namespaces (those the caller may see), by name."""
    found = Worker.objects.filter(tenant=tenant, namespace=None).order_by("name")
    return found if tenant.only_workers is None else found.filter(name__in=tenant.only_workers)


def worker_get(*, tenant: Tenant, name: str) -> Worker:
    """One worker, `namespace:name` for one in a namespace; raises `WorkerNotFound`."""
    return worker_of(tenant, name)


def version_list(*, tenant: Tenant, worker: Worker, deployable: bool = False) -> QuerySet[Version]:
    """The worker's versions, newest first; `deployable` shows the hundred newest only."""
    found = Version.objects.filter(tenant=tenant, worker=worker).order_by("-number")
    return found.filter(number__gt=worker.last_version_number - DEPLOYABLE) if deployable else found


def version_get(*, tenant: Tenant, worker: Worker, version_id: uuid.UUID | str) -> Version:
    """One version; raises `VersionNotFound`, also for an id that is no UUID."""
    key = as_uuid(version_id)
    version = Version.objects.filter(tenant=tenant, worker=worker, pk=key).first() if key else None
    if version is None:
        raise VersionNotFound
    return version


def version_latest(*, tenant: Tenant, worker: Worker) -> Version | None:
    """The newest version, deployed or not."""
    return newest(worker) if worker.tenant_id == tenant.pk else None


def version_modules(*, tenant: Tenant, version: Version) -> list[UploadModule]:
    """The modules with their content, source maps included; raises `VersionNotFound` or `BlobMissing`."""
    if version.tenant_id != tenant.pk:
        raise VersionNotFound
    return modules_of(version)


def version_bindings(*, tenant: Tenant, version: Version) -> list[environment.Binding]:
    """The bindings as they may be shown: secrets by name only."""
    if version.tenant_id != tenant.pk:
        raise VersionNotFound
    return environment.shown(version.bindings)


def deployment_list(*, tenant: Tenant, worker: Worker) -> QuerySet[Deployment]:
    """The worker's deployments, newest (the live one) first, each with its `entries`, newest version first."""
    return Deployment.objects.filter(tenant=tenant, worker=worker).order_by("-pk").prefetch_related(_entries())


def deployment_get(*, tenant: Tenant, worker: Worker, deployment_id: uuid.UUID | str) -> Deployment:
    """One deployment; raises `DeploymentNotFound`."""
    key = as_uuid(deployment_id)
    deployment = deployment_list(tenant=tenant, worker=worker).filter(uuid=key).first() if key else None
    if deployment is None:
        raise DeploymentNotFound
    return deployment


def deployment_live(*, tenant: Tenant, worker: Worker) -> Deployment | None:
    """The live deployment."""
    return deployment_list(tenant=tenant, worker=worker).first()


def deployments_live(*, tenant: Tenant, workers: Sequence[Worker]) -> dict[int, Deployment]:
    """The live deployments of many workers, by the worker's row id, each with its `entries`. Two queries, however many there are."""
    newest = Deployment.objects.filter(tenant=tenant, worker__in=workers).values("worker").annotate(newest=Max("pk")).values("newest")
    return {row.worker_id: row for row in Deployment.objects.filter(pk__in=newest).prefetch_related(_entries())}


def versions_served(*, tenant: Tenant, workers: Sequence[Worker]) -> dict[int, Version]:
    """What each of many workers serves, by the worker's row id: the version with the largest share of the live deployment.

    The newest version where there is no deployment; workers without a version are left out. Three queries, however many there are.
    """
    live = deployments_live(tenant=tenant, workers=workers)
    served: dict[int, Version] = {}
    for worker_id, deployment in live.items():
        shares = [(entry.weight, -entry.version.number, entry.version) for entry in deployment.entries.all()]
        if shares:
            served[worker_id] = max(shares, key=lambda share: share[:2])[2]
    rest = [worker for worker in workers if worker.pk not in served]
    newest_ones = Version.objects.filter(tenant=tenant, worker__in=rest, number=F("worker__last_version_number")) if rest else ()
    return {**served, **{version.worker_id: version for version in newest_ones}}


def _entries() -> Prefetch[str, QuerySet[DeploymentVersion], str]:
    return Prefetch("entries", DeploymentVersion.objects.select_related("version").order_by("-version__number"))
