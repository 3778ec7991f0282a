"""Webhooks: where a tenant wants to hear of what happens, and what was sent there."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant


class Webhook(models.Model):
    """An address that is told of a tenant's events, signed with a secret that only the tenant and we know."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2_000)
    description = models.CharField(max_length=200, blank=True)
    # Names ("deployment.created") and families ("deployment.*", "*").
    events = JSONText(default=list)
    # Sealed. The earlier secret signs beside the present one until the moment given.
    secret = models.TextField()
    earlier_secret = models.TextField(blank=True)
    earlier_until = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True)
    # Why the platform has switched it off; empty where it has not.
    disabled_reason = models.CharField(max_length=200, blank=True)
    # Since when every delivery has failed; None while the last one has not.
    failing_since = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Read by tenant."""

        indexes = (models.Index(fields=["tenant", "created"], name="webhook_by_tenant"),)

    def __str__(self) -> str:
        """Where to."""
        return self.url


class WebhookDelivery(models.Model):
    """One event on its way to one webhook. The row is the queue: it is written with what it tells of, and says when it is to be sent."""

    class State(models.TextChoices):
        """`pending` until it has arrived, has been tried as often as it may be, or its webhook was switched off."""

        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    # Sent as the `webhook-id`: it stays the same however often this is sent.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=120)
    # The body, to the byte.
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    # Attempts begun in all (an attempt's number is its token), and since it was first sent or replayed.
    attempts = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    # Not before this; while an attempt is under way, when it is taken for lost.
    next_attempt = models.DateTimeField(default=timezone.now)
    # The latest attempts: [{"at", "status", "error", "ms", "response"}].
    log = JSONText(default=list)
    created = models.DateTimeField(default=timezone.now, editable=False)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Found by what is due, listed by webhook, pruned by age."""

        indexes = (
            models.Index(fields=["state", "next_attempt"], name="delivery_due"),
            models.Index(fields=["webhook", "-created"], name="delivery_by_webhook"),
            models.Index(fields=["created"], name="delivery_old"),
        )

    def __str__(self) -> str:
        """What, and which."""
        return f"{self.event} {self.id}"
