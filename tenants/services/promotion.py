"""Promotion: a worker's live versions, from one environment into the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.bindings import Resolved
from tenants.environments import Carried, carry, difference, fingerprint
from tenants.errors import NewestMoved, PromotionChanged, PromotionImpossible, PromotionIncomplete, WorkerNotFound
from tenants.models import Deployment, Namespace, Tenant, Version, Worker
from tenants.names import check_text, qualified
from tenants.services.deployments import MESSAGE_CHARACTERS, deploy
from tenants.services.drafts import Draft, draft_of
from tenants.services.support import audit, newest, require_active, tenant_lock, worker_find, worker_of
from tenants.services.versions import Publication, again_if_moved, build, upload_again, write
from tenants.uploads import WorkerSettings

# On what a promotion has made: where it came from.
FROM, FROM_VERSION = "hostel/promoted-from", "hostel/promoted-version"


@dataclass(frozen=True, slots=True)
class Step:
    """One version of a preview, and the version of the target that is the same already, if there is one."""

    carried: Carried
    standing: Version | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What promoting a worker would do now."""

    worker: Worker
    target: Namespace
    # The target's worker and its live deployment; None where there is none yet.
    standing: Worker | None
    live: Deployment | None
    # The target's version with the largest share: what differences are told against.
    compared: Version | None
    steps: Sequence[Step]
    # Names of secrets that the target lacks, of all steps together.
    missing: Sequence[str]
    # Equal as long as nothing that the preview rests on has changed.
    digest: str

    @property
    def target_name(self) -> str:
        """The qualified name of the worker that would be changed or made."""
        return qualified(self.target.name, self.worker.name)

    @property
    def changes(self) -> bool:
        """Whether there is anything to do: the target does not serve exactly this already."""
        shares = {step.standing.pk: step.carried.weight for step in self.steps if step.standing is not None}
        served = {entry.version_id: entry.weight for entry in self.live.entries.all()} if self.live else {}
        return len(shares) < len(self.steps) or shares != served

    def differences(self) -> list[dict[str, Any]]:
        """For each version, newest first, what would change; JSON-able, no secret in it."""
        return [
            {
                "version": str(step.carried.source.pk),
                "number": step.carried.source.number,
                "percentage": step.carried.weight / 100,
                "sha256": None if step.carried.missing else step.carried.sha256,
                "standing": str(step.standing.pk) if step.standing else None,
                **difference(self.compared, step.carried),
            }
            for step in sorted(self.steps, key=lambda step: -step.carried.source.number)
        ]


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion has done. `deployment` is the target's live one; `made` the versions that had to be made (none if it was there)."""

    preview: Preview
    worker: Worker
    deployment: Deployment
    made: Sequence[Version]


def preview_of(tenant: Tenant, worker_name: str) -> Preview:
    """What promoting the worker (`namespace:name`) would do. Writes nothing. Raises `WorkerNotFound` or `PromotionImpossible`."""
    worker = worker_of(tenant, worker_name)
    if worker.namespace is None or worker.namespace.promotes_to is None:
        raise PromotionImpossible("The worker is in no namespace that leads to another one (promotes_to).", worker=worker_name)
    target = worker.namespace.promotes_to
    target_name = qualified(target.name, worker.name)
    if not tenant.shows(target_name):
        raise WorkerNotFound(f"This token is not for {target_name!r}.")
    source = _live(worker)
    if source is None:
        raise PromotionImpossible(f"Nothing of {worker_name!r} is deployed.", worker=worker_name)
    standing = worker_find(tenant, target_name)
    latest = newest(standing)
    live = _live(standing) if standing is not None else None
    carried = _merged(
        [
            carry(entry.version, entry.weight, environment=target.bindings, standing=latest.bindings if latest else ())
            for entry in sorted(source.entries.all(), key=lambda entry: entry.version.number)
        ]
    )
    steps = [Step(one, None if one.missing else _equal(standing, one)) for one in carried]
    shares = sorted(live.entries.all(), key=lambda entry: entry.weight) if live else []
    facts = [
        [str(source.uuid), target.tag, standing.tag if standing else "", standing.last_version_number if standing else 0],
        str(live.uuid) if live else "",
        [[str(one.source.pk), one.weight, one.sha256, sorted(one.missing)] for one in carried],
    ]
    return Preview(
        worker=worker,
        target=target,
        standing=standing,
        live=live,
        compared=shares[-1].version if shares else latest,
        steps=steps,
        missing=sorted({name for one in carried for name in one.missing}),
        digest=fingerprint(facts),
    )


