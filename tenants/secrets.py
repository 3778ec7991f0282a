"""Sealing what must not lie open: tenants' secrets, and images that were made with them.

Owns the envelope: AES-256-GCM with the master key's id in front, so that keys can be replaced. Every seal is bound to a context (the tenant
and the purpose), and opens in that context only: a row copied to another tenant is worthless. Must not log or cache what it opens.

    text    "hs1.<key id>.<base64url of nonce ‖ ciphertext ‖ tag>"
    bytes   b"HS1" ‖ key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from tenants.errors import SecretUnreadable
from tenants.keys import KeyRing

_TEXT = "hs1"
_MAGIC = b"HS1"
_KEY_ID = 8
_NONCE = 12


def seal(plain: bytes, *, context: str) -> str:
    """`plain` as an ASCII envelope that opens only with the same `context`."""
    ring = _ring()
    return f"{_TEXT}.{ring.current}.{base64.urlsafe_b64encode(_encrypt(plain, context, ring.current)).decode()}"


def unseal(sealed: str, *, context: str) -> bytes:
    """What `seal` was given; raises `SecretUnreadable` for another context, a changed text or a key that is gone."""
    scheme, _, rest = sealed.partition(".")
    key_id, _, body = rest.partition(".")
    if scheme != _TEXT:
        raise SecretUnreadable
    try:
        return _decrypt(base64.urlsafe_b64decode(body), context, key_id)
    except (ValueError, binascii.Error):
        raise SecretUnreadable from None


def seal_bytes(plain: bytes, *, context: str) -> bytes:
    """`plain` as a binary envelope, for blobs."""
    key_id = _ring().current
    return _MAGIC + key_id.encode() + _encrypt(plain, context, key_id)


def unseal_bytes(sealed: bytes, *, context: str) -> bytes:
    """What `seal_bytes` was given; raises `SecretUnreadable` like `unseal`."""
    start = len(_MAGIC) + _KEY_ID
    if sealed[: len(_MAGIC)] != _MAGIC:
        raise SecretUnreadable
    return _decrypt(memoryview(sealed)[start:], context, sealed[len(_MAGIC) : start].decode("latin-1"))


def keyed_digest(data: bytes, *, context: str) -> str:
    """An HMAC-SHA256 in hex: equal secrets are recognised as equal, and nobody can guess them from it."""
    return hmac.digest(_ring().derive("digest"), context.encode() + b"\0" + data, "sha256").hex()


def _ring() -> KeyRing:
    ring: KeyRing = settings.HOSTEL_KEYS
    return ring


def _encrypt(plain: bytes, context: str, key_id: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_ring().derive("seal", key_id)).encrypt(nonce, plain, context.encode())


def _decrypt(body: bytes | memoryview, context: str, key_id: str) -> bytes:
    ring = _ring()
    if key_id not in ring or len(body) < _NONCE:
        raise SecretUnreadable
    try:
        return AESGCM(ring.derive("seal", key_id)).decrypt(bytes(body[:_NONCE]), body[_NONCE:], context.encode())
    except InvalidTag:
        raise SecretUnreadable from None
