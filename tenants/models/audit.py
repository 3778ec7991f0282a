"""The record of what was done: events in chains, and where each chain ends."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant


class AuditQuerySet(models.QuerySet["AuditEvent"]):
    """Rows that are only ever added."""

    def update(self, **_values: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("Audit events are never changed.")

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("Audit events are never changed.")

    def delete(self) -> NoReturn:
        """Refuse: the record stays."""
        raise TypeError("Audit events are never deleted.")


class AuditEvent(models.Model):
    """One thing that was done: by whom, to what, why and from where. Each carries the hash of the one before it (tenants.chain)."""

    # The tenant's account id, or "platform"; it outlives the tenant.
    chain = models.CharField(max_length=32)
    # 1, 2, 3, … within the chain.
    number = models.PositiveBigIntegerField()
    tenant = models.ForeignKey(Tenant, on_delete=models.SET_NULL, related_name="audit_events", null=True)
    # "user:3", "token:<uuid>" or "system"; the address is kept beside it because users can go.
    actor = models.CharField(max_length=80)
    actor_email = models.CharField(max_length=254, blank=True)
    # As the service that did it: "deployment_create".
    action = models.CharField(max_length=60)
    # Name or id of what it was done to.
    target = models.CharField(max_length=200, blank=True)
    # What was there and what is there now, where that can be said; never a secret.
    before = JSONText(null=True, blank=True)
    after = JSONText(null=True, blank=True)
    # Further facts; never a secret.
    data = JSONText(default=dict)
    # Why, in the words of whoever did it.
    reason = models.CharField(max_length=500, blank=True)
    # Where it was done: tenants.where.
    via = models.CharField(max_length=10, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    # Keyed hash of all of the above and of the previous event's hash.
    previous = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = AuditQuerySet.as_manager()

    class Meta:
        """Read by tenant, newest first; numbered within the chain."""

        constraints = (models.UniqueConstraint(fields=["chain", "number"], name="audit_number_once"),)
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


class AuditHead(models.Model):
    """Where one chain ends. Events that are cut off its end are missed here, and the seal cannot be made without the key."""

    chain = models.CharField(max_length=32, primary_key=True)
    # How many events the chain has, and the last one's hash.
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        """Which, and how long it is."""
        return f"{self.chain} #{self.number}"
