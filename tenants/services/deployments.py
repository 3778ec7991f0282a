"""Deployments: which versions get which share of a worker's traffic."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.errors import DeploymentInvalid, VersionNotFound
from tenants.models import WHOLE, Deployment, DeploymentVersion, Tenant, Version, Worker
from tenants.names import check_text
from tenants.services.quotas import quota_require
from tenants.services.support import AUTHOR_CHARACTERS, SOURCE_CHARACTERS, audit, tenant_lock, worker_of

MESSAGE_CHARACTERS = 1_000
Percentage = Decimal | float | int


@transaction.atomic
def deployment_create(
    *,
    tenant: Tenant,
    worker_name: str,
    versions: Sequence[tuple[uuid.UUID | str, Percentage]],
    actor: Actor,
    source: str,
    message: str = "",
    annotations: Mapping[str, Any] | None = None,
    strategy: str = "percentage",
) -> Deployment:
    """Split the worker's traffic between `versions` (id, per cent with at most two decimals) from now on.

    Raises `WorkerNotFound`, `VersionNotFound` (a version of another worker is not found either), `DeploymentInvalid` or
    `DeploymentsExceeded`.
    """
    weights = _weights(versions, strategy)
    check_text(message, field="message", limit=MESSAGE_CHARACTERS)
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    found = {version.pk: version for version in Version.objects.filter(tenant=tenant, worker=worker, pk__in=weights)}
    for version_id in weights:
        if version_id not in found:
            raise VersionNotFound(f"The worker {worker_name!r} has no version {version_id}.", field="versions.version_id")
    quota_require(tenant=tenant, worker=worker, deployments_per_hour=1)
    before = live_shares(worker)
    deployment = deploy(
        worker,
        [(found[version_id], weight) for version_id, weight in weights.items()],
        actor=actor,
        source=source,
        message=message,
        annotations=annotations,
    )
    worker.modified = timezone.now()
    worker.save(update_fields=["modified"])
    audit(
        tenant=tenant,
        actor=actor,
        action="deployment_create",
        target=worker_name,
        before=before,
        after={str(version_id): weight for version_id, weight in weights.items()},
        deployment=str(deployment.uuid),
    )
    epoch.bump(reason=f"worker {worker_name}")
    return deployment


def live_shares(worker: Worker) -> dict[str, int] | None:
    """Version id -> weight of the live deployment, as events have it; None where nothing is deployed."""
    live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
    return {str(entry.version_id): entry.weight for entry in live.entries.all()} if live is not None else None


def deploy(
    worker: Worker,
    entries: Sequence[tuple[Version, int]],
    *,
    actor: Actor,
    source: str,
    message: str = "",
    annotations: Mapping[str, Any] | None = None,
) -> Deployment:
    """Add the rows of a deployment whose weights were checked; the caller owns transaction, audit event and epoch."""
    deployment = Deployment.objects.create(
        worker=worker,
        tenant_id=worker.tenant_id,
        author=actor.email[:AUTHOR_CHARACTERS],
        source=source[:SOURCE_CHARACTERS],
        message=message,
        annotations=dict(annotations or {}),
    )
    DeploymentVersion.objects.bulk_create(
        DeploymentVersion(deployment=deployment, version=version, weight=weight) for version, weight in entries
    )
    return deployment


def _weights(versions: Sequence[tuple[uuid.UUID | str, Percentage]], strategy: str) -> dict[uuid.UUID, int]:
    """Version id -> hundredths of a per cent, checked to be one whole."""
    if strategy != "percentage":
        raise DeploymentInvalid("The strategy must be percentage.", field="strategy")
    most = settings.HOSTEL.max_versions_per_deployment
    if not 1 <= len(versions) <= most:
        raise DeploymentInvalid(f"A deployment must have 1 to {most} versions.", field="versions", limit=most)
    weights: dict[uuid.UUID, int] = {}
    for version_id, percentage in versions:
        try:
            key = version_id if isinstance(version_id, uuid.UUID) else uuid.UUID(version_id)
        except (ValueError, AttributeError, TypeError):
            raise DeploymentInvalid("A version id must be a UUID.", field="versions.version_id") from None
        if key in weights:
            raise DeploymentInvalid(f"The version {key} is named twice.", field="versions.version_id")
        weights[key] = _weight(percentage)
    if sum(weights.values()) != WHOLE:
        total = Decimal(sum(weights.values())) / 100
        raise DeploymentInvalid(f"The percentages must sum to 100, these sum to {total:f}.", field="versions.percentage")
    return weights


def _weight(percentage: Percentage) -> int:
    """Hundredths of a per cent. Through the number's shortest text, so that 33.33 is 3333 and not a binary neighbour of it."""
    try:
        exact = Decimal(str(percentage)) * 100
        whole = int(exact.to_integral_value())
    except (ArithmeticError, ValueError):
        raise DeploymentInvalid("A percentage must be a number.", field="versions.percentage") from None
    if exact != whole or not 0 <= whole <= WHOLE:
        raise DeploymentInvalid("A percentage must be 0 to 100 with at most two decimals.", field="versions.percentage")
    return whole
