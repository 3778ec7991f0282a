"""Runs: one request to one version, or to a draft, by hand.

Owns the checking of the request and the making of a draft out of an upload. Where and how it runs is the gateway's (`tenants.runner`).
Changes nothing: neither rows nor epoch.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import structlog
from django.conf import settings

from tenants import bindings as environment
from tenants import blobs, runner
from tenants.actor import Actor
from tenants.errors import FieldInvalid, VersionNotFound, WorkerNotFound
from tenants.models import Deployment, Tenant, Version, Worker
from tenants.names import check_qualified_name
from tenants.runner import Asked, Ran
from tenants.services.drafts import Draft, draft_make, draft_of
from tenants.services.support import newest, require_active, worker_find, worker_of
from tenants.uploads import Upload

log = structlog.get_logger(__name__)

METHOD: Final = re.compile(r"[A-Za-z!#$%&'*+.^_`|~-]{1,32}")
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
# RFC 9110 §5.5: what a field's value may hold, obs-text included.
HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
URL_CHARACTERS: Final = 16_384
HEADER_COUNT: Final = 100
HEADER_CHARACTERS: Final = 65_536
BODY_BYTES: Final = 1024 * 1024
# The server says these itself.
_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_METHODS_REFUSED: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is sent. `url` is absolute, or a path with or without a query: then of the worker's own address."""

    method: str = "GET"
    url: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)
    # The visitor's address, as the worker is told.
    client: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has shown, of which version; None for a draft."""

    version: Version | None
    ran: Ran


def worker_run(
    *,
    tenant: Tenant,
    worker_name: str,
    request: RunRequest,
    actor: Actor,
    version_id: uuid.UUID | str | None = None,
    draft: Upload | None = None,
    draft_bindings: bool = True,
) -> Run:
    """Send `request` to a version of the worker and wait for the end.

    Which one: `draft` (code that is no version; the worker may be new), else `version_id`, else the version with the largest share of the
    live deployment, else the newest one. A draft has its upload's bindings, or with `draft_bindings` False those of the newest version.
    Must not be called in a transaction. Raises `FieldInvalid`, `WorkerNotFound`, `VersionNotFound`, `TenantSuspended`, for a draft what
    `draft_make` raises and leaves of `StartupFailed` (file, line, column), and what `runner.run` raises.
    """
    require_active(tenant)
    check_qualified_name(worker_name)
    if draft is not None:
        if not tenant.shows(worker_name):
            raise WorkerNotFound("This token is limited to other workers.")
        asked = checked(request, tenant=tenant, worker_name=worker_name)
        made = _draft(tenant, worker_name, draft, own_bindings=draft_bindings)
        log.info("a draft is run", tenant=tenant.slug, worker=worker_name, actor=actor.email)
        staging = blobs.staging()
        staged = staging.put(made.bundle, made.limits)
        try:
            return Run(None, runner.run(Asked(staged=staged, **asked)))
        finally:
            staging.discard(staged)
    worker = worker_of(tenant, worker_name)
    version = _version(worker, version_id)
    asked = checked(request, tenant=tenant, worker_name=worker_name)
    log.info("a version is run", tenant=tenant.slug, worker=worker_name, version=str(version.pk), actor=actor.email)
    return Run(version, runner.run(Asked(version=str(version.pk), **asked)))


def checked(request: RunRequest, *, tenant: Tenant, worker_name: str) -> dict[str, Any]:
    """The fields of `Asked` that the request decides; raises `FieldInvalid`."""
    if not METHOD.fullmatch(request.method) or request.method.upper() in _METHODS_REFUSED:
        raise FieldInvalid("The method must be a token of at most 32 characters, and none of CONNECT, TRACE.", field="method")
    if len(request.body) > BODY_BYTES:
        raise FieldInvalid(f"The body may have {BODY_BYTES} bytes.", field="body", limit=BODY_BYTES)
    try:
        client = str(ipaddress.ip_address(request.client))
    except ValueError:
        raise FieldInvalid("The client must be an IP address.", field="client") from None
    return {
        "tenant_id": tenant.pk,
        "worker": worker_name,
        "method": request.method,
        "url": absolute(request.url, own=f"{worker_name.rpartition(':')[2]}.{tenant.slug}.{settings.HOSTEL.base_domain}"),
        "headers": check_headers(request.headers),
        "body": request.body,
        "client": client,
    }


def absolute(url: str, *, own: str) -> str:
    """`url` as a worker sees it: absolute (a path is of the host `own`), percent-encoded, no fragment. Raises `FieldInvalid`."""
    if len(url) > URL_CHARACTERS or any(ord(character) < 0x21 or ord(character) == 0x7F for character in url):  # noqa: PLR2004 - controls
        raise FieldInvalid(
            f"The URL must have at most {URL_CHARACTERS} characters, no spaces and no controls.", field="url", limit=URL_CHARACTERS
        )
    if url.startswith("/") and not url.startswith("//"):
        url = settings.HOSTEL.origin(own) + url
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.hostname.isascii() and "@" not in parts.netloc
        _ = parts.port
        encoded = quote(parts._replace(fragment="", path=parts.path or "/").geturl(), safe=_SAFE)
    except ValueError:
        sound, encoded = None, ""
    if not sound:
        raise FieldInvalid("The URL must be a path (/…), or an absolute http or https URL without a user.", field="url")
    return encoded


def check_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers with names in lower case, without those the platform sets; raises `FieldInvalid`."""
    if len(headers) > HEADER_COUNT or sum(len(name) + len(value) for name, value in headers) > HEADER_CHARACTERS:
        raise FieldInvalid(
            f"There may be {HEADER_COUNT} headers of {HEADER_CHARACTERS} characters together.", field="headers", limit=HEADER_COUNT
        )
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise FieldInvalid("A header is a token and a text of ISO-8859-1 without line breaks.", field="headers", header=name[:80])
    return [(name.lower(), value.strip()) for name, value in headers if name.lower() not in _FRAMING]


def served(worker: Worker) -> Version | None:
    """The version with the largest share of the live deployment, else the newest one."""
    live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
    if live is None:
        return newest(worker)
    entries = live.entries.select_related("version").order_by("-weight", "-version__number")
    first = entries.first()
    return first.version if first is not None else newest(worker)


def _version(worker: Worker, version_id: uuid.UUID | str | None) -> Version:
    if version_id is None:
        found = served(worker)
    else:
        try:
            key = version_id if isinstance(version_id, uuid.UUID) else uuid.UUID(version_id)
        except ValueError:
            raise VersionNotFound from None
        found = Version.objects.filter(worker=worker, pk=key).first()
    if found is None:
        raise VersionNotFound
    return found


def _draft(tenant: Tenant, worker_name: str, upload: Upload, *, own_bindings: bool) -> Draft:
    worker = worker_find(tenant, worker_name)
    base = newest(worker)
    limits: Mapping[str, Any] = worker.limits if worker is not None else {}
    if own_bindings:
        return draft_make(tenant=tenant, worker_name=worker_name, worker_limits=limits, base=base, upload=upload)
    resolved = environment.Resolved(list(base.bindings) if base is not None else [])
    return draft_of(tenant=tenant, worker_name=worker_name, worker_limits=limits, upload=upload, resolved=resolved)
