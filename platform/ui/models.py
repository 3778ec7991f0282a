"""Rows of the pages themselves: what somebody has typed and not made a version of.

Owns the shape of a draft; what may be in one, and who changes it, is `ui.drafts`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tenants.fields import JSONText
from tenants.models import Tenant, Worker


class Draft(models.Model):
    """Somebody's own unpublished code of one worker, and the request they try it with. Goes with the worker, and with the person."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Counts savings: a second tab that looked at an older one overwrites nothing.
    revision = models.PositiveIntegerField(default=1)
    # The number of the version it was begun from.
    base = models.PositiveIntegerField(default=0)
    main_module = models.CharField(max_length=512)
    # [{"name", "kind", "content"}], or "sha256" and "size" instead of the content for what is no text.
    files = JSONText()
    # {"method", "url", "headers", "body", "key", "client"}.
    request = JSONText(default=dict)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        """One for each person and worker."""

        constraints = (models.UniqueConstraint(fields=["worker", "user"], name="draft_once"),)

    def __str__(self) -> str:
        """Whose, of what."""
        return f"{self.worker_id} by {self.user_id}"
