"""Who belongs where, and who has been invited."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from tenants.errors import InvitationNotFound, MemberNotFound, TenantNotFound
from tenants.models import Invitation, Membership, Tenant, User


def membership_of(*, user: User, slug: str) -> Membership:
    """The person's membership of the tenant of that name, with tenant and user; raises `TenantNotFound`, also where the tenant exists."""
    found = Membership.objects.select_related("tenant", "user").filter(user=user, tenant__slug=slug).first() if "\0" not in slug else None
    if found is None:
        raise TenantNotFound
    return found


def memberships_of_user(*, user: User) -> QuerySet[Membership]:
    """All of a person's memberships with their tenants, by slug."""
    return Membership.objects.select_related("tenant").filter(user=user).order_by("tenant__slug")


def member_list(*, tenant: Tenant) -> QuerySet[Membership]:
    """The tenant's members with their people, by address."""
    return Membership.objects.select_related("user").filter(tenant=tenant).order_by("user__email")


def member_get(*, tenant: Tenant, member_id: int) -> Membership:
    """One of the tenant's members; raises `MemberNotFound`."""
    found = member_list(tenant=tenant).filter(pk=member_id).first()
    if found is None:
        raise MemberNotFound
    return found


def invitation_list(*, tenant: Tenant) -> QuerySet[Invitation]:
    """The tenant's invitations, newest first, those that were used or taken back included."""
    return Invitation.objects.select_related("invited_by", "accepted_by").filter(tenant=tenant).order_by("-created")


def invitation_get(*, tenant: Tenant, invitation_id: uuid.UUID) -> Invitation:
    """One of the tenant's invitations; raises `InvitationNotFound`."""
    found = invitation_list(tenant=tenant).filter(pk=invitation_id).first()
    if found is None:
        raise InvitationNotFound
    return found
