"""The rows of feature flags.

Owns their columns. A flag's variants are the same everywhere; what is served to whom is a state, one for each environment. An environment
keeps its ruleset (flags.evaluation) ready to be read, written in the transaction of every change.
"""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models import Tenant

AUTHOR_CHARACTERS = 254
REASON_CHARACTERS = 500


def new_salt() -> str:
    """What somebody's bucket is salted with; without a colon."""
    return secrets.token_hex(16)


class FlagEnvironment(models.Model):
    """Where flags have values of their own: `production`, `staging`, `development`."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="flag_environments")
    name = models.CharField(max_length=63)
    # The order they are shown in.
    position = models.PositiveSmallIntegerField(default=0)
    # The document that is evaluated (JSON), and how often it has changed.
    ruleset = models.TextField()
    revision = models.PositiveBigIntegerField(default=0)
    # Another one with each change: a revision that was rolled back may come again with other content.
    mark = models.CharField(max_length=32, default=new_salt, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A tenant has one environment of a name."""

        constraints = (models.UniqueConstraint(fields=["tenant", "name"], name="flag_environment_once"),)

    def __str__(self) -> str:
        """The name."""
        return self.name


class Flag(models.Model):
    """A feature flag: a key, a type and the values it can have."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="flags")
    key = models.CharField(max_length=128)
    type = models.CharField(max_length=10)
    description = models.CharField(max_length=500, blank=True)
    # Value by variant.
    variants = JSONText(default=dict)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    # Whether web clients, whose tokens everybody can read, may be told its value.
    public = models.BooleanField(default=False)
    # Never reported as stale: an operational switch.
    permanent = models.BooleanField(default=False)
    revision = models.PositiveBigIntegerField(default=1)
    author = models.CharField(max_length=AUTHOR_CHARACTERS, blank=True)
    editor = models.CharField(max_length=AUTHOR_CHARACTERS, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A tenant has one flag of a key."""

        constraints = (models.UniqueConstraint(fields=["tenant", "key"], name="flag_key_once"),)

    def __str__(self) -> str:
        """The key."""
        return self.key


class FlagState(models.Model):
    """What a flag serves in one environment."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="states")
    environment = models.ForeignKey(FlagEnvironment, on_delete=models.CASCADE, related_name="states")
    enabled = models.BooleanField(default=False)
    # Switched off by the kill switch, whatever `enabled` says: restoring finds what was there.
    killed = models.BooleanField(default=False)
    # off, serve, rules, prerequisites, layer, from, until: as flags.evaluation reads them.
    document = JSONText(default=dict)
    revision = models.PositiveBigIntegerField(default=1)
    editor = models.CharField(max_length=AUTHOR_CHARACTERS, blank=True)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A flag has one state in an environment."""

        constraints = (models.UniqueConstraint(fields=["flag", "environment"], name="flag_state_once"),)

    def __str__(self) -> str:
        """The row."""
        return f"{self.flag_id} in {self.environment_id}"


class FlagRevision(models.Model):
    """One change of a flag: who made what of what, and why. Only ever added."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    # "" for what is the same in all environments.
    environment = models.CharField(max_length=63, blank=True)
    action = models.CharField(max_length=60)
    before = JSONText(null=True)
    after = JSONText(null=True)
    author = models.CharField(max_length=AUTHOR_CHARACTERS, blank=True)
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Numbered from 1 within the flag."""

        constraints = (models.UniqueConstraint(fields=["flag", "number"], name="flag_revision_once"),)

    def __str__(self) -> str:
        """The number."""
        return str(self.number)


class FlagSegment(models.Model):
    """A named condition that flags of all environments may use."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="flag_segments")
    key = models.CharField(max_length=128)
    description = models.CharField(max_length=500, blank=True)
    when = JSONText(default=dict)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    revision = models.PositiveBigIntegerField(default=1)
    editor = models.CharField(max_length=AUTHOR_CHARACTERS, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A tenant has one segment of a key."""

        constraints = (models.UniqueConstraint(fields=["tenant", "key"], name="flag_segment_once"),)

    def __str__(self) -> str:
        """The key."""
        return self.key


class FlagLayer(models.Model):
    """A layer: of the flags in it, one person is in one at most."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="flag_layers")
    key = models.CharField(max_length=128)
    description = models.CharField(max_length=500, blank=True)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A tenant has one layer of a key."""

        constraints = (models.UniqueConstraint(fields=["tenant", "key"], name="flag_layer_once"),)

    def __str__(self) -> str:
        """The key."""
        return self.key
