"""Versions: from an upload to something that can serve.

Owns the order of an upload: check, stage, build, then everything at once. Until the build has succeeded nothing is written but the staged
upload, which is removed whatever happens; so a refused upload leaves no worker, no version and no blob.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.conf import settings as django_settings
from django.db import transaction

from tenants import bindings as environment
from tenants import blobs, epoch
from tenants.actor import Actor
from tenants.builder import BuildReport, builder
from tenants.cohorts import moved
from tenants.errors import LatestNotDeployed, NewestMoved, VersionNotFound, WorkerNotFound
from tenants.models import WHOLE, Deployment, Tenant, Version, VersionImage, Worker
from tenants.names import check_qualified_name, is_alias, split_name
from tenants.services import images
from tenants.services.deployments import deploy
from tenants.services.drafts import Draft, draft_make, draft_of
from tenants.services.gating import gate_draft
from tenants.services.quotas import quota_require
from tenants.services.requesttests import keep
from tenants.services.retention import alias_put
from tenants.services.support import (
    AUTHOR_CHARACTERS,
    SOURCE_CHARACTERS,
    audit,
    namespace_holding,
    newest,
    require_active,
    tenant_lock,
    worker_find,
    worker_of,
)
from tenants.services.workers import settings_apply
from tenants.uploads import SOURCE_MAP, Upload, UploadModule, WorkerSettings, kind_of

log = structlog.get_logger(__name__)
Made = TypeVar("Made")
# How often a version is made again because another one came between; each costs a build.
_ATTEMPTS = 4
# Wrangler's annotation for a preview's name (`--preview-alias`).
ALIAS = "workers/alias"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload made. `built` is False where equal content had been built before and its image is shared."""

    worker: Worker
    version: Version
    deployment: Deployment | None
    worker_created: bool
    built: bool


@dataclass(frozen=True, slots=True)
class _Image:
    """The start-up's outcome, and the blob that holds the image."""

    report: BuildReport
    blob_sha256: str
    size: int
    built: bool


@dataclass(frozen=True, slots=True)
class BuiltDraft:
    """A draft that has been tried: only rows are missing."""

    draft: Draft
    image: _Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is to happen once a draft is built."""

    actor: Actor
    source: str
    create_worker: bool = False
    settings: WorkerSettings | None = None
    # The version whose bindings the draft has taken over: it must still be the newest one, or a secret set meanwhile would be lost.
    base: Version | None = None
    # Serve the new version alone, or (`in_place`) with the share that `base` has in the live deployment.
    deploy: bool = False
    in_place: bool = False
    action: str = "version_upload"


def version_upload(
    *,
    tenant: Tenant,
    worker_name: str,
    upload: Upload,
    actor: Actor,
    source: str,
    deploy: bool,
    create_worker: bool = True,
    settings: WorkerSettings | None = None,
) -> Uploaded:
    """Make a version of `worker_name` (and the worker, unless it must exist), and serve it alone if `deploy`.

    A worker in a namespace is named `namespace:name`, here as everywhere.

    Waits for the build up to `HOSTEL_UPLOAD_WAIT_SECONDS`; must not be called in a transaction. Raises what `draft_make` raises, the
    sandbox's `StartupFailed` leaves, `WorkerNotFound`, `QuotaExceeded`, `DeploymentsExceeded`, `TenantSuspended` or `BuildUnavailable`.
    """
    check_qualified_name(worker_name)
    require_active(tenant)
    if not tenant.shows(worker_name):
        raise WorkerNotFound("This token is limited to other workers.")
    if settings is not None:
        settings_apply(Worker(tenant=tenant, name=worker_name), settings)
    inherits = bool(upload.keep_bindings) or any(binding.get("type") == "inherit" for binding in upload.bindings)

    def attempt() -> Uploaded:
        worker = worker_find(tenant, worker_name)
        if worker is None and not create_worker:
            raise WorkerNotFound
        base = newest(worker)
        limits = settings.limits if settings is not None and settings.limits is not None else worker.limits if worker else {}
        draft = draft_make(tenant=tenant, worker_name=worker_name, worker_limits=limits, base=base, upload=upload)
        how = Publication(
            actor=actor,
            source=source,
            create_worker=create_worker,
            settings=settings,
            deploy=deploy,
            base=base if inherits else None,
        )
        return publish(draft, how)

    return again_if_moved(attempt)


def version_derive(
    *,
    tenant: Tenant,
    worker_name: str,
    actor: Actor,
    source: str,
    deploy: bool,
    bindings: Sequence[Mapping[str, Any]] | None = None,
    keep_bindings: Sequence[str] = (),
    compatibility_date: str | None = None,
    compatibility_flags: Sequence[str] | None = None,
    limits: Mapping[str, Any] | None = None,
    message: str = "",
    tag: str = "",
    annotations: Mapping[str, Any] | None = None,
) -> Uploaded:
    """Make a version from the newest one's modules; what is None stays as it is there. Raises as `version_upload`, or `VersionNotFound`."""

    def attempt() -> Uploaded:
        worker, base = newest_of(tenant, worker_name)
        upload = Upload(
            main_module=base.main_module,
            modules=modules_of(base),
            bindings=bindings or (),
            keep_bindings=keep_bindings,
            compatibility_date=compatibility_date or base.compatibility_date,
            compatibility_flags=base.compatibility_flags if compatibility_flags is None else compatibility_flags,
            limits=base.limits if limits is None else limits,
            message=message,
            tag=tag,
            annotations=annotations or {},
        )
        if bindings is None:
            resolved = environment.Resolved(list(base.bindings))
            draft = draft_of(tenant=tenant, worker_name=worker_name, worker_limits=worker.limits, upload=upload, resolved=resolved)
        else:
            draft = draft_make(tenant=tenant, worker_name=worker_name, worker_limits=worker.limits, base=base, upload=upload)
        return publish(draft, Publication(actor=actor, source=source, deploy=deploy, base=base, action="version_derive"))

    return again_if_moved(attempt)


