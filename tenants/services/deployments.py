"""Deployments: which versions get which share of a worker's traffic."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.cohorts import checked_cohorts, named_in, still_there
from tenants.errors import ChangedMeanwhile, DeploymentInvalid, VersionNotFound
from tenants.models import Deployment, DeploymentVersion, Tenant, Version, Worker
from tenants.names import check_text
from tenants.services.gating import gate
from tenants.services.quotas import quota_require
from tenants.services.support import AUTHOR_CHARACTERS, SOURCE_CHARACTERS, audit, tenant_lock, worker_of
from tenants.weights import Percentage, weights_of

MESSAGE_CHARACTERS = 1_000


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
    cohorts: Sequence[Mapping[str, Any]] | None = None,
    expected: uuid.UUID | None = None,
    gated: bool = True,
) -> Deployment:
    """Split the worker's traffic between `versions` (id, per cent with at most two decimals) from now on.

    `cohorts` (see `tenants.cohorts`) have shares of their own; None keeps those of the live deployment whose versions are still named.
    `expected` is the live deployment that somebody has looked at. Where the worker asks for it (`gate_deploys`), versions that get more
    than they have must have passed its request tests, unless `gated` is False (going back); tests that nobody has run yet are run here,
    which must not happen in a transaction.

    Raises `WorkerNotFound`, `VersionNotFound` (a version of another worker is not found either), `DeploymentInvalid`, `RequestTestsFailed`,
    `ChangedMeanwhile` (another deployment is live than `expected`) or `DeploymentsExceeded`.
    """
    weights = weights_of(versions, strategy)
    check_text(message, field="message", limit=MESSAGE_CHARACTERS)
    if gated:
        gate(tenant=tenant, worker=worker_of(tenant, worker_name), weights=weights, actor=actor)
    return _create(
        tenant=tenant,
        worker_name=worker_name,
        weights=weights,
        cohorts=cohorts,
        expected=expected,
        actor=actor,
        source=source,
        message=message,
        annotations=annotations,
    )


@transaction.atomic
def _create(
    *,
    tenant: Tenant,
    worker_name: str,
    weights: dict[uuid.UUID, int],
    cohorts: Sequence[Mapping[str, Any]] | None,
    expected: uuid.UUID | None,
    actor: Actor,
    source: str,
    message: str,
    annotations: Mapping[str, Any] | None,
) -> Deployment:
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
    if expected is not None and (live is None or live.uuid != expected):
        raise ChangedMeanwhile("Another deployment is live by now.", deployment=str(live.uuid) if live is not None else None)
    if cohorts is None:
        kept = live.cohorts if live is not None else None
        groups = still_there(kept or [], weights)
    else:
        groups = checked_cohorts(cohorts)
    for version_id in named_in(groups):
        weights.setdefault(version_id, 0)
    most = settings.HOSTEL.max_versions_per_deployment
    if len(weights) > most:
        raise DeploymentInvalid(f"A deployment must have 1 to {most} versions.", field="versions", limit=most)
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
        cohorts=groups,
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
        reason=message,
        deployment=str(deployment.uuid),
        cohorts=[group["name"] for group in groups] or None,
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
    cohorts: Sequence[Mapping[str, Any]] = (),
) -> Deployment:
    """Add the rows of a deployment whose weights were checked; the caller owns transaction, audit event and epoch."""
    deployment = Deployment.objects.create(
        worker=worker,
        tenant_id=worker.tenant_id,
        author=actor.email[:AUTHOR_CHARACTERS],
        source=source[:SOURCE_CHARACTERS],
        message=message,
        annotations=dict(annotations or {}),
        cohorts=list(cohorts) or None,
    )
    DeploymentVersion.objects.bulk_create(
        DeploymentVersion(deployment=deployment, version=version, weight=weight) for version, weight in entries
    )
    return deployment
