"""Overrides of limits: an operator's exception for a tenant or a worker, with a reason and, mostly, an end.

Owns their rules: what can be overridden for whom, and that nothing passes the platform's own value. One that has ended counts for nothing
(tenants.limits asks the clock), so nothing has to happen at that moment; its row stays to be seen until it is replaced or cleared.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.definitions import DEFINITIONS
from tenants.errors import FieldInvalid, LimitInvalid, OverrideNotFound, TenantNotFound
from tenants.limits import lower
from tenants.models import LimitOverride, Tenant, Worker
from tenants.names import check_text
from tenants.services.support import AUTHOR_CHARACTERS, audit, worker_of

REASON_CHARACTERS = 500
# What lasts longer is no exception.
LONGEST = timedelta(days=3_660)


@transaction.atomic
def override_set(
    *,
    tenant: Tenant,
    name: str,
    value: int,
    reason: str,
    actor: Actor,
    worker_name: str | None = None,
    expires_at: datetime | None = None,
) -> LimitOverride:
    """Let `value` stand in the place of what the plan says (of the tenant, or of one worker), until `expires_at` where that is given.

    Replaces an earlier override of the same limit. Raises `LimitInvalid`, `FieldInvalid` or `WorkerNotFound`.
    """
    _lock(tenant)
    row = override_make(tenant=tenant, name=name, value=value, reason=reason, actor=actor, worker_name=worker_name, expires_at=expires_at)
    earlier = _earlier(tenant, row.worker, name)
    before = shown(earlier) if earlier is not None else None
    if earlier is not None:
        earlier.delete()
    row.save()
    audit(tenant=tenant, actor=actor, action="override_set", target=_target(tenant, row), before=before, after=shown(row), reason=reason)
    epoch.bump(reason=f"tenant {tenant.slug}")
    return row


@transaction.atomic
def override_clear(*, tenant: Tenant, name: str, actor: Actor, worker_name: str | None = None) -> None:
    """Take an override back; raises `OverrideNotFound` or `WorkerNotFound`."""
    _lock(tenant)
    row = override_get(tenant=tenant, name=name, worker_name=worker_name)
    before, target = shown(row), _target(tenant, row)
    row.delete()
    audit(tenant=tenant, actor=actor, action="override_clear", target=target, before=before)
    epoch.bump(reason=f"tenant {tenant.slug}")


def override_make(
    *, tenant: Tenant, name: str, value: Any, reason: str, actor: Actor, worker_name: str | None = None, expires_at: datetime | None = None
) -> LimitOverride:
    """The row, checked and not saved; raises as `override_set`."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise LimitInvalid(f"There is no limit called {name[:80]!r}.", field="name")
    if worker_name is not None and not definition.per_worker:
        raise LimitInvalid(f"{name} is counted for the tenant: it cannot be overridden for a worker.", field="name")
    definition.check(value, field="value")
    ceiling = settings.HOSTEL.platform_values[name]
    if lower(ceiling, value):
        raise LimitInvalid(f"{name} can be raised to the platform's {ceiling}, and no further.", field="value", limit=ceiling)
    check_text(reason, field="reason", limit=REASON_CHARACTERS, least=1)
    now = timezone.now()
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise FieldInvalid(f"An override must end in the future, within {LONGEST.days} days.", field="expires_at", limit=LONGEST.days)
    worker = worker_of(tenant, worker_name) if worker_name is not None else None
    author = (actor.email or str(actor))[:AUTHOR_CHARACTERS]
    return LimitOverride(tenant=tenant, worker=worker, name=name, value=value, reason=reason, author=author, expires_at=expires_at)


def override_get(*, tenant: Tenant, name: str, worker_name: str | None = None) -> LimitOverride:
    """The override of one limit, expired or not; raises `OverrideNotFound` or `WorkerNotFound`."""
    worker = worker_of(tenant, worker_name) if worker_name is not None else None
    row = _earlier(tenant, worker, name)
    if row is None:
        raise OverrideNotFound
    return row


def shown(row: LimitOverride) -> dict[str, Any]:
    """As events have it."""
    return {
        "value": row.value,
        "reason": row.reason,
        "author": row.author,
        "expires_at": row.expires_at.isoformat() if row.expires_at is not None else None,
    }


def _lock(tenant: Tenant) -> None:
    # Of a suspended one, too: that is when an operator may have to.
    if not Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).exists():
        raise TenantNotFound


def _earlier(tenant: Tenant, worker: Worker | None, name: str) -> LimitOverride | None:
    return LimitOverride.objects.select_related("worker").filter(tenant=tenant, worker=worker, name=name[:80].replace("\0", "")).first()


def _target(tenant: Tenant, row: LimitOverride) -> str:
    owner = row.worker.qualified_name if row.worker is not None else tenant.slug
    return f"{owner} {row.name}"