def again_if_moved(attempt: Callable[[], Made]) -> Made:
    """`attempt`, once more for each time somebody else was faster; raises `NewestMoved` when that does not end."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except NewestMoved:
            log.info("the newest version has moved, again")
    return attempt()


def newest_of(tenant: Tenant, worker_name: str) -> tuple[Worker, Version]:
    """The worker of that name and its newest version; raises `WorkerNotFound`, `VersionNotFound` or `TenantSuspended`."""
    require_active(tenant)
    worker = worker_of(tenant, worker_name)
    base = newest(worker)
    if base is None:
        raise VersionNotFound("This worker has no version yet.")
    return worker, base


def modules_of(version: Version, *, maps: bool = True) -> list[UploadModule]:
    """The version's modules with their content; raises `BlobMissing`. Source maps only with `maps`."""
    store = blobs.store()
    rows = [row for row in version.modules if maps or row["kind"] != SOURCE_MAP]
    return [UploadModule(row["name"], kind_of(row["kind"]), store.get(row["sha256"]), row.get("content_type", "")) for row in rows]


def upload_again(version: Version, *, message: str, tag: str, annotations: Mapping[str, Any]) -> Upload:
    """What would make the same version once more, but for its bindings; raises `BlobMissing`."""
    return Upload(
        main_module=version.main_module,
        modules=modules_of(version),
        compatibility_date=version.compatibility_date,
        compatibility_flags=version.compatibility_flags,
        limits=version.limits,
        message=message,
        tag=tag,
        annotations=annotations,
    )


def publish(draft: Draft, publication: Publication) -> Uploaded:
    """Build a draft, then write everything it makes in one transaction.

    Where it is to be deployed and the worker asks for it, the worker's request tests must pass before; raises `RequestTestsFailed`.
    """
    built = build(draft)
    tested = gate_draft(draft, worker_find(draft.tenant, draft.worker_name)) if publication.deploy else None
    with transaction.atomic():
        made = write(built, publication)
        if tested is not None:
            keep(version=made.version, digest=tested.digest, results=tested.results, trigger="deploy", actor=publication.actor)
    return made


def build(draft: Draft) -> BuiltDraft:
    """Try a draft and put its modules and its image into the store; must not be called in a transaction. Raises as a build may."""
    image = _image(draft)
    for module in draft.upload.modules:
        blobs.store().put(module.content)
    return BuiltDraft(draft, image)


def _image(draft: Draft) -> _Image:
    """The draft's image in the store: an equal one of the tenant's, or a new one from the background worker."""
    make = builder()
    equal = images.image_equal(tenant=draft.tenant, fingerprint=draft.fingerprint, guest_build=make.guest_build())
    if equal is not None:
        twin = equal.version
        report = BuildReport(equal.guest_build, twin.handlers, twin.entrypoints, twin.startup_cpu_us)
        return _Image(report, equal.blob_sha256, equal.size, built=False)
    staging = blobs.staging()
    staged = staging.put(draft.bundle, draft.limits)
    try:
        report = make.build(staged=staged, account_id=draft.tenant.account_id, wait_seconds=django_settings.HOSTEL.upload_wait_seconds)
        blob = images.blob_put(staging.image(staged), tenant=draft.tenant, encrypted=draft.has_secrets)
    finally:
        staging.discard(staged)
    return _Image(report, blob.sha256, blob.size, built=True)


