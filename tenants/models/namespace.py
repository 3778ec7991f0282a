"""A namespace: workers that are reached by dispatching, and not by a host name."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant, new_hex


class Namespace(models.Model):
    """A tenant's group of workers (`production`, `staging`, …). With a next one, it is an environment that workers are promoted from."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="namespaces")
    name = models.CharField(max_length=63)
    # The id the outside sees; a namespace that is deleted and made again is another one.
    tag = models.CharField(max_length=32, unique=True, default=new_hex, editable=False)
    # Where promotion leads: development -> staging -> production.
    promotes_to = models.ForeignKey("self", on_delete=models.SET_NULL, related_name="promoted_from", null=True, blank=True)
    # The environment's own variables, secrets (sealed) and services, as versions store bindings: in a version that is promoted into this
    # namespace they take the place of the bindings of the same names.
    bindings = JSONText(default=list, blank=True)
    # Who made it, and who changed it last: an e-mail address, or a token's or program's name.
    author = models.CharField(max_length=254, blank=True)
    editor = models.CharField(max_length=254, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A tenant has one namespace of a name."""

        constraints = (models.UniqueConstraint(fields=["tenant", "name"], name="namespace_name_once"),)

    def __str__(self) -> str:
        """The name."""
        return self.name
