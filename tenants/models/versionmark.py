"""What is said of versions, which themselves never change: pins and aliases."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.models.tenant import Tenant
from tenants.models.version import Version
from tenants.models.worker import Worker


class VersionPin(models.Model):
    """A version that no retention policy removes."""

    version = models.OneToOneField(Version, on_delete=models.CASCADE, related_name="pin")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    author = models.CharField(max_length=254, blank=True)
    reason = models.CharField(max_length=1000, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        """The version."""
        return str(self.version_id)


class VersionAlias(models.Model):
    """A name for a version in the host name of its preview; may be moved to another version."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="aliases")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=40)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A worker has one alias of a name."""

        constraints = (models.UniqueConstraint(fields=["worker", "name"], name="version_alias_once"),)

    def __str__(self) -> str:
        """The name."""
        return self.name
