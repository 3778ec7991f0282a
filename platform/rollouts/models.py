"""The rows: rollouts, what was counted for them, what happened, freezes, and how far each machine's telemetry has been read.

Versions are named by value, not by foreign key: a rollout outlives them. A tenant's rows go with the tenant.
"""

from __future__ import annotations

import uuid
from typing import Final

from django.db import models
from django.utils import timezone

from rollouts.plans import Plan, Stage
from tenants.fields import JSONText
from tenants.models import Tenant, Worker


class State(models.TextChoices):
    """`running` may wait for an approval (`waiting`) or for a person (`paused`); the other five are ends."""

    RUNNING = "running"
    # The next stage's gate is an approval.
    WAITING = "waiting"
    PAUSED = "paused"
    # All traffic goes to the new version.
    COMPLETED = "completed"
    # A guard has taken the version back.
    ROLLED_BACK = "rolled_back"
    # A person has.
    ABORTED = "aborted"
    # Somebody has deployed something else: that stands.
    SUPERSEDED = "superseded"
    # It cannot go on: a version has gone.
    FAILED = "failed"


ACTIVE: Final = (State.RUNNING, State.WAITING, State.PAUSED)


class Rollout(models.Model):
    """One version on its way to a worker's visitors."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="rollouts")
    # The versions' ids and numbers.
    new_version = models.CharField(max_length=36)
    new_number = models.PositiveIntegerField()
    old_version = models.CharField(max_length=36)
    old_number = models.PositiveIntegerField()
    # rollouts.plans.Plan.
    plan = JSONText()
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    # Which stage is live, from 0; -1 before the first.
    stage = models.IntegerField(default=-1)
    stage_started = models.DateTimeField(null=True, blank=True)
    # Seconds of the stage that were watched: what no telemetry covers does not count.
    watched = models.FloatField(default=0)
    # When it was last looked after.
    looked = models.DateTimeField(default=timezone.now)
    # The deployment it stands on, and the shares before it began: {version id: weight}.
    deployment = models.CharField(max_length=36, blank=True)
    before = JSONText(default=dict)
    # One entry for each guard of the plan (rollouts.judging), requests of either version in this stage, and one sentence.
    guards = JSONText(default=list)
    counted = JSONText(default=dict)
    verdict = models.TextField(blank=True)
    # Why nothing moves, where that is so.
    holding = models.CharField(max_length=300, blank=True)
    # Arrival of the newest record that was counted (milliseconds since 1970).
    newest_ms = models.BigIntegerField(default=0)
    author = models.CharField(max_length=254, blank=True)
    message = models.CharField(max_length=1000, blank=True)
    # Why somebody ended it.
    reason = models.CharField(max_length=500, blank=True)
    # Grows by one with every change that people make or are told of.
    revision = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(default=timezone.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A worker has one that is under way; found by worker and by state."""

        constraints = (
            models.UniqueConstraint(
                fields=["worker"], condition=models.Q(state__in=("running", "waiting", "paused")), name="rollout_one_under_way"
            ),
        )
        indexes = (
            models.Index(fields=["state", "worker"], name="rollout_by_state"),
            models.Index(fields=["tenant", "-id"], name="rollout_of_tenant"),
        )

    def __str__(self) -> str:
        """What to what."""
        return f"v{self.old_number} -> v{self.new_number} {self.state}"

    @property
    def active(self) -> bool:
        """Whether it is under way."""
        return self.state in ACTIVE

    @property
    def planned(self) -> Plan:
        """The plan."""
        return Plan.from_json(self.plan)

    @property
    def current(self) -> Stage | None:
        """The stage that is live; None before the first."""
        return self.planned.stages[self.stage] if self.stage >= 0 else None


class Counting(models.Model):
    """What was counted of one version since the rollout began; `pending` is not judged yet, `history` came before (rollouts.tallies)."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="countings")
    version = models.CharField(max_length=36)
    total = JSONText(default=dict)
    pending = JSONText(default=dict)
    history = JSONText(default=dict)

    class Meta:
        """One for each version."""

        constraints = (models.UniqueConstraint(fields=["rollout", "version"], name="counting_once"),)

    def __str__(self) -> str:
        """Of what."""
        return f"{self.rollout_id} {self.version}"


class Event(models.Model):
    """One line of a rollout's timeline."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    # started, stage, waiting, approved, tests, paused, resumed, and the ends.
    kind = models.CharField(max_length=20)
    text = models.TextField()
    data = JSONText(default=dict)

    class Meta:
        """Read in order."""

        indexes = (models.Index(fields=["rollout", "id"], name="event_of_rollout"),)

    def __str__(self) -> str:
        """What."""
        return f"{self.kind}: {self.text[:60]}"


class Freeze(models.Model):
    """An operator's word that no rollout starts or goes on: of one tenant, or (without one) of the platform."""

    # "platform", or the tenant's account id.
    scope = models.CharField(max_length=40, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=254, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        """Of whom and why."""
        return f"{self.scope}: {self.reason[:60]}"


class Horizon(models.Model):
    """Until when a machine's records have been counted: what ended there before this moment is in the sums."""

    node = models.CharField(max_length=100, unique=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        """Where and when."""
        return f"{self.node} {self.until}"
