"""What can be known of versions beside themselves: how two differ, what may go, where a rollback leads."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet

from tenants import blobs
from tenants.differences import compared
from tenants.errors import VersionNotFound
from tenants.models import Tenant, Version, VersionAlias, VersionPin, Worker
from tenants.selectors.workers import version_get
from tenants.services.goingback import RollbackPreview, rollback_preview
from tenants.services.retention import expendable, needed


def version_diff(*, tenant: Tenant, worker: Worker, before: uuid.UUID | str, after: uuid.UUID | str) -> dict[str, Any]:
    """How two versions of the worker differ (`tenants.differences.compared`); raises `VersionNotFound` or `BlobMissing`."""
    one = version_get(tenant=tenant, worker=worker, version_id=before)
    two = version_get(tenant=tenant, worker=worker, version_id=after)
    return compared(one, two, blobs.store().get)


def version_numbered(*, tenant: Tenant, worker: Worker, number: int) -> Version:
    """The version of that number; raises `VersionNotFound`."""
    found = Version.objects.filter(tenant=tenant, worker=worker, number=number).first()
    if found is None:
        raise VersionNotFound
    return found


def versions_needed(*, tenant: Tenant, worker: Worker) -> dict[str, str]:
    """Version id -> why it must stay ("live", "deployed lately", "pinned", "alias", "newest", …), of those that must."""
    return {str(key): why for key, why in needed(worker).items()} if worker.tenant_id == tenant.pk else {}


def versions_expendable(*, tenant: Tenant, worker: Worker) -> list[Version]:
    """The versions that the worker's retention policy would remove now, oldest first."""
    return expendable(worker) if worker.tenant_id == tenant.pk else []


def version_pins(*, tenant: Tenant, worker: Worker) -> dict[uuid.UUID, VersionPin]:
    """The worker's pins, by version."""
    return {pin.version_id: pin for pin in VersionPin.objects.filter(tenant=tenant, version__worker=worker)}


def alias_list(*, tenant: Tenant, worker: Worker) -> QuerySet[VersionAlias]:
    """The worker's aliases, by name."""
    return VersionAlias.objects.filter(tenant=tenant, worker=worker).select_related("version").order_by("name")


def rollback_target(*, tenant: Tenant, worker_name: str, deployment_id: uuid.UUID | None = None) -> RollbackPreview:
    """Where a rollback would lead, and what to know before; raises as `services.deployment_rollback` does."""
    return rollback_preview(tenant=tenant, worker_name=worker_name, deployment_id=deployment_id)
