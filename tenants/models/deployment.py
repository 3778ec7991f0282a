"""Which versions serve, and under which host names."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant
from tenants.models.version import Version
from tenants.models.worker import Worker

# Weights are hundredths of a per cent; a deployment's sum is this.
WHOLE = 10_000


class Deployment(models.Model):
    """One decision about a worker's traffic. The newest one (highest id) is live; older ones are history."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="deployments")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    strategy = models.CharField(max_length=16, default="percentage")
    author = models.CharField(max_length=254, blank=True)
    source = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=1000, blank=True)
    annotations = JSONText(default=dict)
    # [{"name", "versions": {version id: weight}, "rules": [{"header" or "cookie", "values"}]}]; each version is an entry, too, if with 0.
    cohorts = JSONText(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Read newest first."""

        indexes = (models.Index(fields=["worker", "-id"], name="deployment_newest"),)

    def __str__(self) -> str:
        """Its id."""
        return str(self.uuid)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; history is not changed."""
        if not self._state.adding:
            raise TypeError("Deployments are never changed: make a new one.")
        super().save(*args, **kwargs)


class DeploymentVersion(models.Model):
    """One version's share of a deployment's traffic, 0 included (reachable by override only)."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="entries")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    # Hundredths of a per cent.
    weight = models.PositiveIntegerField()

    class Meta:
        """A version is in a deployment once."""

        constraints = (
            models.UniqueConstraint(fields=["deployment", "version"], name="deployment_version_once"),
            models.CheckConstraint(condition=models.Q(weight__lte=WHOLE), name="deployment_weight_at_most_whole"),
        )

    def __str__(self) -> str:
        """Share and version."""
        return f"{self.weight / 100:g} % {self.version_id}"


class Domain(models.Model):
    """A host name of the tenant's own that leads to a worker."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="domains")
    # Lower case, no closing dot, no port.
    hostname = models.CharField(max_length=253, unique=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        """The name."""
        return self.hostname
