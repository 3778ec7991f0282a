"""Signed overrides: a token that leads one request to one stored version of a worker, deployed or not.

Owns the token's shape, its making and its reading. Whoever holds one may use it until it ends: it is made for minutes or hours, names one
worker and one version, and is worth nothing elsewhere. Pure but for the master keys.

    ho1.<key id>.<base64url of JSON [worker tag, version id, ends]>.<base64url of HMAC-SHA256>
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Final

from tenants.datakeys import ring

SCHEME: Final = "ho1"
HEADER: Final = "Hostel-Version-Override"
PURPOSE: Final = "version override"
TOKEN_CHARACTERS: Final = 512
# One header may bring tokens of so many workers.
TOKENS_MOST: Final = 8
LEAST_SECONDS: Final = 60
MOST_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Override:
    """What a sound token says. `ends` is in seconds since 1970."""

    worker_tag: str
    version_id: str
    ends: int


def made(override: Override) -> str:
    """The token."""
    keys = ring()
    told = json.dumps([override.worker_tag, override.version_id, override.ends], separators=(",", ":")).encode()
    body = _text(told)
    return f"{SCHEME}.{keys.current}.{body}.{_text(_mac(keys.current, body))}"


def read(token: str) -> Override | None:
    """What `token` says; None for one that nobody here has made. Whether it has ended is the caller's question."""
    parts = token.strip().split(".") if len(token) <= TOKEN_CHARACTERS and token.isascii() else []
    if len(parts) != 4 or parts[0] != SCHEME or parts[1] not in ring():  # noqa: PLR2004 - see above
        return None
    try:
        if not hmac.compare_digest(_mac(parts[1], parts[2]), _bytes(parts[3])):
            return None
        tag, version_id, ends = json.loads(_bytes(parts[2]))
        return Override(str(tag), str(uuid.UUID(version_id)), int(ends))
    except (ValueError, binascii.Error, TypeError):
        return None


def valid(header: str, *, now: float) -> dict[str, str]:
    """Worker tag -> version id of the tokens in a header (several are parted by commas) that are sound and have not ended."""
    found = {}
    for token in header.split(",", TOKENS_MOST)[:TOKENS_MOST]:
        override = read(token)
        if override is not None and override.ends > now:
            found[override.worker_tag] = override.version_id
    return found


def _mac(key_id: str, body: str) -> bytes:
    return hmac.digest(ring().derive(PURPOSE, key_id), f"{SCHEME}.{key_id}.{body}".encode(), "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
