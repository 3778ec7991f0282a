"""The freeze switch: no rollout starts or goes on, on the platform or of one tenant. What takes a version back is never frozen."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from rollouts.errors import RolloutsFrozen
from rollouts.models import Freeze
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.names import check_text
from tenants.services.support import AUTHOR_CHARACTERS, audit

REASON_CHARACTERS = 500
PLATFORM = "platform"


def scope_of(tenant: Tenant | None) -> str:
    """The name of a freeze's row."""
    return tenant.account_id if tenant is not None else PLATFORM


@transaction.atomic
def freeze_set(*, tenant: Tenant | None, reason: str, actor: Actor) -> Freeze:
    """Freeze rollouts of `tenant`, or of everybody; a second time replaces the reason. Raises `FieldInvalid`."""
    check_text(reason, field="reason", limit=REASON_CHARACTERS, least=1)
    earlier = Freeze.objects.filter(scope=scope_of(tenant)).first()
    row, _ = Freeze.objects.update_or_create(
        scope=scope_of(tenant),
        defaults={"tenant": tenant, "reason": reason, "author": (actor.email or str(actor))[:AUTHOR_CHARACTERS], "created": timezone.now()},
    )
    before = {"frozen": earlier is not None, "reason": earlier.reason if earlier else ""}
    audit(
        tenant=tenant,
        actor=actor,
        action="rollouts_freeze",
        target=tenant.slug if tenant else PLATFORM,
        before=before,
        after={"frozen": True, "reason": reason},
        reason=reason,
    )
    return row


@transaction.atomic
def freeze_lift(*, tenant: Tenant | None, actor: Actor) -> bool:
    """Let rollouts go on; whether they were frozen."""
    row = Freeze.objects.select_for_update().filter(scope=scope_of(tenant)).first()
    if row is None:
        return False
    row.delete()
    audit(
        tenant=tenant,
        actor=actor,
        action="rollouts_unfreeze",
        target=tenant.slug if tenant else PLATFORM,
        before={"frozen": True, "reason": row.reason},
        after={"frozen": False},
    )
    return True


def frozen(tenant: Tenant) -> Freeze | None:
    """What keeps the tenant's rollouts from going on, the platform's freeze first."""
    rows = {row.scope: row for row in Freeze.objects.filter(scope__in=(PLATFORM, tenant.account_id))}
    return rows.get(PLATFORM) or rows.get(tenant.account_id)


def require_thawed(tenant: Tenant) -> None:
    """Raise `RolloutsFrozen` where they are."""
    if row := frozen(tenant):
        whose = "of this tenant are" if row.tenant_id else "are"
        raise RolloutsFrozen(f"Rollouts {whose} frozen: {row.reason}", since=row.created.isoformat())
