"""The end of versions: what a worker keeps, and what may go.

Owns the rule. Never removed are versions of the latest deployments (the live one first), what is pinned, has an alias or is needed by
somebody else (`tenants.referring`), and the newest one. Of the rest a policy keeps the newest `keep` and those younger than `days`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from tenants import epoch, referring
from tenants.actor import Actor
from tenants.errors import AliasNotFound, FieldInvalid, VersionInUse, VersionNotFound
from tenants.models import Deployment, DeploymentVersion, Tenant, Version, VersionAlias, VersionPin, Worker
from tenants.names import check_alias, check_text
from tenants.services.support import AUTHOR_CHARACTERS, audit, newest, tenant_lock, worker_of

# Deployments whose versions stay, so that there is something to go back to.
DEPLOYMENTS_KEPT: Final = 10
# Versions one worker loses at a time; the next round has the rest.
BATCH: Final = 500
REASON_CHARACTERS: Final = 1_000
ALIASES_MOST: Final = 50


def needed(worker: Worker) -> dict[uuid.UUID, str]:
    """Version id -> why it must stay: "live", "deployed lately", "pinned", "alias", "newest", or another app's word."""
    found: dict[uuid.UUID, str] = {}
    for version_id, why in referring.referred(worker).items():
        found[uuid.UUID(version_id)] = why
    latest = newest(worker)
    if latest is not None:
        found[latest.pk] = "newest"
    found |= dict.fromkeys(VersionAlias.objects.filter(worker=worker).values_list("version_id", flat=True), "alias")
    found |= dict.fromkeys(VersionPin.objects.filter(version__worker=worker).values_list("version_id", flat=True), "pinned")
    deployments = list(Deployment.objects.filter(worker=worker).order_by("-pk").values_list("pk", flat=True)[:DEPLOYMENTS_KEPT])
    entries = DeploymentVersion.objects.filter(deployment__in=deployments).values_list("deployment_id", "version_id")
    found |= {version_id: "deployed lately" for deployment, version_id in entries if deployment != deployments[0]}
    found |= {version_id: "live" for deployment, version_id in entries if deployment == deployments[0]}
    return found


def expendable(worker: Worker, *, now: datetime | None = None) -> list[Version]:
    """The versions that the worker's policy lets go now, oldest first; none without a policy."""
    policy = worker.retention or {}
    if not policy:
        return []
    found = Version.objects.filter(worker=worker).exclude(pk__in=needed(worker))
    if "keep" in policy:
        kept = Version.objects.filter(worker=worker).order_by("-number").values_list("pk", flat=True)[: policy["keep"]]
        found = found.exclude(pk__in=list(kept))
    if "days" in policy:
        found = found.filter(created__lt=(now or timezone.now()) - timedelta(days=policy["days"]))
    return list(found.only("id", "number", "created").order_by("number")[:BATCH])


def versions_prune(*, now: datetime | None = None) -> int:
    """Remove what workers' policies let go, of all tenants; how many versions. Their content goes with the next collection of blobs."""
    workers = Worker.objects.exclude(retention=None).select_related("tenant")
    return sum(_prune(worker, now) for worker in workers.iterator(chunk_size=200))


@transaction.atomic
def _prune(worker: Worker, now: datetime | None) -> int:
    tenant = tenant_lock(worker.tenant)
    row = Worker.objects.filter(pk=worker.pk).first()
    gone = expendable(row, now=now) if row is not None else []
    if row is None or not gone:
        return 0
    _remove(row, gone)
    audit(
        tenant=tenant,
        actor=Actor.system(),
        action="versions_prune",
        target=row.qualified_name,
        versions=[version.number for version in gone],
        policy=row.retention,
    )
    return len(gone)


