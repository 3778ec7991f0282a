"""Going back: to what an earlier deployment deployed, and to what an earlier version was.

Owns the choice of the deployment to go back to, and what has to be known before: a version brings its code, bindings, secrets, limits and
compatibility settings of then, so all of that goes back together; what other workers and the worker's own settings are does not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tenants.actor import Actor
from tenants.bindings import SECRET_TYPES, Binding, Resolved
from tenants.cohorts import shown_cohorts
from tenants.errors import DeploymentNotFound, RollbackImpossible, VersionNotFound
from tenants.models import WHOLE, Deployment, Namespace, Tenant, Version, Worker
from tenants.services.deployments import deployment_create
from tenants.services.drafts import draft_of
from tenants.services.support import worker_of
from tenants.services.versions import Publication, Uploaded, again_if_moved, newest_of, publish, upload_again

# Deployments that are looked through for one that is different.
_LOOKED_AT: Final = 200
# On what a rollback or restoring has made: where it comes from.
ROLLED_BACK_TO, RESTORED_FROM = "hostel/rolled-back-to", "hostel/restored-from"


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is not as it was when the version last served."""

    code: Literal["secret_gone", "secret_changed", "service_gone", "namespace_gone"]
    version: str
    number: int
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """Where a rollback would lead: `live` is what serves now, `target` what would serve again, `warnings` what to know before."""

    live: Deployment
    target: Deployment
    warnings: Sequence[Warned]


def rollback_preview(*, tenant: Tenant, worker_name: str, deployment_id: uuid.UUID | None = None) -> RollbackPreview:
    """Where a rollback would lead: to the latest earlier deployment with other shares than the live one, or to the one that is named.

    Raises `WorkerNotFound`, `DeploymentNotFound`, or `RollbackImpossible` where a version of it is gone or it is live already.
    """
    worker = worker_of(tenant, worker_name)
    found = Deployment.objects.filter(worker=worker).order_by("-pk").prefetch_related("entries__version")
    live = found.first()
    if live is None:
        raise DeploymentNotFound("Nothing of this worker is deployed.")
    now = _facts(live)
    if deployment_id is not None:
        target = found.filter(uuid=deployment_id).first()
        if target is None:
            raise DeploymentNotFound
        if target.pk == live.pk:
            raise RollbackImpossible("This deployment is live already.")
    else:
        target = next((one for one in found[1:_LOOKED_AT] if _whole(one) and _facts(one) != now), None)
        if target is None:
            raise DeploymentNotFound("There is no earlier deployment with other shares than the live one.")
    if not _whole(target):
        raise RollbackImpossible("A version of this deployment is not there any more.", deployment=str(target.uuid))
    return RollbackPreview(live, target, _warnings(worker, live, target))


def deployment_rollback(
    *,
    tenant: Tenant,
    worker_name: str,
    actor: Actor,
    source: str,
    deployment_id: uuid.UUID | None = None,
    reason: str = "",
    annotations: Mapping[str, Any] | None = None,
    expected: uuid.UUID | None = None,
) -> tuple[Deployment, RollbackPreview]:
    """Deploy again what an earlier deployment deployed: the same versions (code and configuration), shares and cohorts. Never gated.

    Raises as `rollback_preview` and `deployment_create` do.
    """
    preview = rollback_preview(tenant=tenant, worker_name=worker_name, deployment_id=deployment_id)
    target = preview.target
    made = deployment_create(
        tenant=tenant,
        worker_name=worker_name,
        versions=[(entry.version_id, entry.weight / 100) for entry in target.entries.all()],
        cohorts=shown_cohorts(target.cohorts),
        expected=expected if expected is not None else preview.live.uuid,
        actor=actor,
        source=source,
        message=reason or f"Rollback to {target.uuid}",
        annotations={**(annotations or {}), ROLLED_BACK_TO: str(target.uuid)},
        gated=False,
    )
    return made, preview


