"""Secrets of a worker, as far as they may be seen: names, and since which version each has the value it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tenants.bindings import SECRET_TYPES
from tenants.models import Tenant, Version, Worker

# How far back a value is followed; one that is older is said to be as old as the oldest version looked at.
VERSIONS = 100


@dataclass(frozen=True, slots=True)
class SecretShown:
    """A secret of the newest version, the version that brought its present value, and every version that has it (ids)."""

    name: str
    type: str
    since_version: int
    modified: datetime
    versions: tuple[str, ...]


def secret_list(*, tenant: Tenant, worker: Worker) -> list[SecretShown]:
    """The newest version's secrets by name. Values are told apart by their keyed digests; nothing is opened."""
    newest_first = Version.objects.filter(tenant=tenant, worker=worker).order_by("-number")
    versions = list(newest_first.only("pk", "number", "created", "bindings")[:VERSIONS])
    found = [binding for binding in versions[0].bindings if binding["type"] in SECRET_TYPES] if versions else []
    return sorted((_shown(binding, versions) for binding in found), key=lambda one: one.name)


def _shown(binding: dict[str, str], versions: list[Version]) -> SecretShown:
    having: list[Version] = []
    for version in versions:
        same = any(other["name"] == binding["name"] and other.get("digest") == binding["digest"] for other in version.bindings)
        if not same:
            break
        having.append(version)
    first = having[-1]
    return SecretShown(binding["name"], binding["type"], first.number, first.created, tuple(str(version.pk) for version in having))
