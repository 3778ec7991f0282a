"""Data keys: what tenants' things are sealed with, themselves sealed by the master key."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from tenants.models.tenant import Tenant


class DataKey(models.Model):
    """The key of one scope (a tenant, or the platform), readable only with the master key called `key_id`.

    It goes with its tenant: what was sealed with it can then be read by nobody, in no backup of other tables.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="data_keys", null=True, blank=True)
    # The tenant's account id, or "platform": one key for each.
    scope = models.CharField(max_length=32, unique=True)
    sealed = models.CharField(max_length=200)
    # The master key that sealed it: what a rotation looks for.
    key_id = models.CharField(max_length=8, db_index=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    rotated = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Whose it is, and who sealed it."""
        return f"{self.scope} by {self.key_id}"
