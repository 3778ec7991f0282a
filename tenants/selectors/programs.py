"""From a version's id to something the sandbox can run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import structlog
from django.db.models import Exists, OuterRef, Subquery

from sandbox.bundle import Bundle, Module
from tenants import bindings as environment
from tenants.errors import BlobMissing, SecretUnreadable, VersionNotFound
from tenants.models import Deployment, DeploymentVersion, Tenant, Version, VersionImage
from tenants.services.images import image_bytes
from tenants.services.versions import modules_of

if TYPE_CHECKING:
    from sandbox import Program

log = structlog.get_logger(__name__)


def version_program(version_id: str, *, guest_build: str | None) -> Program:
    """The version's bundle, its secrets opened, and its image for `guest_build`.

    The image is None where there is none or it cannot be read: the sandbox then starts the version from its modules. Raises
    `VersionNotFound`, `BlobMissing` or `SecretUnreadable`.
    """
    # Here and not above: the facade brings the engine, which only those who run programs should load.
    from sandbox import Program  # noqa: PLC0415

    version = Version.objects.select_related("tenant").filter(pk=uuid.UUID(version_id)).first()
    if version is None:
        raise VersionNotFound
    image = _image(version, version.tenant, guest_build)
    # An image holds what its source maps said.
    return Program(bundle=version_bundle(version, maps=image is None), image=image)


def versions_without_image(*, guest_build: str) -> list[str]:
    """Ids of the versions, of all tenants, that some live deployment names and that have no image for this guest."""
    newest = Deployment.objects.filter(worker=OuterRef("worker")).order_by("-pk").values("pk")[:1]
    live = DeploymentVersion.objects.filter(deployment__in=Deployment.objects.filter(pk=Subquery(newest)))
    made = VersionImage.objects.filter(version=OuterRef("version"), guest_build=guest_build)
    found = live.filter(~Exists(made)).values_list("version_id", flat=True).distinct()
    return [str(version_id) for version_id in found]


def version_bundle(version: Version, *, maps: bool = True) -> Bundle:
    """What the version runs; raises `BlobMissing` or `SecretUnreadable`."""
    env = environment.descriptors(
        version.bindings, tenant=version.tenant, version_id=str(version.pk), tag=version.tag, created=version.created.isoformat()
    )
    modules = modules_of(version, maps=maps)
    return Bundle(
        main=version.main_module,
        modules=tuple(Module(module.name, module.kind, module.content) for module in modules if module.kind is not None),
        source_maps={module.name: module.content for module in modules if module.kind is None},
        env=tuple(env),
        compatibility_date=version.compatibility_date,
        compatibility_flags=tuple(version.compatibility_flags),
    )


def _image(version: Version, tenant: Tenant, guest_build: str | None) -> bytes | None:
    row = VersionImage.objects.filter(version=version, guest_build=guest_build).first() if guest_build else None
    if row is None:
        return None
    try:
        return image_bytes(row, tenant=tenant)
    except (BlobMissing, SecretUnreadable) as error:
        # An image is a cache: the version still runs without it, only slower to start.
        log.warning("an image cannot be read", version=str(version.pk), code=error.code)
        return None