def write(built: BuiltDraft, publication: Publication) -> Uploaded:
    """Add a built draft's rows to the current transaction, which holds the tenant's lock from here on."""
    draft, image = built.draft, built.image
    tenant = tenant_lock(draft.tenant)
    worker, created = _worker(tenant, draft, publication)
    if publication.base is not None and worker.last_version_number != publication.base.number:
        raise NewestMoved
    quota_require(
        tenant=tenant,
        worker=worker,
        versions_per_worker=1,
        stored_bytes=draft.code_bytes,
        deployments_per_hour=int(publication.deploy),
    )
    worker.last_version_number += 1
    worker.modified = draft.created
    worker.last_deployed_from = publication.source[:SOURCE_CHARACTERS]
    if publication.settings is not None:
        settings_apply(worker, publication.settings)
    worker.save()
    version = _version(draft, publication, image, worker)
    VersionImage.objects.create(
        version=version,
        tenant=tenant,
        guest_build=image.report.guest_build,
        fingerprint=draft.fingerprint,
        blob_sha256=image.blob_sha256,
        size=image.size,
        encrypted=draft.has_secrets,
    )
    alias = draft.upload.annotations.get(ALIAS)
    if isinstance(alias, str) and is_alias(alias):
        alias_put(worker, alias, version)
    deployment = _deploy(worker, version, publication)
    audit(
        tenant=tenant,
        actor=publication.actor,
        action=publication.action,
        target=worker.qualified_name,
        version=str(version.pk),
        number=version.number,
        sha256=version.sha256,
        deployment=str(deployment.uuid) if deployment else None,
    )
    epoch.bump(reason=f"worker {worker.qualified_name}")
    return Uploaded(worker, version, deployment, worker_created=created, built=image.built)


def _worker(tenant: Tenant, draft: Draft, publication: Publication) -> tuple[Worker, bool]:
    """The worker's row, made if it may be. It may have come or gone while the draft was being built."""
    worker = worker_find(tenant, draft.worker_name)
    if worker is not None:
        return worker, False
    if not publication.create_worker:
        raise WorkerNotFound
    namespace_name, name = split_name(draft.worker_name) or ("", draft.worker_name)
    namespace = namespace_holding(tenant, namespace_name) if namespace_name else None
    # Whoever dispatches leads to a worker in a namespace; no host does.
    worker = Worker(tenant=tenant, namespace=namespace, name=name, subdomain_enabled=namespace is None, created=draft.created)
    quota_require(tenant=tenant, worker=worker, **{"workers_per_namespace" if namespace else "workers": 1})
    return worker, True


def _version(draft: Draft, publication: Publication, image: _Image, worker: Worker) -> Version:
    return Version.objects.create(
        id=draft.version_id,
        worker=worker,
        tenant=worker.tenant,
        number=worker.last_version_number,
        main_module=draft.upload.main_module,
        modules=draft.module_rows,
        code_bytes=draft.code_bytes,
        bindings=draft.bindings,
        compatibility_date=draft.bundle.compatibility_date,
        compatibility_flags=list(draft.bundle.compatibility_flags),
        limits=dict(draft.upload.limits),
        author=publication.actor.email[:AUTHOR_CHARACTERS],
        source=publication.source[:SOURCE_CHARACTERS],
        message=draft.upload.message,
        tag=draft.upload.tag,
        annotations=dict(draft.upload.annotations),
        sha256=draft.sha256,
        handlers=list(image.report.handlers),
        entrypoints={name: list(handlers) for name, handlers in image.report.entrypoints.items()},
        startup_cpu_us=image.report.startup_cpu_us,
        warnings=[*draft.warnings, *image.report.warnings],
        created=draft.created,
    )


def _deploy(worker: Worker, version: Version, publication: Publication) -> Deployment | None:
    """Put the new version in service as the publication says."""
    if not publication.deploy:
        return None
    entries, cohorts = [(version, WHOLE)], None
    if publication.in_place and publication.base is not None:
        live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
        if live is None:
            return None
        shares = [(entry.version, entry.weight) for entry in live.entries.select_related("version")]
        entries = [(version if old.pk == publication.base.pk else old, weight) for old, weight in shares]
        cohorts = moved(live.cohorts or (), str(publication.base.pk), str(version.pk))
        if all(entry.pk != version.pk for entry, _ in entries):
            raise LatestNotDeployed
    return deploy(worker, entries, actor=publication.actor, source=publication.source, message=version.message, cohorts=cohorts or ())
