"""A tenant and who belongs to it."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.roles import Role


def new_hex() -> str:
    """32 random hex digits, the shape of Cloudflare's ids."""
    return secrets.token_hex(16)


class Tenant(models.Model):
    """Whoever owns workers. `account_id` is the same thing in Cloudflare's API; `slug` is a label of every worker's host name."""

    slug = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=200, blank=True)
    account_id = models.CharField(max_length=32, unique=True, default=new_hex)
    # None follows whichever plan is the default one.
    plan = models.ForeignKey("tenants.Plan", on_delete=models.PROTECT, related_name="tenants", null=True, blank=True)
    # What the tenant has set for itself, by name (tenants.definitions); it only ever lowers what the plan and the operator grant.
    limits = JSONText(default=dict, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=500, blank=True)
    # Grows by one with every change that people make, so that one who changes an older state can be told.
    revision = models.PositiveIntegerField(default=1, db_default=1)
    # Its deletion was asked for: everything of it is erased after this (tenants.services.deletion).
    erase_after = models.DateTimeField(null=True, blank=True, db_index=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    # Not a column: the only workers that whoever acts through this object may see; None for all. Set where the caller becomes known,
    # obeyed by everything that looks for a worker.
    only_workers: frozenset[str] | None = None

    def __str__(self) -> str:
        """The slug."""
        return self.slug

    def shows(self, worker_name: str) -> bool:
        """Whether whoever acts through this object may see the worker of that name."""
        return self.only_workers is None or worker_name in self.only_workers


class Membership(models.Model):
    """That a person belongs to a tenant, and what they may do there."""

    # What each role may do: tenants.roles.
    Role = Role

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.DEVELOPER)
    # Grows by one with every change.
    revision = models.PositiveIntegerField(default=1, db_default=1)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A person is in a tenant once."""

        constraints = (models.UniqueConstraint(fields=["tenant", "user"], name="membership_once"),)

    def __str__(self) -> str:
        """Who, as what, where."""
        return f"{self.user_id} {self.role} of {self.tenant_id}"
