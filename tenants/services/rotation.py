"""Replacing the master key: everything that an earlier one has sealed, sealed by the first one on the ring.

Owns the order: a row at a time, each in its own transaction, so that it can be broken off and taken up again, and runs beside everything
else. Data keys are sealed again as they are; what a master key once sealed itself (before there were data keys) is sealed with its
tenant's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from tenants import background, blobs
from tenants.actor import Actor
from tenants.bindings import secret_context
from tenants.datakeys import PLATFORM, reseal, ring
from tenants.errors import BlobMissing, SecretUnreadable
from tenants.models import DataKey, Version, VersionImage
from tenants.secrets import is_direct, seal, unseal
from tenants.services.images import blob_put, image_bytes
from tenants.services.support import audit

log = structlog.get_logger(__name__)
ROTATE = "keys_rotate"


@dataclass(frozen=True, slots=True)
class KeysStatus:
    """Which master key seals, which others are on the ring, and how many data keys each has sealed."""

    current: str
    earlier: tuple[str, ...]
    sealed: dict[str, int]

    @property
    def removable(self) -> tuple[str, ...]:
        """Earlier keys that nothing needs any more, as far as data keys tell; a finished rotation has left nothing else."""
        return tuple(key for key in self.earlier if not self.sealed.get(key))


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was sealed again, and what could not be opened (scopes of data keys, ids of versions)."""

    key: str
    data_keys: int
    versions: int
    images: int
    unreadable: tuple[str, ...]


def keys_status() -> KeysStatus:
    """How far the present master key has come."""
    sealed = Counter(DataKey.objects.values_list("key_id", flat=True).iterator(chunk_size=2_000))
    return KeysStatus(ring().current, ring().earlier, dict(sealed))


@transaction.atomic
def keys_rotate_request(*, actor: Actor) -> None:
    """Have `keys_rotate` done in the background."""
    audit(tenant=None, actor=actor, action="keys_rotate_request", target=ring().current)
    background.request(kind=ROTATE, payload={}, idempotency_key=ROTATE)


def keys_rotate(*, actor: Actor) -> Rotated:
    """Seal everything with the current master key. Repeatable: what is done stays done, and a second run finds nothing.

    Must not be called in a transaction. Afterwards the earlier keys can be taken off the ring, unless something was unreadable.
    """
    unreadable: list[str] = []
    data_keys = sum(_data_key(pk, unreadable) for pk in _stale())
    versions = sum(_version(pk, unreadable) for pk in _direct())
    images = sum(_image(pk) for pk in _early())
    done = Rotated(ring().current, data_keys, versions, images, tuple(unreadable))
    if PLATFORM in unreadable:
        # The audit log's own key: nothing can be recorded before its master key is back.
        log.error("the platform's data key cannot be opened: put the master key that sealed it back on the ring")
    elif data_keys or versions or images or unreadable:
        with transaction.atomic():
            audit(
                tenant=None,
                actor=actor,
                action="keys_rotate",
                target=done.key,
                data_keys=data_keys,
                versions=versions,
                images=images,
                unreadable=len(unreadable),
            )
    return done


def _stale() -> Iterator[UUID]:
    yield from list(DataKey.objects.exclude(key_id=ring().current).values_list("pk", flat=True))


@transaction.atomic
def _data_key(pk: UUID, unreadable: list[str]) -> bool:
    row = DataKey.objects.select_for_update().filter(pk=pk).exclude(key_id=ring().current).first()
    if row is None:
        return False
    try:
        row.sealed, row.key_id, row.rotated = reseal(row), ring().current, timezone.now()
    except SecretUnreadable:
        unreadable.append(row.scope)
        return False
    row.save(update_fields=["sealed", "key_id", "rotated"])
    return True


def _direct() -> Iterator[UUID]:
    """Versions with a secret that a master key sealed itself."""
    text = Version.objects.annotate(text=Cast("bindings", TextField()))
    yield from list(text.filter(text__contains='"hs1.').values_list("pk", flat=True))


@transaction.atomic
def _version(pk: UUID, unreadable: list[str]) -> bool:
    version = Version.objects.select_related("tenant").filter(pk=pk).first()
    if version is None:
        return False
    context = secret_context(version.tenant)
    bindings = [dict(binding) for binding in version.bindings]
    try:
        for binding in bindings:
            if is_direct(str(binding.get("sealed", ""))):
                binding["sealed"] = seal(unseal(binding["sealed"], context=context), context=context, tenant=version.tenant)
    except SecretUnreadable:
        unreadable.append(str(pk))
        return False
    # What the version says is the same: only the envelope is another one. The manager that refuses changes is not asked.
    Version._base_manager.filter(pk=pk).update(bindings=bindings)  # noqa: SLF001 - Django documents it
    return True


def _early() -> Iterator[int]:
    """Images from before their tenant had a data key: no later one can be a master key's own."""
    early = Q(tenant__data_keys=None) | Q(created__lt=F("tenant__data_keys__created"))
    yield from list(VersionImage.objects.filter(early, encrypted=True).values_list("pk", flat=True))


def _image(pk: int) -> bool:
    row = VersionImage.objects.select_related("tenant").filter(pk=pk).first()
    try:
        if row is None or not is_direct(blobs.store().get(row.blob_sha256)):
            return False
        blob = blob_put(image_bytes(row, tenant=row.tenant), tenant=row.tenant, encrypted=True)
    except (BlobMissing, SecretUnreadable):
        # An image is a cache, and made again when it is missed.
        return False
    return bool(VersionImage.objects.filter(pk=pk, blob_sha256=row.blob_sha256).update(blob_sha256=blob.sha256, size=blob.size))