def version_restore(
    *,
    tenant: Tenant,
    worker_name: str,
    version_id: uuid.UUID,
    actor: Actor,
    source: str,
    deploy: bool = False,
    secrets: Literal["current", "original"] = "current",
    message: str = "",
) -> Uploaded:
    """Make a new version of what an earlier one was: code, bindings, limits, compatibility settings.

    Its secrets have the values of the newest version where that has them (`current`), or those of then. Waits for a build; not to be called
    in a transaction. Raises `WorkerNotFound`, `VersionNotFound`, and what making a version raises.
    """

    def attempt() -> Uploaded:
        worker, base = newest_of(tenant, worker_name)
        version = Version.objects.filter(worker=worker, pk=version_id).first()
        if version is None:
            raise VersionNotFound
        upload = upload_again(
            version,
            message=message or f"Restored from version {version.number}",
            tag=version.tag,
            annotations={RESTORED_FROM: str(version.pk)},
        )
        bindings = list(version.bindings) if secrets == "original" else _with_secrets_of(version.bindings, base.bindings)
        draft = draft_of(tenant=tenant, worker_name=worker_name, worker_limits=worker.limits, upload=upload, resolved=Resolved(bindings))
        return publish(draft, Publication(actor=actor, source=source, base=base, deploy=deploy, action="version_restore"))

    return again_if_moved(attempt)


def _with_secrets_of(bindings: Sequence[Binding], current: Sequence[Binding]) -> list[Binding]:
    values = {binding["name"]: binding for binding in current if binding["type"] in SECRET_TYPES}
    return [dict(values.get(one["name"], one)) if one["type"] in SECRET_TYPES else dict(one) for one in bindings]


def _facts(deployment: Deployment) -> tuple[dict[uuid.UUID, int], Any]:
    return {entry.version_id: entry.weight for entry in deployment.entries.all()}, deployment.cohorts or []


def _whole(deployment: Deployment) -> bool:
    """Whether everything that it deployed is still there."""
    entries = {entry.version_id: entry.weight for entry in deployment.entries.all()}
    named = {uuid.UUID(version_id) for cohort in deployment.cohorts or () for version_id in cohort["versions"]}
    return sum(entries.values()) == WHOLE and named <= set(entries)


def _warnings(worker: Worker, live: Deployment, target: Deployment) -> list[Warned]:
    """What the target's versions need and will not find as it was."""
    now: dict[str, set[Any]] = {}
    for entry in live.entries.all():
        for binding in entry.version.bindings:
            if binding["type"] in SECRET_TYPES:
                now.setdefault(binding["name"], set()).add(binding.get("digest"))
    workers = set(Worker.objects.filter(tenant=worker.tenant_id, namespace=None).values_list("name", flat=True))
    namespaces = set(Namespace.objects.filter(tenant=worker.tenant_id).values_list("name", flat=True))
    found: list[Warned] = []
    for entry in target.entries.all():
        version = entry.version
        if entry.weight == 0:
            continue
        told = [(binding["name"], _warning(binding, now, workers, namespaces)) for binding in version.bindings]
        found += [Warned(one[0], str(version.pk), version.number, name, one[1]) for name, one in told if one is not None]
    return found


def _warning(
    binding: Binding, secrets: Mapping[str, set[Any]], workers: set[str], namespaces: set[str]
) -> tuple[Literal["secret_gone", "secret_changed", "service_gone", "namespace_gone"], str] | None:
    name, kind = binding["name"], binding["type"]
    if kind in SECRET_TYPES and name not in secrets:
        return "secret_gone", f"The secret {name} has been removed since: the version comes back with the value it had."
    if kind in SECRET_TYPES and binding.get("digest") not in secrets[name]:
        return "secret_changed", f"The secret {name} has been changed since: the version comes back with the value it had."
    if kind == "service" and binding["service"] not in workers:
        return "service_gone", f"The worker {binding['service']}, which {name} is bound to, is not there any more."
    if kind == "dispatch_namespace" and binding["namespace"] not in namespaces:
        return "namespace_gone", f"The namespace {binding['namespace']}, which {name} is bound to, is not there any more."
    return None
