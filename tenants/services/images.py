"""Images: keeping the snapshot of a version's start-up.

Owns the sealing (an image holds whatever start-up has seen, secrets included) and the sharing between versions of equal content.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sandbox.limits import Limits
from tenants import blobs
from tenants.manifest import image_fingerprint
from tenants.models import Tenant, Version, VersionImage
from tenants.secrets import seal_bytes, unseal_bytes


def image_store(*, version: Version, guest_build: str, image: bytes, limits: Limits) -> VersionImage:
    """Keep an image that was made again for another guest build; one that is there already stays."""
    blob = blob_put(image, tenant=version.tenant, encrypted=version.has_secrets)
    fingerprint = fingerprint_of(version, limits)
    with transaction.atomic():
        row, _ = VersionImage.objects.get_or_create(
            version=version,
            guest_build=guest_build,
            defaults={
                "tenant_id": version.tenant_id,
                "fingerprint": fingerprint,
                "blob_sha256": blob.sha256,
                "size": blob.size,
                "encrypted": version.has_secrets,
            },
        )
    return row


def blob_put(image: bytes, *, tenant: Tenant, encrypted: bool) -> blobs.BlobInfo:
    """Put an image into the store, sealed if it may hold secrets."""
    return blobs.store().put(seal_bytes(image, context=_context(tenant), tenant=tenant) if encrypted else image)


def image_bytes(image: VersionImage, *, tenant: Tenant) -> bytes:
    """The image, opened; raises `BlobMissing` or `SecretUnreadable`."""
    stored = blobs.store().get(image.blob_sha256)
    return unseal_bytes(stored, context=_context(tenant)) if image.encrypted else stored


def image_equal(*, tenant: Tenant, fingerprint: str, guest_build: str | None) -> VersionImage | None:
    """An image of equal content, made for this guest build and still stored; None if there is none."""
    if guest_build is None:
        return None
    found = VersionImage.objects.select_related("version").filter(tenant=tenant, fingerprint=fingerprint, guest_build=guest_build).first()
    return found if found is not None and blobs.store().exists(found.blob_sha256) else None


def images_prune(*, guest_build: str, grace_seconds: float | None = None) -> int:
    """Forget images of other guests that are older than the grace period (in which an upgrade may be taken back); how many."""
    grace = settings.HOSTEL.blob_grace_seconds if grace_seconds is None else grace_seconds
    before = timezone.now() - timedelta(seconds=grace)
    return VersionImage.objects.exclude(guest_build=guest_build).filter(created__lt=before).delete()[0]


def fingerprint_of(version: Version, limits: Limits) -> str:
    """What the version's image depends on beside the guest's build."""
    return image_fingerprint(
        sha256=version.sha256, bindings=version.bindings, version_id=str(version.pk), limits=limits, modules=version.modules
    )


def _context(tenant: Tenant) -> str:
    return f"tenant:{tenant.account_id}:image"
