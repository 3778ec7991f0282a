"""Everything of a tenant in one archive that needs no Hostel to be read.

Owns the archive's layout. An export costs no more memory than its largest module. Reads only.

    export.json                                 what this is, when it was made
    tenant.json                                 the tenant: members, tokens (never their secrets), host names, limits
    audit.jsonl                                 one event a line, oldest first
    rows/<table>.jsonl                          what else there is: overrides, invitations, webhooks, usage, …
    namespaces.json                             dispatch namespaces, and what they hold as environments
    workers/<name>/worker.json                  settings, and every deployment; <name> is namespace:name for a worker in a namespace
    workers/<name>/versions/<number>/version.json
    workers/<name>/versions/<number>/modules/…  as they were uploaded
    secrets.sealed                              only where it was asked for: openable with the key that was shown
    SHA256SUMS                                  of all of the above, for `sha256sum -c`
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.utils import timezone

from tenants import bindings as environment
from tenants import blobs
from tenants.errors import BlobMissing, SecretUnreadable
from tenants.models import ApiToken, AuditEvent, Deployment, Domain, Membership, Namespace, Tenant, Version, Worker

FORMAT = "hostel tenant export 1"
SECRETS = "secrets.sealed"
_MAGIC, _NONCE = b"HX1", 12
_SECRET_COLUMNS = frozenset({"digest", "secret", "earlier_secret", "sealed"})
# Written in a place of their own, of no use without this installation, or (records of invocations) read through the API as text.
_ELSEWHERE = frozenset(
    {
        *("tenants.Membership", "tenants.ApiToken", "tenants.Domain", "tenants.Namespace", "tenants.AuditEvent", "tenants.DataKey"),
        *("tenants.Worker", "tenants.Version", "tenants.VersionImage", "tenants.Deployment"),
        *("telemetry.Chunk", "telemetry.Rollup", "telemetry.Tail"),
    }
)


@dataclass(slots=True)
class Exported:
    """What an archive holds. `secrets_key` opens its secrets and is stored nowhere."""

    workers: int = 0
    versions: int = 0
    modules: int = 0
    bytes: int = 0
    # Modules whose content the store has lost: the version's description names them, their content is not there.
    missing: list[str] = field(default_factory=list)
    secrets_key: str | None = field(default=None, repr=False)


def tenant_export(*, tenant: Tenant, file: BinaryIO, with_secrets: bool = False) -> Exported:
    """Write the archive (tar) to `file`. With secrets, raises `SecretUnreadable` where one cannot be opened."""
    found = Exported()
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        archive = _Archive(tar)
        archive.json("export.json", {"format": FORMAT, "created": timezone.now(), "tenant": tenant.slug, "account_id": tenant.account_id})
        archive.json("tenant.json", _tenant(tenant))
        archive.add("audit.jsonl", _audit(tenant))
        for label, rows in _others(tenant):
            archive.add(f"rows/{label}.jsonl", rows)
        namespaces = Namespace.objects.filter(tenant=tenant).order_by("name")
        archive.json("namespaces.json", [{**_fields(one), "bindings": environment.shown(one.bindings)} for one in namespaces])
        opened: dict[str, dict[str, dict[str, str]]] = {}
        for one in namespaces if with_secrets else ():
            if own := _opened(tenant, one.bindings):
                opened[f"{one.name}:"] = {"environment": own}
        for worker in Worker.objects.filter(tenant=tenant).select_related("namespace").order_by("namespace__name", "name"):
            found.workers += 1
            archive.json(f"workers/{worker.qualified_name}/worker.json", _worker(worker))
            for version in Version.objects.filter(worker=worker).order_by("number").iterator(chunk_size=20):
                found.versions += 1
                _version(archive, worker, version, found)
                if with_secrets and version.has_secrets:
                    opened.setdefault(worker.qualified_name, {})[str(version.number)] = _opened(tenant, version.bindings)
        if with_secrets:
            found.secrets_key = secrets.token_urlsafe(32)
            archive.add(SECRETS, _sealed(json.dumps(opened).encode(), found.secrets_key))
        archive.close()
        found.bytes = archive.bytes
    return found


def secrets_unseal(*, sealed: bytes, key: str) -> Any:
    """What `secrets.sealed` holds: worker -> version -> name -> secret; `namespace:` -> "environment" -> … for an environment's own.

    Raises `SecretUnreadable` for another key or a changed file.
    """
    start = len(_MAGIC) + _NONCE
    if not sealed.startswith(_MAGIC) or len(sealed) < start:
        raise SecretUnreadable("This is no file of exported secrets.")
    try:
        plain = AESGCM(_key(key)).decrypt(sealed[len(_MAGIC) : start], sealed[start:], FORMAT.encode())
    except InvalidTag:
        raise SecretUnreadable("The key is not this export's, or the file was changed.") from None
    return json.loads(plain)


class _Archive:
    """A tar that remembers what was put into it."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._sums: list[str] = []
        self.bytes = 0

    def json(self, name: str, value: Any) -> None:
        self.add(name, json.dumps(value, indent=2, default=str).encode() + b"\n")

    def add(self, name: str, data: bytes) -> None:
        self._sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
        self._write(name, data)

    def close(self) -> None:
        self._write("SHA256SUMS", "".join(self._sums).encode())

    def _write(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(data), 0o600, int(timezone.now().timestamp())
        self._tar.addfile(member, io.BytesIO(data))
        self.bytes += len(data)


def _tenant(tenant: Tenant) -> dict[str, Any]:
    members = Membership.objects.filter(tenant=tenant).select_related("user").order_by("pk")
    tokens = ApiToken.objects.filter(tenant=tenant).order_by("created")
    return {
        **_fields(tenant),
        "members": [{"email": member.user.email, "role": member.role, "since": member.created} for member in members],
        "tokens": [_fields(token) for token in tokens],
        "domains": [
            {"hostname": domain.hostname, "worker": domain.worker.name, "created": domain.created}
            for domain in Domain.objects.filter(tenant=tenant).select_related("worker").order_by("hostname")
        ],
    }


def _worker(worker: Worker) -> dict[str, Any]:
    deployments = Deployment.objects.filter(worker=worker).order_by("pk").prefetch_related("entries")
    return {
        **_fields(worker),
        "deployments": [
            {**_fields(row), "versions": [{"version": str(one.version_id), "weight": one.weight} for one in row.entries.all()]}
            for row in deployments
        ],
    }


def _version(archive: _Archive, worker: Worker, version: Version, found: Exported) -> None:
    place = f"workers/{worker.qualified_name}/versions/{version.number:04}"
    described = {**_fields(version), "bindings": environment.shown(version.bindings)}
    archive.json(f"{place}/version.json", described)
    for module in version.modules:
        found.modules += 1
        try:
            content = blobs.store().get(module["sha256"])
        except BlobMissing:
            found.missing.append(f"{place}/modules/{module['name']}")
            continue
        # A module's name is relative and cannot climb out: it was checked when it was uploaded (sandbox.bundle).
        archive.add(f"{place}/modules/{module['name']}", content)


def _opened(tenant: Tenant, bindings: Sequence[environment.Binding]) -> dict[str, str]:
    """The secrets among stored bindings, by name."""
    described = environment.descriptors(bindings, tenant=tenant, version_id="", tag="", created="")
    return {binding["name"]: binding["text"] for binding in described if binding["type"] in environment.SECRET_TYPES}


def _audit(tenant: Tenant) -> bytes:
    events = AuditEvent.objects.filter(tenant=tenant).order_by("pk")
    return b"".join(json.dumps(_fields(event), default=str).encode() + b"\n" for event in _each(events))


def _others(tenant: Tenant) -> Iterator[tuple[str, bytes]]:
    """Tables that are the tenant's and stand nowhere else in the archive: `app.Model` and its rows, those without any left out."""
    for model in apps.get_models():
        meta = model._meta  # noqa: SLF001 - Django's documented name
        key = next((field.name for field in meta.concrete_fields if field.related_model is Tenant), None)
        if key is None or meta.label in _ELSEWHERE:
            continue
        rows = model._base_manager.filter(**{key: tenant}).order_by("pk")  # noqa: SLF001
        if lines := b"".join(json.dumps(_fields(row), default=str).encode() + b"\n" for row in _each(rows)):
            yield meta.label, lines


def _each(rows: Any) -> Iterator[Any]:
    yield from rows.iterator(chunk_size=500)


def _fields(row: Any) -> dict[str, Any]:
    """Every column of a row that is no secret."""
    columns = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}  # noqa: SLF001 - Django's documented name
    return {name: value for name, value in columns.items() if name not in _SECRET_COLUMNS}


def _sealed(plain: bytes, key: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return _MAGIC + nonce + AESGCM(_key(key)).encrypt(nonce, plain, FORMAT.encode())


def _key(text: str) -> bytes:
    """256 random bits were put into the text: a fast hash of it is a key."""
    return hashlib.sha256(text.encode()).digest()
