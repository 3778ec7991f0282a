"""A worker: the name that versions are made under."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.namespace import Namespace
from tenants.models.tenant import Tenant, new_hex
from tenants.names import qualified


class Worker(models.Model):
    """A named program of a tenant. What it runs is its newest deployment's versions; here stands what no version decides."""

    class Mode(models.TextChoices):
        """What happens to an instance after a request."""

        # Kept for the next one, like an isolate.
        REUSE = "reuse"
        # Thrown away.
        FRESH = "fresh"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="workers")
    # Null for a worker of the tenant's own, which hosts lead to; a worker in a namespace is dispatched to and has no host.
    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="workers", null=True, blank=True)
    name = models.CharField(max_length=63)
    # The id the outside sees; a worker that is deleted and made again is another one.
    tag = models.CharField(max_length=32, unique=True, default=new_hex, editable=False)
    tags = JSONText(default=list, blank=True)
    limits = JSONText(default=dict, blank=True)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.REUSE)
    # Whether {name}.{tenant}.{base} answers.
    subdomain_enabled = models.BooleanField(default=True)
    previews_enabled = models.BooleanField(default=False)
    # Whether what is deployed must have passed the worker's request tests (services.gating).
    gate_deploys = models.BooleanField(default=False, db_default=False)
    # What keeps a visitor on one version while several are live: "cookie", "header:<name>", "ip" or "none".
    sticky = models.CharField(max_length=80, default="cookie", db_default="cookie")
    # Whether visitors may choose version and cohort by headers: "trusted" or "stripped".
    version_headers = models.CharField(max_length=8, default="trusted", db_default="trusted")
    # Which versions are kept: {"keep": 50, "days": 30}; null keeps all.
    retention = JSONText(null=True, blank=True)
    observability = JSONText(default=dict, blank=True)
    logpush = models.BooleanField(default=False)
    tail_consumers = JSONText(default=list, blank=True)
    # What the client last said about its Durable Object migrations; kept and given back.
    migration_tag = models.CharField(max_length=200, blank=True)
    # Which client made the newest version: "wrangler", "api", …
    last_deployed_from = models.CharField(max_length=32, blank=True)
    # Number of the newest version; grows by one in the transaction that adds it, so numbers have no gaps.
    last_version_number = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A tenant has one worker of a name outside of namespaces, and one in each of them."""

        constraints = (
            models.UniqueConstraint(fields=["tenant", "name"], condition=models.Q(namespace=None), name="worker_name_once"),
            models.UniqueConstraint(fields=["namespace", "name"], name="worker_name_once_in_namespace"),
        )

    def __str__(self) -> str:
        """The name."""
        return self.name

    @property
    def qualified_name(self) -> str:
        """`namespace:name`, or the name alone: how the worker is named wherever a name is asked for."""
        return qualified(self.namespace.name if self.namespace else "", self.name)

    @property
    def revision(self) -> int:
        """Changes with every change of the worker (a version, a deployment, a setting): microseconds since 1970."""
        return int(self.modified.timestamp() * 1_000_000)
