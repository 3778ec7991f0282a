"""Workers, their versions and deployments."""

from __future__ import annotations

import uuid

from django.db.models import Prefetch, QuerySet

from tenants import bindings as environment
from tenants.errors import DeploymentNotFound, VersionNotFound
from tenants.models import Deployment, DeploymentVersion, Tenant, Version, Worker
from tenants.selectors.tenants import as_uuid
from tenants.services.support import worker_of
from tenants.services.versions import modules_of, newest
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


def _entries() -> Prefetch[str, QuerySet[DeploymentVersion], str]:
    return Prefetch("entries", DeploymentVersion.objects.select_related("version").order_by("-version__number"))
