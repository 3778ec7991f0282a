"""Signed overrides of a version: who made which, and until when.

Owns the making, with its audit event. The token itself is kept nowhere (`tenants.overrides`).
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from tenants import overrides
from tenants.actor import Actor
from tenants.errors import FieldInvalid, VersionNotFound
from tenants.models import Tenant, Version
from tenants.services.support import audit, require_active, tenant_lock, worker_of

SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class SignedOverride:
    """A token, the header it is sent in, and when it ends."""

    token: str
    ends: datetime
    header: str = overrides.HEADER


@transaction.atomic
def version_override_create(
    *, tenant: Tenant, worker_name: str, version_id: uuid.UUID, actor: Actor, seconds: int = SECONDS
) -> SignedOverride:
    """A token that leads whoever sends it to this version.

    Raises `WorkerNotFound`, `VersionNotFound`, `FieldInvalid` or `TenantSuspended`.
    """
    if not overrides.LEAST_SECONDS <= seconds <= overrides.MOST_SECONDS:
        raise FieldInvalid(
            f"An override lasts {overrides.LEAST_SECONDS} to {overrides.MOST_SECONDS} seconds.",
            field="seconds",
            limit=overrides.MOST_SECONDS,
        )
    require_active(tenant)
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    if not Version.objects.filter(worker=worker, pk=version_id).exists():
        raise VersionNotFound
    ends = int(time.time()) + seconds
    token = overrides.made(overrides.Override(worker.tag, str(version_id), ends))
    moment = datetime.fromtimestamp(ends, UTC)
    audit(
        tenant=tenant, actor=actor, action="version_override_create", target=worker_name, version=str(version_id), ends=moment.isoformat()
    )
    return SignedOverride(token, moment)
