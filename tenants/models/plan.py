"""What tenants are granted: plans, the operator's overrides, and the counts of quotas.

Owns the rows. Which of them wins is `tenants.limits`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant
from tenants.models.worker import Worker

WEIGHT_MOST = 100
RETENTION_DAYS_MOST = 400


class Plan(models.Model):
    """What a group of tenants is granted. Defaults are those of the plan that is there before an operator has made any."""

    # Lower-case label; does not change.
    name = models.CharField(max_length=63, unique=True)
    title = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=1000, blank=True)
    # The plan of every tenant that has none of its own.
    is_default = models.BooleanField(default=False)
    # Limits and quotas by name (tenants.definitions); what is not named is the platform's.
    limits = JSONText(default=dict, blank=True)
    # Share of the processor against tenants of other plans, where there is not enough for all.
    cpu_weight = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(WEIGHT_MOST)])
    # How long logs and exceptions are kept; 0 keeps none.
    log_retention_days = models.PositiveSmallIntegerField(default=7, validators=[MaxValueValidator(RETENTION_DAYS_MOST)])
    tail_allowed = models.BooleanField(default=True)
    # Whether workers' fetch() may leave the platform.
    internet_allowed = models.BooleanField(default=True)
    # Whether visitors are told what is left of the request quotas.
    quota_headers = models.BooleanField(default=True)
    # Grows with every change (If-Match).
    revision = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """There is one default plan at the most."""

        constraints = (models.UniqueConstraint(fields=["is_default"], condition=models.Q(is_default=True), name="plan_default_once"),)

    def __str__(self) -> str:
        """The name."""
        return self.name


class LimitOverride(models.Model):
    """An operator's word on a limit of a tenant or of one of its workers: it may raise what the plan says, up to the platform's value."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="limit_overrides")
    # None: the whole tenant.
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="limit_overrides", null=True, blank=True)
    # Of tenants.definitions.
    name = models.CharField(max_length=63)
    value = models.BigIntegerField()
    # Shown to the tenant.
    reason = models.CharField(max_length=500)
    # E-mail address or token's name; shown to operators.
    author = models.CharField(max_length=254)
    created = models.DateTimeField(default=timezone.now)
    # From then on it counts for nothing; the row stays until it is replaced or cleared.
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One for each limit and owner."""

        constraints = (
            models.UniqueConstraint(fields=["tenant", "name"], condition=models.Q(worker=None), name="override_of_tenant_once"),
            models.UniqueConstraint(fields=["worker", "name"], condition=models.Q(worker__isnull=False), name="override_of_worker_once"),
        )

    def __str__(self) -> str:
        """Name and value."""
        return f"{self.name}={self.value}"

    def active(self, now: datetime) -> bool:
        """Whether it counts at `now`."""
        return self.expires_at is None or self.expires_at > now


class QuotaCount(models.Model):
    """How much of a quota is used in one period, where neither Redis nor a single machine can count (tenants.quotas)."""

    key = models.CharField(max_length=120, unique=True)
    used = models.BigIntegerField(default=0)
    # Seconds since 1970: of no use after this.
    expires_at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        """What, and how much."""
        return f"{self.key}: {self.used}"
