"""Who belongs to a tenant, and as what.

Owns the two rules about owners: only an owner makes and unmakes owners, and the last one stays. Whether the caller is one (`may_own`) is
for the caller's access to say.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from tenants.actor import Actor
from tenants.errors import FieldInvalid, LastOwner, MemberAlready, MemberNotFound, TokenScopeMissing
from tenants.models import ApiToken, Invitation, Membership, Tenant, User
from tenants.roles import Role, Scope
from tenants.services.support import audit, check_revision, tenant_lock


@transaction.atomic
def member_add(*, tenant: Tenant, user: User, role: str, actor: Actor) -> Membership:
    """Let a person in. Raises `MemberAlready` or `FieldInvalid`."""
    check_role(role)
    tenant = tenant_lock(tenant)
    if Membership.objects.filter(tenant=tenant, user=user).exists():
        raise MemberAlready
    member = Membership.objects.create(tenant=tenant, user=user, role=role)
    audit(tenant=tenant, actor=actor, action="member_add", target=user.email, role=role)
    return member


@transaction.atomic
def member_role_set(*, tenant: Tenant, member_id: int, role: str, may_own: bool, expected: int | None = None, actor: Actor) -> Membership:
    """Give a member another role.

    Raises `MemberNotFound`, `FieldInvalid`, `LastOwner`, `TokenScopeMissing` (owners are owners' business), or `ChangedMeanwhile` unless
    the member's revision is `expected`.
    """
    check_role(role)
    tenant = tenant_lock(tenant)
    member = _member(tenant, member_id)
    check_revision(member.revision, expected)
    _check_owners(member, may_own=may_own or Role.OWNER not in {role, member.role}, stays=role == Role.OWNER)
    before, member.role = member.role, role
    member.revision += 1
    member.save(update_fields=["role", "revision"])
    audit(tenant=tenant, actor=actor, action="member_role_set", target=member.user.email, before={"role": before}, after={"role": role})
    return member


@transaction.atomic
def member_remove(*, tenant: Tenant, member_id: int, may_own: bool, expected: int | None = None, actor: Actor) -> None:
    """End a membership. The person's tokens in the tenant and the invitations they have sent end with it.

    Raises as `member_role_set`.
    """
    tenant = tenant_lock(tenant)
    member = _member(tenant, member_id)
    check_revision(member.revision, expected)
    _check_owners(member, may_own=may_own or member.role != Role.OWNER, stays=False)
    _end(tenant, member, actor=actor, action="member_remove")


@transaction.atomic
def tenant_leave(*, tenant: Tenant, user: User, actor: Actor) -> None:
    """End one's own membership; whoever is the last owner cannot. Raises `MemberNotFound` or `LastOwner`."""
    tenant = tenant_lock(tenant)
    member = Membership.objects.select_related("user").filter(tenant=tenant, user=user).first()
    if member is None:
        raise MemberNotFound
    _check_owners(member, may_own=True, stays=False)
    _end(tenant, member, actor=actor, action="tenant_leave")


def check_role(role: str) -> None:
    """Raise `FieldInvalid` for a word that is no role."""
    if role not in Role.values:
        raise FieldInvalid(f"The role must be one of {', '.join(Role.values)}.", field="role")


def _member(tenant: Tenant, member_id: int) -> Membership:
    member = Membership.objects.select_related("user").filter(tenant=tenant, pk=member_id).first()
    if member is None:
        raise MemberNotFound
    return member


def _check_owners(member: Membership, *, may_own: bool, stays: bool) -> None:
    """The two rules, for a change after which the member is an owner (`stays`) or not. The tenant is locked."""
    if not may_own:
        raise TokenScopeMissing("Only an owner makes and unmakes owners.", scope=Scope.TENANT_OWN.value)
    others = Membership.objects.filter(tenant=member.tenant_id, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and not stays and not others.exists():
        raise LastOwner


def _end(tenant: Tenant, member: Membership, *, actor: Actor, action: str) -> None:
    now = timezone.now()
    tokens = ApiToken.objects.filter(tenant=tenant, user=member.user, revoked_at=None).update(revoked_at=now)
    sent = Invitation.objects.filter(tenant=tenant, invited_by=member.user, accepted_at=None, revoked_at=None).update(revoked_at=now)
    member.delete()
    audit(tenant=tenant, actor=actor, action=action, target=member.user.email, role=member.role, tokens=tokens, invitations=sent)
