"""The rows: what has been read of the spool, roll-ups, the ledger, and chunks of records.

Workers and versions are named by value, not by foreign key: what was counted stays when they are deleted. A tenant's rows go with the
tenant. Times are whole seconds or milliseconds since 1970, because they are buckets and not moments.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from tenants.fields import JSONText
from tenants.models import Tenant

MINUTE, HOUR, DAY = 60, 3_600, 86_400
STEPS = (MINUTE, HOUR, DAY)


class Segment(models.Model):
    """How far a segment of a machine's spool has been read: moved on in the transaction that stores what was read."""

    name = models.CharField(max_length=200, unique=True)
    node = models.CharField(max_length=100)
    offset = models.BigIntegerField(default=0)
    # Seconds since 1970.
    seen = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """The file's name."""
        return self.name


class Loss(models.Model):
    """How many records of a machine were lost, by reason: said by the gateways themselves, or found while reading."""

    node = models.CharField(max_length=100)
    reason = models.CharField(max_length=40)
    count = models.BigIntegerField(default=0)

    class Meta:
        """One for a machine and reason."""

        constraints = (models.UniqueConstraint(fields=["node", "reason"], name="loss_once"),)

    def __str__(self) -> str:
        """Where, why and how many."""
        return f"{self.node} {self.reason}: {self.count}"


class Counts(models.Model):
    """What invocations add up to."""

    # Events handled, and those of them that a visitor asked for (the others were asked by another worker).
    invocations = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0)
    cpu_us = models.BigIntegerField(default=0)
    # Memory held times wall time, in KiB and milliseconds: each invocation's is rounded once, so that sums are exact.
    memory_kib_ms = models.BigIntegerField(default=0)
    subrequests = models.BigIntegerField(default=0)
    request_bytes = models.BigIntegerField(default=0)
    response_bytes = models.BigIntegerField(default=0)
    egress_bytes = models.BigIntegerField(default=0)

    class Meta:
        """Only its fields are wanted."""

        abstract = True


class Rollup(Counts):
    """Counts and histograms of one version of a worker in one minute, hour or day."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker_id = models.BigIntegerField()
    version = models.CharField(max_length=64)
    variant = models.CharField(max_length=64, blank=True)
    # 60, 3600 or 86400 seconds, from `at` on.
    step = models.PositiveIntegerField()
    at = models.BigIntegerField()
    errors = models.BigIntegerField(default=0)
    cold = models.BigIntegerField(default=0)
    wall_us = models.BigIntegerField(default=0)
    memory_max = models.BigIntegerField(default=0)
    # Outcome -> how many; status class ("2xx", "none") -> how many.
    outcomes = JSONText(default=dict)
    statuses = JSONText(default=dict)
    # Histograms of microseconds (telemetry.sketch).
    cpu = models.BinaryField(default=bytes)
    wall = models.BinaryField(default=bytes)

    class Meta:
        """Found by worker and time; removed by step and time."""

        constraints = (models.UniqueConstraint(fields=["tenant", "worker_id", "step", "at", "version", "variant"], name="rollup_once"),)
        indexes = (models.Index(fields=["step", "at"], name="rollup_old"),)

    def __str__(self) -> str:
        """Of what, from when."""
        return f"{self.worker_id} {self.version} {self.at}+{self.step}"


class Usage(Counts):
    """The ledger: what a worker has used in one hour.

    Part 0 grows while its hour lasts and for `telemetry.ledger.GRACE_SECONDS` after it; then it is closed for good. What comes later still
    (a spool that could not be read) is a part of its own, so that what was billed once never changes.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker_id = models.BigIntegerField()
    worker = models.CharField(max_length=100)
    hour = models.BigIntegerField()
    part = models.PositiveIntegerField(default=0)

    class Meta:
        """Found by tenant and time."""

        constraints = (models.UniqueConstraint(fields=["tenant", "hour", "worker_id", "part"], name="usage_once"),)

    def __str__(self) -> str:
        """Whose, of when."""
        return f"{self.worker} {self.hour}.{self.part}"

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: the ledger goes with its tenant only."""
        raise TypeError("The ledger is never cut.")


class Chunk(models.Model):
    """Records of one worker from one gateway process, in the order they ended: what logs are searched in and tails follow."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker_id = models.BigIntegerField()
    # The machine of the gateway.
    node = models.CharField(max_length=100, blank=True, db_default="")
    # What the request ids begin with, and the range of what they end with.
    process = models.CharField(max_length=16)
    first_number = models.BigIntegerField()
    last_number = models.BigIntegerField()
    # Arrival of the earliest and of the latest (milliseconds).
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    count = models.PositiveIntegerField()
    # Bits of the console levels in it (telemetry.chunks.LEVEL_BITS), so that a search can pass it by.
    levels = models.PositiveIntegerField(default=0)
    # Whether anything in it has failed.
    failed = models.BooleanField(default=False)
    # False: only for tails, and removed when their window is over.
    kept = models.BooleanField(default=True)
    # Seconds since 1970, when it was stored; bytes of `data`.
    stored = models.BigIntegerField()
    size = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        """Followed by worker, found by request id, removed by age."""

        indexes = (
            models.Index(fields=["tenant", "worker_id", "id"], name="chunk_of_worker"),
            models.Index(fields=["tenant", "process"], name="chunk_of_request"),
            models.Index(fields=["stored"], name="chunk_old"),
        )

    def __str__(self) -> str:
        """Whose, and how many."""
        return f"#{self.pk}: {self.count} of {self.worker_id}"


class Tail(models.Model):
    """Somebody follows a worker: a lease, so that a control plane that dies takes no tenant's places with it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker_id = models.BigIntegerField()
    name = models.UUIDField(unique=True)
    # Seconds since 1970: counts until then.
    until = models.BigIntegerField()

    def __str__(self) -> str:
        """Whose, and which."""
        return f"{self.tenant_id} {self.name}"
