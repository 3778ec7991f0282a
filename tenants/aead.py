"""One way to encrypt: AES-256-GCM with a random nonce, bound to a context.

Owns the bytes `nonce (12) ‖ ciphertext ‖ tag (16)`. Must not know where keys come from.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.errors import SecretUnreadable

_NONCE = 12


def encrypt(key: bytes, plain: bytes, *, context: str) -> bytes:
    """`plain` so that it opens with the same key (32 bytes) and context only."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def decrypt(key: bytes, body: bytes, *, context: str) -> bytes:
    """What `encrypt` was given; raises `SecretUnreadable` for another key or context, or changed bytes."""
    if len(body) < _NONCE:
        raise SecretUnreadable
    try:
        return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], context.encode())
    except InvalidTag:
        raise SecretUnreadable from None
