"""The rows: which flag chooses a worker's version, experiments, who took part, what they did, and how often flags were asked.

Flags and environments are named by value: what was counted stays when they are deleted. Whoever takes part is a digest of the targeting key
(experiments.naming), never the key. Times in whole seconds or milliseconds since 1970 are buckets or come from records.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models import Tenant, Worker
from tenants.models.tenant import new_hex


class VersionFlag(models.Model):
    """The flag, of the type version, that chooses which version of a worker answers, before the deployment's shares are asked."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.OneToOneField(Worker, on_delete=models.CASCADE, related_name="version_flag")
    environment = models.CharField(max_length=63)
    flag = models.CharField(max_length=128)
    # Where a request's targeting key is looked for, in this order (gateway.contexts).
    targeting = JSONText(default=list)
    author = models.CharField(max_length=254, blank=True)
    modified = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """The flag."""
        return f"{self.environment}/{self.flag}"


class FlagCount(models.Model):
    """In how many invocations a flag was evaluated to a variant, in one hour."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    environment = models.CharField(max_length=63)
    flag = models.CharField(max_length=128)
    variant = models.CharField(max_length=128, blank=True)
    # Seconds since 1970, the hour's beginning.
    hour = models.BigIntegerField()
    count = models.BigIntegerField(default=0)

    class Meta:
        """Found by flag and time; removed by time."""

        constraints = (models.UniqueConstraint(fields=["tenant", "environment", "flag", "variant", "hour"], name="flag_count_once"),)
        indexes = (models.Index(fields=["hour"], name="flag_count_old"),)

    def __str__(self) -> str:
        """What, when, how often."""
        return f"{self.environment}/{self.flag} {self.hour}: {self.count}"


class Experiment(models.Model):
    """A comparison of a flag's variants, by what those who were shown them did."""

    class Status(models.TextChoices):
        """Where it stands. What was counted stays when it is stopped."""

        DRAFT = "draft"
        RUNNING = "running"
        STOPPED = "stopped"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    uuid = models.CharField(max_length=32, unique=True, default=new_hex, editable=False)
    key = models.CharField(max_length=63)
    description = models.CharField(max_length=1000, blank=True)
    environment = models.CharField(max_length=63)
    flag = models.CharField(max_length=128)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    # The variant that the others are compared with.
    control = models.CharField(max_length=128)
    # Variant -> share of 1, as the flag splits it when the experiment starts.
    shares = JSONText(default=dict)
    # experiments.metrics.Metric, each as an object; guardrails are those with a tolerance.
    metrics = JSONText(default=list)
    # The most that intervals of one metric may be wrong, all looks together.
    alpha = models.FloatField(default=0.05)
    # What happens when a guardrail is surely broken: nothing but the news, or the flag is switched off.
    on_breach = models.CharField(max_length=16, default="tell")
    author = models.CharField(max_length=254, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    # Why it was stopped, and what was decided.
    outcome = models.CharField(max_length=1000, blank=True)
    revision = models.PositiveIntegerField(default=1)
    # How many take part, and those that came when it was full.
    participants = models.BigIntegerField(default=0)
    turned_away = models.BigIntegerField(default=0)
    # What was found last (experiments.analysis), when, and what the tenant was told of: each thing once.
    analysis = JSONText(null=True, blank=True)
    analysed_at = models.DateTimeField(null=True, blank=True)
    told = JSONText(default=list)

    class Meta:
        """A tenant has one of a key; running ones are looked for with every stretch of records."""

        constraints = (models.UniqueConstraint(fields=["tenant", "key"], name="experiment_key_once"),)
        indexes = (models.Index(fields=["status", "tenant"], name="experiment_running"),)

    def __str__(self) -> str:
        """The key."""
        return self.key


class Participant(models.Model):
    """Somebody who was shown a variant: the first one is theirs for good, and what they are counted under."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=24)
    variant = models.CharField(max_length=128)
    # Milliseconds since 1970.
    first_ms = models.BigIntegerField()
    # Whether another variant was shown later.
    crossed = models.BooleanField(default=False)
    # Of the invocations that evaluated the flag for them.
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    cpu_us = models.BigIntegerField(default=0)
    wall_us = models.BigIntegerField(default=0)

    class Meta:
        """Once in an experiment."""

        constraints = (models.UniqueConstraint(fields=["experiment", "subject"], name="participant_once"),)

    def __str__(self) -> str:
        """Who, and under which variant."""
        return f"{self.subject} {self.variant}"


class Conversion(models.Model):
    """How often a participant did something since they were shown their variant, and the sum of its values."""

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=100)
    count = models.BigIntegerField(default=0)
    total = models.FloatField(default=0.0)

    class Meta:
        """Once for a participant and event."""

        constraints = (models.UniqueConstraint(fields=["participant", "event"], name="conversion_once"),)

    def __str__(self) -> str:
        """What and how often."""
        return f"{self.event}: {self.count}"


class Event(models.Model):
    """Something that happened and is not counted yet: its participant may become known later, since records of many processes are read.

    With an id of the sender's it stays for a while after that, so that the same id is counted once.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=24)
    event = models.CharField(max_length=100)
    at_ms = models.BigIntegerField()
    value = models.FloatField(null=True)
    # None where the sender gave none; NULLs are never equal.
    sent_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 - see above
    counted = models.BooleanField(default=False)
    # Seconds since 1970.
    stored = models.BigIntegerField()

    class Meta:
        """Counted by age, once for an id."""

        constraints = (models.UniqueConstraint(fields=["experiment", "sent_id"], name="event_once"),)
        indexes = (
            models.Index(fields=["experiment", "counted", "id"], name="event_waiting"),
            models.Index(fields=["stored"], name="event_old"),
        )

    def __str__(self) -> str:
        """What, of whom."""
        return f"{self.event} {self.subject}"
