"""Tokens that programs act with, and the record of what was done."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants.errors import TokenScopeMissing
from tenants.fields import JSONText
from tenants.models.tenant import Tenant


class ApiToken(models.Model):
    """A bearer token of one tenant (or, without one, of an operator). Only the SHA-256 of its 256-bit secret is stored."""

    class Scope(models.TextChoices):
        """What a token may do; a `…:write` scope includes the `…:read` one."""

        WORKERS_READ = "workers:read"
        WORKERS_WRITE = "workers:write"
        TENANT_READ = "tenant:read"
        TENANT_WRITE = "tenant:write"
        # Everything an operator may do; only tokens without a tenant can have it.
        OPERATOR = "operator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="tokens", null=True, blank=True)
    # On whose behalf it acts, where that is a person.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens", null=True, blank=True)
    name = models.CharField(max_length=200)
    # The first characters of the token, to tell one from another.
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = JSONText(default=list)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        """Its shown part."""
        return f"{self.prefix}…"

    def allows(self, scope: str) -> bool:
        """Whether the token may do what `scope` stands for."""
        held = set(self.scopes)
        return scope in held or (scope.endswith(":read") and scope.removesuffix("read") + "write" in held)

    def require(self, scope: str) -> None:
        """Raise `TokenScopeMissing` (naming the scope) unless the token may."""
        if not self.allows(scope):
            raise TokenScopeMissing(f"The token needs the scope {scope!r}.", scope=scope)


class RateCount(models.Model):
    """How often something was done in one period: `key` says what, and when the period began."""

    key = models.CharField(max_length=200, unique=True)
    count = models.PositiveIntegerField()
    # Seconds since 1970: of no use after this.
    expires_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        """What, and how often."""
        return f"{self.key}: {self.count}"


class AuditEvent(models.Model):
    """One thing that was done: by whom, to what. Rows are only ever added."""

    tenant = models.ForeignKey(Tenant, on_delete=models.SET_NULL, related_name="audit_events", null=True)
    # "user:3", "token:<uuid>" or "system"; the address is kept beside it because users can go.
    actor = models.CharField(max_length=80)
    actor_email = models.CharField(max_length=254, blank=True)
    # As the service that did it: "deployment_create".
    action = models.CharField(max_length=60)
    # Name or id of what it was done to.
    target = models.CharField(max_length=200, blank=True)
    # Facts that say what changed; never a secret.
    data = JSONText(default=dict)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Read by tenant, newest first."""

        indexes = (models.Index(fields=["tenant", "-id"], name="audit_by_tenant"),)

    def __str__(self) -> str:
        """Who did what."""
        return f"{self.actor} {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; a row that exists cannot be changed."""
        if not self._state.adding:
            raise TypeError("Audit events are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: the record stays."""
        raise TypeError("Audit events are never deleted.")
