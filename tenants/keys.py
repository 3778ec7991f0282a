"""The platform's master keys.

Owns where they come from (a setting, or a file made on first use), how a key for one purpose is derived and how a master key seals. Must
not import Django: the settings themselves are signed with a key derived here.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sandbox.errors import HostelError
from tenants import aead
from tenants.errors import SecretUnreadable

KEY_CHARACTERS = 32
_SALT = b"hostel master key v1"
# What a master key has sealed: "hs1.<key id>.<base64url>".
_SCHEME = "hs1"


class MasterKeyInvalid(HostelError):
    """The master key cannot be used."""

    code = "master_key_invalid"


class KeyRing:
    """One or more master keys: the first seals, every one unseals, so a key is replaced by putting a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Keep `keys`, each of at least 32 characters; raises `MasterKeyInvalid`."""
        if not keys or any(len(key) < KEY_CHARACTERS for key in keys):
            raise MasterKeyInvalid(f"A master key must have {KEY_CHARACTERS} characters or more.", field="HOSTEL_SECRET_KEY")
        self._keys = {hashlib.sha256(b"id " + key.encode()).hexdigest()[:8]: key for key in keys}
        self.current: str = next(iter(self._keys))

    def __contains__(self, key_id: object) -> bool:
        """Whether a key of that id is on the ring."""
        return key_id in self._keys

    @functools.cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all keys."""
        return frozenset(self._keys)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The ids of the keys that only unseal."""
        return tuple(key_id for key_id in self._keys if key_id != self.current)

    def seal(self, plain: bytes, *, context: str) -> str:
        """`plain` as a text that opens with the current key and the same `context` only."""
        body = aead.encrypt(self.derive("seal"), plain, context=context)
        return f"{_SCHEME}.{self.current}.{base64.urlsafe_b64encode(body).decode()}"

    def unseal(self, sealed: str, *, context: str) -> bytes:
        """What `seal` was given; raises `SecretUnreadable` for another context, a changed text or a key that is gone."""
        scheme, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        if scheme != _SCHEME or key_id not in self:
            raise SecretUnreadable
        try:
            found = base64.urlsafe_b64decode(body)
        except (ValueError, binascii.Error):
            raise SecretUnreadable from None
        return aead.decrypt(self.derive("seal", key_id), found, context=context)

    @functools.cache  # noqa: B019 - one ring for a process
    def derive(self, purpose: str, key_id: str | None = None) -> bytes:
        """32 bytes for `purpose` only, from the key called `key_id` (the current one if None): HKDF-SHA256, RFC 5869."""
        master = self._keys[key_id or self.current]
        return HKDF(algorithm=SHA256(), length=32, salt=_SALT, info=purpose.encode()).derive(master.encode())


def load(*, configured: str, path: Path) -> KeyRing:
    """The keys in the setting `configured` (comma separated), or the ones in the file, which is made with a fresh key if it is missing."""
    if configured.strip():
        return KeyRing([key.strip() for key in configured.split(",") if key.strip()])
    try:
        text = _read(path)
    except FileNotFoundError:
        text = _create(path)
    return KeyRing(text.split())


def _read(path: Path) -> str:
    with path.open() as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise MasterKeyInvalid(f"Others can read {path}: chmod 600 it, and think about a new key.")
        return file.read()


def _create(path: Path) -> str:
    """Make the file in one step: a process that starts at the same time finds either nothing or a whole key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return _read(path)
