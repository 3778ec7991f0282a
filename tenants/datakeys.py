"""Data keys, opened.

Owns the way from a scope to the key its secrets are sealed with: a row that the master key seals (an envelope), made on first use.
Replacing the master key therefore seals a handful of rows again and touches no secret. Keys that were opened stay in this process's
memory, because gateways start versions often; they are never logged and leave this module only to be used.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from tenants.errors import SecretUnreadable
from tenants.keys import KeyRing
from tenants.models import DataKey

if TYPE_CHECKING:
    from tenants.models import Tenant

# The scope of what belongs to no tenant.
PLATFORM = "platform"
_KEY_BYTES = 32
_REMEMBERED = 4_096
_SALT = b"hostel data key v1"


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A data key that can be used. Its repr tells nothing."""

    id: uuid.UUID
    raw: bytes

    def __repr__(self) -> str:
        """The id only."""
        return f"OpenKey({self.id})"

    def derive(self, purpose: str) -> bytes:
        """32 bytes for `purpose` only (HKDF-SHA256, RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=_SALT, info=purpose.encode()).derive(self.raw)


# By the master keys at hand (tests and a rotation change them) and the row.
_opened: OrderedDict[tuple[frozenset[str], uuid.UUID], OpenKey] = OrderedDict()
_lock = threading.Lock()


def key_of(tenant: Tenant | None) -> OpenKey:
    """The key of a tenant, or of the platform; made if there is none. Raises `SecretUnreadable` where its master key is gone."""
    scope = tenant.account_id if tenant is not None else PLATFORM
    row = DataKey.objects.filter(scope=scope).first() or _make(tenant, scope)
    return _open(row)


def key_by_id(key_id: uuid.UUID) -> OpenKey:
    """The key that something was sealed with; raises `SecretUnreadable` where it or its master key is gone."""
    with _lock:
        known = _opened.get((ring().ids, key_id))
    if known is not None:
        return known
    row = DataKey.objects.filter(pk=key_id).first()
    if row is None:
        raise SecretUnreadable
    return _open(row)


def reseal(row: DataKey) -> str:
    """The row's key, sealed again by the current master key."""
    return ring().seal(ring().unseal(row.sealed, context=_context(row)), context=_context(row))


def ring() -> KeyRing:
    """The master keys."""
    found: KeyRing = settings.HOSTEL_KEYS
    return found


def _make(tenant: Tenant | None, scope: str) -> DataKey:
    row = DataKey(tenant=tenant, scope=scope, key_id=ring().current)
    row.sealed = ring().seal(secrets.token_bytes(_KEY_BYTES), context=_context(row))
    values = {"id": row.pk, "tenant": tenant, "sealed": row.sealed, "key_id": row.key_id}
    # Whoever comes second takes the first one's.
    return DataKey.objects.get_or_create(scope=scope, defaults=values)[0]


def _open(row: DataKey) -> OpenKey:
    place = (ring().ids, row.pk)
    with _lock:
        known = _opened.get(place)
    if known is not None:
        return known
    opened = OpenKey(row.pk, ring().unseal(row.sealed, context=_context(row)))
    with _lock:
        _opened[place] = opened
        while len(_opened) > _REMEMBERED:
            _opened.popitem(last=False)
    return opened


def _context(row: DataKey) -> str:
    """What binds a sealed key to its row: put into another row it opens nothing."""
    return f"data key {row.pk} of {row.scope}"
