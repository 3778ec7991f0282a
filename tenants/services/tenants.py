"""Tenants and people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.definitions import checked
from tenants.errors import FieldInvalid, NameTaken, QuotaExceeded
from tenants.models import Membership, Tenant, User
from tenants.names import check_email, check_tenant_slug, check_text
from tenants.services.support import audit, check_revision, require_active, tenant_lock

NAME_CHARACTERS, REASON_CHARACTERS = 200, 500
_ACCOUNT = re.compile(r"[0-9a-f]{32}")


@transaction.atomic
def tenant_create(
    *,
    slug: str,
    name: str = "",
    account_id: str | None = None,
    owner: User | None = None,
    limits: Mapping[str, Any] | None = None,
    actor: Actor,
) -> Tenant:
    """A new tenant, owned by `owner` if given. Raises `TenantNameInvalid`, `FieldInvalid`, `NameTaken` or `LimitInvalid`."""
    check_tenant_slug(slug)
    if account_id is not None and not _ACCOUNT.fullmatch(account_id):
        raise FieldInvalid("An account id must be 32 lower-case hex digits.", field="account_id")
    check_text(name, field="name", limit=NAME_CHARACTERS)
    limits = checked(limits or {}, level="tenant")
    if Tenant.objects.filter(slug=slug).exists():
        raise NameTaken(f"There is a tenant called {slug!r}.", field="slug")
    if account_id is not None and Tenant.objects.filter(account_id=account_id).exists():
        raise NameTaken("There is a tenant with this account id.", field="account_id")
    tenant = Tenant(slug=slug, name=name or slug, limits=limits, **({"account_id": account_id} if account_id else {}))
    try:
        with transaction.atomic():
            tenant.save()
    except IntegrityError:
        # Somebody was faster by less than the look above.
        raise NameTaken(f"There is a tenant called {slug!r}.", field="slug") from None
    if owner is not None:
        Membership.objects.create(tenant=tenant, user=owner, role=Membership.Role.OWNER)
    audit(tenant=tenant, actor=actor, action="tenant_create", target=slug)
    epoch.bump(reason=f"tenant {slug}")
    return tenant


@transaction.atomic
def tenant_found(*, slug: str, name: str = "", user: User, actor: Actor) -> Tenant:
    """A new tenant that a person makes for themselves, and owns.

    Raises as `tenant_create`, and `QuotaExceeded` past `HOSTEL_MAX_TENANTS_PER_PERSON`.
    """
    # One at a time for each person, or two requests at once would both find room.
    User.objects.select_for_update().get(pk=user.pk)
    most = settings.HOSTEL.max_tenants_per_person
    if Membership.objects.filter(user=user, role=Membership.Role.OWNER).count() >= most:
        raise QuotaExceeded(f"A person may own {most} tenants.", limit=most)
    return tenant_create(slug=slug, name=name, owner=user, actor=actor)


@transaction.atomic
def tenant_rename(*, tenant: Tenant, name: str, expected: int | None = None, actor: Actor) -> Tenant:
    """Change the name that people see (the slug stays). Raises `FieldInvalid`, or `ChangedMeanwhile` unless the revision is `expected`."""
    check_text(name, field="name", limit=NAME_CHARACTERS, least=1)
    row = tenant_lock(tenant)
    check_revision(row.revision, expected)
    before, row.name = row.name, name
    row.revision += 1
    row.save(update_fields=["name", "revision"])
    audit(tenant=row, actor=actor, action="tenant_rename", target=row.slug, before={"name": before}, after={"name": name})
    return row


@transaction.atomic
def tenant_suspend(*, tenant: Tenant, reason: str, actor: Actor) -> None:
    """Stop serving and changing the tenant's workers, for a reason the tenant is told. Suspending twice keeps the first time."""
    check_text(reason, field="reason", limit=REASON_CHARACTERS)
    row = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    row.suspended_at, row.suspended_reason = row.suspended_at or timezone.now(), reason
    row.save(update_fields=["suspended_at", "suspended_reason"])
    audit(tenant=tenant, actor=actor, action="tenant_suspend", target=tenant.slug, reason=reason)
    epoch.bump(reason=f"tenant {tenant.slug}")


@transaction.atomic
def tenant_resume(*, tenant: Tenant, actor: Actor) -> None:
    """Undo a suspension; also one that was the beginning of a deletion, which is called off."""
    Tenant.objects.filter(pk=tenant.pk).update(suspended_at=None, suspended_reason="", erase_after=None)
    audit(tenant=tenant, actor=actor, action="tenant_resume", target=tenant.slug)
    epoch.bump(reason=f"tenant {tenant.slug}")


@transaction.atomic
def tenant_look(*, tenant: Tenant, reason: str, seconds: int, actor: Actor) -> None:
    """Note that an operator looks at the tenant as its members do, read-only, for so long. The tenant finds it in its own audit log."""
    check_text(reason, field="reason", limit=REASON_CHARACTERS, least=1)
    audit(tenant=tenant, actor=actor, action="tenant_look", target=tenant.slug, reason=reason, seconds=seconds)


@transaction.atomic
def tenant_limits_set(
    *, tenant: Tenant, limits: Mapping[str, Any], expected: int | None = None, active_only: bool = False, actor: Actor
) -> Tenant:
    """Replace what the tenant has set for itself, which only ever lowers.

    Raises `LimitInvalid` naming the field, `ChangedMeanwhile` unless the tenant's revision is `expected`, and, if `active_only`,
    `TenantSuspended`.
    """
    limits = checked(limits, level="tenant")
    row = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    if active_only:
        require_active(row)
    check_revision(row.revision, expected)
    before, row.limits = row.limits, dict(limits)
    row.revision += 1
    row.save(update_fields=["limits", "revision"])
    audit(tenant=tenant, actor=actor, action="tenant_limits_set", target=tenant.slug, before=before, after=row.limits)
    epoch.bump(reason=f"tenant {tenant.slug}")
    return row


@transaction.atomic
def user_create(*, email: str, password: str | None, name: str = "", operator: bool = False, actor: Actor) -> User:
    """A person who can log in; `operator` opens the admin. Raises `NameTaken` or `FieldInvalid`."""
    email = check_email(email)
    check_text(name, field="name", limit=NAME_CHARACTERS)
    if User.objects.filter(email=email).exists():
        raise NameTaken("There is a user with this address.", field="email")
    make = User.objects.create_superuser if operator else User.objects.create_user
    try:
        user = make(email, password, name=name)
    except ValidationError as error:
        raise _field_invalid(error) from None
    audit(tenant=None, actor=actor, action="user_create", target=user.email, operator=operator)
    return user


def _field_invalid(error: ValidationError) -> FieldInvalid:
    field, messages = next(iter(error.message_dict.items()))
    return FieldInvalid(f"{field}: {' '.join(messages)}", field=field)