def worker_promote(
    *,
    tenant: Tenant,
    worker_name: str,
    actor: Actor,
    source: str,
    expected: str | None = None,
    message: str = "",
    annotations: Mapping[str, Any] | None = None,
) -> Promoted:
    """Bring the worker's live versions into the next environment and serve them there in the same shares.

    All of it happens or nothing. What the target serves already is not made again. `expected` is the digest of the preview that somebody
    has looked at. Waits for builds, so it must not be called in a transaction. Raises what `preview_of` and a build may raise,
    `PromotionIncomplete` (naming the secrets), `PromotionChanged` (the preview is another one now), `QuotaExceeded` or `TenantSuspended`.
    """
    check_text(message, field="message", limit=MESSAGE_CHARACTERS)
    require_active(tenant)

    def attempt() -> Promoted:
        preview = preview_of(tenant, worker_name)
        if expected is not None and preview.digest != expected:
            raise PromotionChanged(preview=preview.digest)
        if preview.missing:
            named = ", ".join(preview.missing)
            raise PromotionIncomplete(
                f"{preview.target_name} has no value for: {named}. Set them there first.", secrets=list(preview.missing)
            )
        if not preview.changes and preview.standing is not None and preview.live is not None:
            return Promoted(preview, preview.standing, preview.live, ())
        built = {step.carried.source.pk: build(_draft(tenant, preview, step.carried)) for step in preview.steps if step.standing is None}
        how = Publication(actor=actor, source=source, create_worker=True, settings=_settings(preview), action="version_promote")
        with transaction.atomic():
            locked = tenant_lock(tenant)
            if preview_of(locked, worker_name).digest != preview.digest:
                raise NewestMoved
            made: dict[Any, Version] = {}
            for key, draft in built.items():
                made[key] = write(draft, how).version
                # Only the first one makes the worker.
                how = replace(how, settings=None)
            worker = worker_of(locked, preview.target_name)
            entries = [(step.standing or made[step.carried.source.pk], step.carried.weight) for step in preview.steps]
            deployment = deploy(
                worker,
                entries,
                actor=actor,
                source=source,
                message=message or f"Promoted from {worker_name}",
                annotations={**(annotations or {}), FROM: worker_name},
            )
            Worker.objects.filter(pk=worker.pk).update(modified=timezone.now())
            audit(
                tenant=locked,
                actor=actor,
                action="worker_promote",
                target=preview.target_name,
                before={"versions": _shares(preview.live)},
                after={"versions": {str(version.pk): weight for version, weight in entries}},
                promoted_from=worker_name,
                made=[str(version.pk) for version in made.values()],
                deployment=str(deployment.uuid),
                preview=preview.digest,
            )
            epoch.bump(reason=f"worker {preview.target_name}")
        return Promoted(preview, worker, deployment, tuple(made.values()))

    return again_if_moved(attempt)


def _live(worker: Worker) -> Deployment | None:
    return Deployment.objects.filter(worker=worker).order_by("-pk").prefetch_related("entries__version").first()


def _merged(carried: Sequence[Carried]) -> list[Carried]:
    """Versions that the target's environment makes equal are one there, with the shares of both."""
    found: dict[Any, Carried] = {}
    for one in carried:
        place = one.source.pk if one.missing else (one.sha256, tuple(sorted(one.source.limits.items())))
        other = found.get(place)
        found[place] = one if other is None else replace(one, weight=one.weight + other.weight)
    return list(found.values())


def _equal(standing: Worker | None, carried: Carried) -> Version | None:
    """The target's newest version with the same content and limits."""
    if standing is None:
        return None
    equal = Version.objects.filter(worker=standing, sha256=carried.sha256).order_by("-number")
    return next((version for version in equal if version.limits == carried.source.limits), None)


def _draft(tenant: Tenant, preview: Preview, carried: Carried) -> Draft:
    version = carried.source
    origin = {FROM: preview.worker.qualified_name, FROM_VERSION: str(version.pk)}
    upload = upload_again(version, message=version.message, tag=version.tag, annotations=origin)
    limits = (preview.standing or preview.worker).limits
    return draft_of(
        tenant=tenant, worker_name=preview.target_name, worker_limits=limits, upload=upload, resolved=Resolved(list(carried.bindings))
    )


def _settings(preview: Preview) -> WorkerSettings | None:
    """A worker that is new in the target begins with the settings it has in the source; one that is there keeps its own."""
    if preview.standing is not None:
        return None
    worker = preview.worker
    return WorkerSettings(
        tags=worker.tags,
        logpush=worker.logpush,
        observability=worker.observability,
        mode="fresh" if worker.mode == Worker.Mode.FRESH else "reuse",
        limits=worker.limits,
    )


def _shares(deployment: Deployment | None) -> dict[str, int]:
    return {str(entry.version_id): entry.weight for entry in deployment.entries.all()} if deployment else {}
