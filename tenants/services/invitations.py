"""Invitations: a link that makes whoever follows it a member, once.

The secret in the link has 256 bits and is stored as its SHA-256 only. Whether a person has verified an address is not known here: callers
say which addresses are (`verified`).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from tenants.actor import Actor
from tenants.errors import FieldInvalid, InvitationForAnother, InvitationNotFound, QuotaExceeded, TokenScopeMissing
from tenants.models import Invitation, Membership, Tenant, User
from tenants.names import check_email
from tenants.roles import Role, Scope
from tenants.services.members import check_role, member_add
from tenants.services.support import audit, require_active, tenant_lock

# Open at once, in one tenant.
OPEN_COUNT = 100
HOURS_DEFAULT, HOURS_MAX = 7 * 24, 30 * 24
_SECRET = re.compile(r"[0-9A-Za-z_-]{43}")


@transaction.atomic
def invitation_create(
    *,
    tenant: Tenant,
    role: str,
    email: str = "",
    hours: int = HOURS_DEFAULT,
    invited_by: User | None = None,
    may_own: bool,
    actor: Actor,
) -> tuple[Invitation, str]:
    """A new invitation, and the secret of its link, which cannot be shown again.

    With `email`, only a person who has verified that address may accept. Raises `FieldInvalid`, `QuotaExceeded`, or `TokenScopeMissing`
    where somebody who is no owner invites one.
    """
    check_role(role)
    if role == Role.OWNER and not may_own:
        raise TokenScopeMissing("Only an owner makes owners.", scope=Scope.TENANT_OWN.value)
    if not 1 <= hours <= HOURS_MAX:
        raise FieldInvalid(f"An invitation is good for 1 to {HOURS_MAX} hours.", field="hours", limit=HOURS_MAX)
    address = check_email(email) if email else ""
    tenant = tenant_lock(tenant)
    if Invitation.objects.filter(tenant=tenant, **_open()).count() >= OPEN_COUNT:
        raise QuotaExceeded(f"A tenant may have {OPEN_COUNT} open invitations.", limit=OPEN_COUNT)
    secret = secrets.token_urlsafe(32)
    row = Invitation.objects.create(
        tenant=tenant,
        role=role,
        email=address,
        digest=_digest(secret),
        invited_by=invited_by,
        expires_at=timezone.now() + timedelta(hours=hours),
    )
    audit(tenant=tenant, actor=actor, action="invitation_create", target=address, invitation=str(row.pk), role=role)
    return row, secret


@transaction.atomic
def invitation_revoke(*, tenant: Tenant, invitation_id: uuid.UUID, actor: Actor) -> None:
    """Take an open invitation back; repeatable. Raises `InvitationNotFound` (also for one that was accepted)."""
    tenant = tenant_lock(tenant)
    row = Invitation.objects.filter(tenant=tenant, pk=invitation_id, accepted_at=None).first()
    if row is None:
        raise InvitationNotFound
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit(tenant=tenant, actor=actor, action="invitation_revoke", target=row.email, invitation=str(row.pk))


def invitation_find(*, secret: str) -> Invitation:
    """The open invitation of a link, with its tenant; raises `InvitationNotFound` for every other secret."""
    row = (
        Invitation.objects.select_related("tenant").filter(digest=_digest(secret), **_open()).first() if _SECRET.fullmatch(secret) else None
    )
    if row is None:
        raise InvitationNotFound
    return row


@transaction.atomic
def invitation_accept(*, secret: str, user: User, verified: Collection[str], actor: Actor) -> Membership:
    """Make `user` a member; the invitation is used up.

    Raises `InvitationNotFound`, `InvitationForAnother`, `MemberAlready` (which leaves the invitation open) or `TenantSuspended`.
    """
    row = invitation_find(secret=secret)
    require_active(row.tenant)
    if row.email and row.email not in {address.lower() for address in verified}:
        raise InvitationForAnother
    tenant = tenant_lock(row.tenant)
    # Under the tenant's lock, and only if it is still open: of two people at once, one comes in.
    if not Invitation.objects.filter(pk=row.pk, **_open()).update(accepted_at=timezone.now(), accepted_by=user):
        raise InvitationNotFound
    member = member_add(tenant=tenant, user=user, role=row.role, actor=actor)
    audit(tenant=tenant, actor=actor, action="invitation_accept", target=user.email, invitation=str(row.pk), role=row.role)
    return member


def _open() -> dict[str, object]:
    return {"accepted_at": None, "revoked_at": None, "expires_at__gt": timezone.now()}


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
