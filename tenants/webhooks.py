"""What is sent to webhooks, and how it is signed: Standard Webhooks (https://www.standardwebhooks.com).

Owns the names of events, the patterns that choose them, secrets and signatures. Pure functions: rows are the services' business.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence

PREFIX = "whsec_"
_SECRET_BYTES = 32
_NAME = r"[a-z]+(?:_[a-z]+)*"
# "*", "deployment.*", "deployment.created".
PATTERN = re.compile(rf"\*|{_NAME}\.(?:\*|{_NAME})")
PING = "webhook.ping"
# Seconds before each further attempt; with the first that is nine attempts within about eighteen hours.
PAUSES = (5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000)
# Verbs of actions whose past is irregular; the others take "d" or "ed".
_PAST = {
    "set": "set",
    "to": "to",
    "leave": "left",
    "upload": "uploaded",
    "add": "added",
    "resume": "resumed",
    "clear": "cleared",
    "run": "run",
    "freeze": "frozen",
    "unfreeze": "unfrozen",
}


def event_name(action: str) -> str:
    """The event that an audited action is told as: `deployment_create` -> `deployment.created`."""
    noun, _, verb = action.rpartition("_")
    past = _PAST.get(verb) or (f"{verb}d" if verb.endswith("e") else f"{verb}ed")
    return f"{noun or 'tenant'}.{past}"


def chosen(event: str, patterns: Iterable[str]) -> bool:
    """Whether one of `patterns` names the event."""
    family = f"{event.partition('.')[0]}.*"
    return any(pattern in ("*", family, event) for pattern in patterns)


def new_secret() -> str:
    """A secret to sign with, as the tenant is shown it once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(*, message_id: str, timestamp: int, body: bytes, keys: Sequence[str]) -> str:
    """The `webhook-signature` header: one `v1,…` for each secret, with a space between. Raises ValueError for what is no secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(_raw(key), signed, 'sha256')).decode()}" for key in keys)


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("The secret is not base64.") from error
