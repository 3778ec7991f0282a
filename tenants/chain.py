"""What makes the audit log a chain.

Owns the bytes that are hashed and the keyed hashes over them: changing this changes what every stored hash means, hence the version in
front. Pure functions: rows, keys and transactions belong to tenants.services.audit.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PLATFORM = "platform"
_VERSION = b"hostel audit v1\n"
_HEAD = b"hostel audit head v1\n"
# Everything an event says. The tenant's row is left out: it can go, and the chain's name says whose it was.
FIELDS = (
    "chain",
    "number",
    "created",
    "actor",
    "actor_email",
    "action",
    "target",
    "before",
    "after",
    "data",
    "reason",
    "via",
    "ip",
    "user_agent",
    "request_id",
)


def event_hash(key: bytes, fields: Mapping[str, Any], *, previous: str) -> str:
    """The hash (64 hex digits) of an event that follows the one whose hash is `previous` ("" for the first)."""
    content = {name: fields[name] for name in FIELDS}
    content["created"] = instant(fields["created"])
    return hmac.digest(key, _VERSION + canonical({**content, "previous": previous}), "sha256").hex()


def head_seal(key: bytes, *, chain: str, number: int, last: str) -> str:
    """The seal (64 hex digits) of a chain's end."""
    return hmac.digest(key, _HEAD + canonical([chain, number, last]), "sha256").hex()


def same(one: str, other: str) -> bool:
    """Whether two hashes are equal, in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def canonical(value: Any) -> bytes:
    """`value` as JSON in the one way it is hashed: keys sorted, no white space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def instant(moment: datetime) -> str:
    """A time as it is hashed and exported: UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
