"""Tokens that programs act with, invitations of people, and counts of what both do."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant
from tenants.roles import Role, Scope, expanded, role_scopes


class ApiToken(models.Model):
    """A token of one tenant (or, without one, of an operator). Only the SHA-256 of its 256-bit secret is stored."""

    # What a token may hold: tenants.roles says what each scope allows.
    Scope = Scope

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="tokens", null=True, blank=True)
    # On whose behalf it acts, where that is a person.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens", null=True, blank=True)
    name = models.CharField(max_length=200)
    # The first characters of the token, to tell one from another.
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = JSONText(default=list)
    # Names of the only workers it may see, whether there are such workers (yet) or not; null for all of the tenant's.
    workers = JSONText(null=True, blank=True, default=None)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    # Not a column: the role that the token's person has in the tenant now, set by whoever authenticates. It bounds what the scopes give.
    role: str | None = None

    def __str__(self) -> str:
        """Its shown part."""
        return f"{self.prefix}…"

    def held(self) -> frozenset[str]:
        """Everything the token may do now: its scopes, as far as the role of its person has them."""
        scopes = expanded(self.scopes)
        return scopes if self.role is None else scopes & role_scopes(self.role)


class Invitation(models.Model):
    """An offer to join a tenant, by a link whose 256-bit secret is stored as its SHA-256 only. Good once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Role.choices)
    # Only a person with this (verified) address may accept; empty for whoever has the link.
    email = models.EmailField(blank=True)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    # At most one of the two is set, once.
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True)

    class Meta:
        """Read by tenant, newest first."""

        indexes = (models.Index(fields=["tenant", "-created"], name="invitation_by_tenant"),)

    def __str__(self) -> str:
        """To what, as what."""
        return f"{self.role} of {self.tenant_id}"


class RateCount(models.Model):
    """How often something was done in one period: `key` says what, and when the period began."""

    key = models.CharField(max_length=200, unique=True)
    count = models.PositiveIntegerField()
    # Seconds since 1970: of no use after this.
    expires_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        """What, and how often."""
        return f"{self.key}: {self.count}"
