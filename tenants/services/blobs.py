"""Collecting content that no row refers to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings

from tenants import blobs
from tenants.models import Tenant, Version, VersionImage

# Staged uploads live as long as their request waits; this is far beyond it.
_STAGED_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Collected:
    """What one collection did: blobs and bytes removed, blobs kept, forgotten uploads swept."""

    removed: int
    bytes: int
    kept: int
    uploads: int


def blobs_collect(*, grace_seconds: float | None = None) -> Collected:
    """Remove blobs that no version and no image refers to and that were last put before the grace period.

    The order makes it safe beside running uploads: blobs are listed first, references are read after. A blob in use then has its row, or
    was put so lately (a put of existing content counts) that the grace period covers it.
    """
    store = blobs.store()
    before = time.time() - (settings.HOSTEL.blob_grace_seconds if grace_seconds is None else grace_seconds)
    listed = list(store.walk())
    referred = set(references())
    unused = [blob for blob in listed if blob.sha256 not in referred and blob.modified < before]
    removed = blobs_remove(unused, put_before=before)
    if isinstance(store, blobs.FolderBlobStore):
        store.sweep_drafts(older_than=before)
    uploads = blobs.staging().sweep(older_than=time.time() - _STAGED_SECONDS)
    return Collected(removed=len(removed), bytes=sum(blob.size for blob in removed), kept=len(listed) - len(removed), uploads=uploads)


def blobs_remove(unused: Sequence[blobs.BlobInfo], *, put_before: float) -> list[blobs.BlobInfo]:
    """Remove blobs that nobody refers to, unless one was put since or a backup is being made; those that were removed."""
    store = blobs.store()
    with store.collecting() as allowed:
        return [blob for blob in unused if store.delete(blob.sha256, put_before=put_before)] if allowed else []


def references(*, tenant: Tenant | None = None) -> Iterator[str]:
    """The SHA-256 of every blob that a row refers to, of one tenant where it is given; some come more than once."""
    scope = {} if tenant is None else {"tenant": tenant}
    for modules in Version.objects.filter(**scope).values_list("modules", flat=True).iterator(chunk_size=500):
        yield from (module["sha256"] for module in modules)
    yield from VersionImage.objects.filter(**scope).values_list("blob_sha256", flat=True).iterator(chunk_size=2_000)
