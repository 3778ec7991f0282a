"""What of a request decides its version: signed overrides, headers, the cookie.

Owns the reading of all that at the gateway's door, whether a visitor may say it, and the cookie that keeps a visitor on a version. Which
version follows from it is `tenants.rollout`'s. Requests to a worker with one version and without such headers never come here.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.contexts import KEY_FOLLOWS
from gateway.headers import CHOOSING, Inbound
from sandbox.http import Headers
from sandbox.worker.target import Target
from tenants import overrides
from tenants.rollout import VERSION_KEY, WorkerRoute, cohort_of, override_in

COOKIE: Final = "__hostel_vk"
_YEAR: Final = 31_536_000
_COOKIE: Final = re.compile(rb"(?:^|;)[ \t]*" + COOKIE.encode() + rb"=([0-9a-f]{32})[ \t]*(?:;|$)")
_KEY_CHARACTERS: Final = 1_024


@dataclass(slots=True)
class Wishes:
    """What the choice of a version depends on. `own` goes to the visitor, `follows` into the workers that this one calls."""

    overrides: str | None = None
    version_key: str | None = None
    cohort: str | None = None
    own: Headers = field(default_factory=list)
    # Worker tag -> version id; under `KEY_FOLLOWS` the version key.
    follows: dict[str, str] | None = None


NO_WISHES: Final = Wishes()


def chooses(route: WorkerRoute, inbound: Inbound) -> bool:
    """Whether `wishes` has anything to read: not for the many requests to a worker with one version."""
    return len(route.versions) > 1 or inbound.signed != "" or not route.trusts_headers or route.flag is not None


def wishes(route: WorkerRoute, inbound: Inbound, *, client: str, scheme: str) -> Wishes:
    """Read them. `client` is the visitor's address. What the worker does not trust is taken out of the request, too."""
    if route.trusts_headers:
        found = Wishes(inbound.overrides, inbound.version_key, cohort_of(route, inbound.cohort, inbound.kept))
    else:
        inbound.kept[:] = [pair for pair in inbound.kept if pair[0] not in CHOOSING]
        found = Wishes(cohort=cohort_of(route, None, inbound.kept))
    if inbound.signed:
        found.follows = overrides.valid(inbound.signed, now=time.time()) or None
    if not found.version_key and (route.is_split(found.cohort) or (route.flag is not None and VERSION_KEY in route.flag.targeting)):
        _stick(found, route, inbound.kept, client, scheme)
    if found.version_key:
        found.follows = {**(found.follows or {}), KEY_FOLLOWS: found.version_key}
    return found


def told(target: Target, route: WorkerRoute | None, wished: Wishes) -> Target:
    """`target`, its `ctx.version` saying what the version was chosen by; unchanged where there was no choice."""
    if wished is NO_WISHES or route is None:
        return target
    signed = wished.follows is not None and route.worker_tag in wished.follows
    named = wished.overrides is not None and override_in(wished.overrides, route.worker_name) == target.key.version
    choice = {"cohort": wished.cohort, "override": signed or named, "key": wished.version_key}
    # Parameters of an outbound worker stay first, where the guest looks for them.
    meta = {**target.meta, "choice": {name: value for name, value in choice.items() if value is not None}}
    return replace(target, meta=meta, meta_json=b"")


def _stick(found: Wishes, route: WorkerRoute, kept: Headers, client: str, scheme: str) -> None:
    """The key that keeps the visitor on one version, as the worker has chosen."""
    if route.sticky == "cookie":
        for name, value in kept:
            if name == b"cookie" and (match := _COOKIE.search(value)) is not None:
                found.version_key = match[1].decode()
                return
        found.version_key = secrets.token_hex(16)
        # Of the whole host, so that every page of it is of one version; the browser alone reads it back.
        secure = "; Secure" if scheme == "https" else ""
        cookie = f"{COOKIE}={found.version_key}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax{secure}"
        found.own = [(b"set-cookie", cookie.encode())]
    elif route.sticky == "ip":
        found.version_key = client
    elif route.sticky.startswith("header:"):
        wanted = route.sticky.removeprefix("header:").encode()
        value = next((value for name, value in kept if name == wanted), b"")
        found.version_key = value.decode("latin-1")[:_KEY_CHARACTERS] or None
