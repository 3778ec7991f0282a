"""The rows of background work: jobs, runners, and the default transport's messages.

Times in messages are seconds since 1970 as numbers, because the transport's statements are the same SQL on SQLite and PostgreSQL.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText


class Job(models.Model):
    """One thing to do in the background, and what became of it."""

    class State(models.TextChoices):
        """`queued` -> `running` -> one of the four ends. A lease that runs out leads back from `running` to another attempt.

        `failed` is an answer: trying again would bring the same. `dead` is what nobody foresaw, or a runner lost each time, as often as
        it may be tried: it waits for an operator, who can have it tried again.
        """

        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        DEAD = "dead"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    # Attempts begun, and how many there may be.
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    # Not before this.
    run_after = models.DateTimeField(default=timezone.now)
    # When its message was last sent; None while it is too early to send one.
    sent = models.DateTimeField(null=True, blank=True)
    # While it runs: who runs it, and until when that runner need not be heard of.
    lease_until = models.DateTimeField(null=True, blank=True)
    runner = models.CharField(max_length=200, blank=True)
    # Where it is set, only one job with it can be unfinished.
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - null is "none", and unique
    # What to do (never a secret), what came out, and what went wrong (jobs.failures).
    payload = JSONText(default=dict)
    result = JSONText(null=True, blank=True)
    error = JSONText(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Found by what is due; unfinished ones are unique by their key."""

        indexes = (
            models.Index(fields=["state", "run_after"], name="job_due"),
            models.Index(fields=["state", "finished"], name="job_old"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=models.Q(state__in=("queued", "running")),
                name="job_once",
            ),
        )

    def __str__(self) -> str:
        """Kind and id."""
        return f"{self.kind} {self.id}"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in (self.State.QUEUED, self.State.RUNNING)


class Runner(models.Model):
    """A background worker process, as it last reported."""

    # host:pid:start, which no two processes share.
    name = models.CharField(max_length=200, unique=True)
    # The guest it makes images for; empty until its engine has started.
    guest_build = models.CharField(max_length=64, blank=True)
    started = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        """The name."""
        return self.name


class Schedule(models.Model):
    """When a periodic kind of job is next due (jobs.schedule)."""

    kind = models.CharField(max_length=60, primary_key=True)
    next_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        """Kind and moment."""
        return f"{self.kind} at {self.next_at}"


class Message(models.Model):
    """A message of the default transport (jobs.transport), waiting or leased."""

    queue = models.CharField(max_length=200)
    body = models.TextField()
    # Not handed out before this; taking one moves it ahead by the lease.
    visible_at = models.FloatField(default=0)
    created_at = models.FloatField()

    class Meta:
        """Taken in order."""

        indexes = (models.Index(fields=["queue", "visible_at", "id"], name="message_next"),)

    def __str__(self) -> str:
        """Queue and row."""
        return f"{self.queue} #{self.pk}"


class Binding(models.Model):
    """Which queues a fanout or reply exchange of the default transport leads to (Celery's inspect and control)."""

    exchange = models.CharField(max_length=200)
    routing_key = models.CharField(max_length=200)
    pattern = models.CharField(max_length=200, blank=True)
    queue = models.CharField(max_length=200)
    # A process that died cannot unbind: what nobody has renewed until then is gone.
    expires_at = models.FloatField()

    class Meta:
        """A queue is bound in one way once."""

        constraints = (models.UniqueConstraint(fields=["exchange", "routing_key", "queue"], name="binding_once"),)

    def __str__(self) -> str:
        """From and to."""
        return f"{self.exchange} -> {self.queue}"