@transaction.atomic
def version_delete(*, tenant: Tenant, worker_name: str, version_id: uuid.UUID, actor: Actor) -> None:
    """Remove one version. Raises `WorkerNotFound`, `VersionNotFound` or `VersionInUse`, which says why."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    version = _version(worker, version_id)
    why = needed(worker).get(version.pk)
    if why is not None:
        raise VersionInUse(f"Version {version.number} must stay: {why}.", why=why)
    _remove(worker, [version])
    audit(
        tenant=tenant, actor=actor, action="version_delete", target=worker_name, version=str(version.pk), number=version.number,
        sha256=version.sha256,
    )  # fmt: skip


def _remove(worker: Worker, gone: Sequence[Version]) -> None:
    # Through the queryset: a version's own delete() refuses.
    Version.objects.filter(worker=worker, pk__in=[version.pk for version in gone]).delete()
    Worker.objects.filter(pk=worker.pk).update(modified=timezone.now())
    epoch.bump(reason=f"versions of {worker.qualified_name}")


@transaction.atomic
def version_pin(*, tenant: Tenant, worker_name: str, version_id: uuid.UUID, actor: Actor, reason: str = "") -> VersionPin:
    """Keep a version whatever the policy says; repeatable. Raises `WorkerNotFound`, `VersionNotFound` or `FieldInvalid`."""
    check_text(reason, field="reason", limit=REASON_CHARACTERS)
    tenant = tenant_lock(tenant)
    version = _version(worker_of(tenant, worker_name), version_id)
    values = {"tenant": tenant, "reason": reason, "author": actor.email[:AUTHOR_CHARACTERS]}
    pin, _ = VersionPin.objects.update_or_create(version=version, defaults=values)
    audit(
        tenant=tenant, actor=actor, action="version_pin", target=worker_name, reason=reason, version=str(version.pk), number=version.number
    )
    return pin


@transaction.atomic
def version_unpin(*, tenant: Tenant, worker_name: str, version_id: uuid.UUID, actor: Actor) -> None:
    """Let a version go as others do; repeatable. Raises `WorkerNotFound` or `VersionNotFound`."""
    tenant = tenant_lock(tenant)
    version = _version(worker_of(tenant, worker_name), version_id)
    if VersionPin.objects.filter(version=version).delete()[0]:
        audit(tenant=tenant, actor=actor, action="version_unpin", target=worker_name, version=str(version.pk), number=version.number)


@transaction.atomic
def alias_set(*, tenant: Tenant, worker_name: str, name: str, version_id: uuid.UUID, actor: Actor) -> VersionAlias:
    """Have `name` lead to a version in the host names of previews; it may have led to another one.

    Raises `WorkerNotFound`, `VersionNotFound` or `FieldInvalid`.
    """
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    version = _version(worker, version_id)
    before = VersionAlias.objects.filter(worker=worker, name=name).first()
    alias = alias_put(worker, name, version)
    audit(
        tenant=tenant,
        actor=actor,
        action="alias_set",
        target=worker_name,
        before=str(before.version_id) if before is not None else None,
        after=str(version.pk),
        alias=name,
    )
    epoch.bump(reason=f"alias of {worker_name}")
    return alias


@transaction.atomic
def alias_delete(*, tenant: Tenant, worker_name: str, name: str, actor: Actor) -> None:
    """Take an alias away. Raises `WorkerNotFound` or `AliasNotFound`."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    alias = VersionAlias.objects.filter(worker=worker, name=name).first()
    if alias is None:
        raise AliasNotFound
    audit(tenant=tenant, actor=actor, action="alias_delete", target=worker_name, before=str(alias.version_id), alias=name)
    alias.delete()
    epoch.bump(reason=f"alias of {worker_name}")


def alias_put(worker: Worker, name: str, version: Version) -> VersionAlias:
    """The row alone; raises `FieldInvalid`. The caller owns transaction, event and epoch."""
    check_alias(name)
    if VersionAlias.objects.filter(worker=worker).exclude(name=name).count() >= ALIASES_MOST:
        raise FieldInvalid(f"A worker may have {ALIASES_MOST} aliases.", field="alias", limit=ALIASES_MOST)
    values: dict[str, Any] = {"version": version, "tenant": worker.tenant, "created": timezone.now()}
    return VersionAlias.objects.update_or_create(worker=worker, name=name, defaults=values)[0]


def _version(worker: Worker, version_id: uuid.UUID) -> Version:
    version = Version.objects.filter(worker=worker, pk=version_id).first()
    if version is None:
        raise VersionNotFound
    return version
