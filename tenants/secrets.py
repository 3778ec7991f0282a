"""Sealing what must not lie open: tenants' secrets, and images that were made with them.

Owns the envelope: AES-256-GCM with a data key of the tenant's own (tenants.datakeys), whose id stands in front. Every seal is bound to a
context (the tenant and the purpose), and opens in that context only: a row copied to another tenant is worthless. Must not log or cache
what it opens.

    text    "hs2.<data key's id, 32 hex digits>.<base64url of nonce ‖ ciphertext ‖ tag>"
    bytes   b"HS2" ‖ data key's id (16) ‖ nonce (12) ‖ ciphertext ‖ tag

What the master key once sealed itself ("hs1.…", b"HS1…") still opens; a rotation seals it again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from typing import TYPE_CHECKING

from tenants import aead
from tenants.datakeys import key_by_id, key_of, ring
from tenants.errors import SecretUnreadable

if TYPE_CHECKING:
    from tenants.models import Tenant

_TEXT = "hs2"
_MAGIC = b"HS2"
_OLD_MAGIC = b"HS1"
_OLD_KEY_ID = 8
_UUID_BYTES = 16


def seal(plain: bytes, *, context: str, tenant: Tenant | None = None) -> str:
    """`plain` as an ASCII envelope of the tenant's (or else the platform's) that opens only with the same `context`."""
    key = key_of(tenant)
    body = aead.encrypt(key.derive("seal"), plain, context=context)
    return f"{_TEXT}.{key.id.hex}.{base64.urlsafe_b64encode(body).decode()}"


def unseal(sealed: str, *, context: str) -> bytes:
    """What `seal` was given; raises `SecretUnreadable` for another context, a changed text or a key that is gone."""
    scheme, _, rest = sealed.partition(".")
    if scheme != _TEXT:
        return ring().unseal(sealed, context=context)
    key_id, _, body = rest.partition(".")
    try:
        found, data = uuid.UUID(key_id), base64.urlsafe_b64decode(body)
    except (ValueError, binascii.Error):
        raise SecretUnreadable from None
    return aead.decrypt(key_by_id(found).derive("seal"), data, context=context)


def seal_bytes(plain: bytes, *, context: str, tenant: Tenant | None = None) -> bytes:
    """`plain` as a binary envelope, for blobs."""
    key = key_of(tenant)
    return _MAGIC + key.id.bytes + aead.encrypt(key.derive("seal"), plain, context=context)


def unseal_bytes(sealed: bytes, *, context: str) -> bytes:
    """What `seal_bytes` was given; raises `SecretUnreadable` like `unseal`."""
    start = len(_MAGIC) + _UUID_BYTES
    if sealed[: len(_MAGIC)] == _MAGIC and len(sealed) >= start:
        key = key_by_id(uuid.UUID(bytes=sealed[len(_MAGIC) : start]))
        return aead.decrypt(key.derive("seal"), sealed[start:], context=context)
    start = len(_OLD_MAGIC) + _OLD_KEY_ID
    key_id = sealed[len(_OLD_MAGIC) : start].decode("latin-1")
    if sealed[: len(_OLD_MAGIC)] != _OLD_MAGIC or key_id not in ring():
        raise SecretUnreadable
    return aead.decrypt(ring().derive("seal", key_id), sealed[start:], context=context)


def is_direct(sealed: str | bytes) -> bool:
    """Whether a master key sealed this itself: a rotation must seal it again."""
    return sealed.startswith("hs1.") if isinstance(sealed, str) else sealed.startswith(_OLD_MAGIC)


def keyed_digest(data: bytes, *, context: str, tenant: Tenant | None = None) -> str:
    """An HMAC-SHA256 in hex: a tenant's equal secrets are recognised as equal, and nobody can guess them from it."""
    return hmac.digest(key_of(tenant).derive("digest"), context.encode() + b"\0" + data, "sha256").hex()
