"""Measurements, records of invocations, usage; and what can be asked about them."""

from __future__ import annotations

import math

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from sandbox.outcome import Outcome
from sandbox.worker.record import LEVELS
from telemetry.metrics import STEP_NAMES
from telemetry.search import PAGE_MOST

OUTCOMES = tuple(outcome.value for outcome in Outcome)
EVENTS = ("fetch", "tail")


class MetricsQuery(Sent):
    """Which time, in which steps."""

    since = serializers.DateTimeField(required=False, help_text="From this time on; an hour ago if not given.")
    until = serializers.DateTimeField(required=False, help_text="Before this time; now if not given.")
    step = serializers.ChoiceField(
        choices=tuple(STEP_NAMES), required=False, help_text="The finest that gives few enough points if not given. Kept: 2, 60, 800 days."
    )


class WorkerMetricsQuery(MetricsQuery):
    """The same, of one version or all."""

    version = serializers.UUIDField(required=False)


class Percentiles(Shown):
    """Microseconds, each within 1 % of the value at that rank; null where nothing happened."""

    p50 = serializers.FloatField(allow_null=True)
    p75 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)
    p999 = serializers.FloatField(allow_null=True)


class Measured(Shown):
    """What invocations add up to."""

    invocations = serializers.IntegerField(help_text="Events handled, or refused before they were.")
    requests = serializers.IntegerField(help_text="Of those, what a visitor asked for and was begun.")
    errors = serializers.IntegerField(help_text="Every outcome but ok and canceled.")  # type: ignore[assignment]  # a field of this name
    cold = serializers.IntegerField()
    cpu_us = serializers.IntegerField()
    wall_us = serializers.IntegerField()
    memory_kib_ms = serializers.IntegerField(help_text="Memory held times wall time.")
    memory_max = serializers.IntegerField(help_text="Bytes.")
    subrequests = serializers.IntegerField()
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    egress_bytes = serializers.IntegerField(help_text="Bodies sent to the internet in subrequests.")
    outcomes = serializers.DictField(child=serializers.IntegerField())
    statuses = serializers.DictField(child=serializers.IntegerField(), help_text="By class: 2xx, 3xx, …; none where nothing was answered.")
    cpu_us_percentiles = Percentiles()
    wall_us_percentiles = Percentiles()


class Point(Measured):
    """One step of a series; steps in which nothing happened are left out."""

    at = serializers.IntegerField(help_text="Its beginning, seconds since 1970.")


class OfVersion(Measured):
    """One version's."""

    version = serializers.CharField()
    variant = serializers.CharField()


class OfWorker(Measured):
    """One worker's."""

    worker_id = serializers.IntegerField()
    worker = serializers.CharField(allow_null=True, help_text="Null when it has been deleted.")


class OfTenant(Measured):
    """One tenant's."""

    tenant = serializers.CharField()


class Metrics(Shown):
    """Series and totals."""

    # `from` cannot be an attribute.
    to = serializers.IntegerField(help_text="Seconds since 1970, a whole step.")
    step = serializers.IntegerField(help_text="Seconds.")
    series = Point(many=True)
    totals = Measured()

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]  # generic for the checker only
        """Add `from`."""
        return {"from": serializers.IntegerField(help_text="Seconds since 1970, a whole step."), **super().get_fields()}


class WorkerMetrics(Metrics):
    """A worker's."""

    versions = OfVersion(many=True)


class TenantMetrics(Metrics):
    """A tenant's."""

    workers = OfWorker(many=True)


class PlatformMetrics(Metrics):
    """Everybody's."""

    tenants = OfTenant(many=True)
    lost = serializers.DictField(child=serializers.IntegerField(), help_text="Records that were lost, by machine and reason.")


class RecordsQuery(Sent):
    """What records of invocations are narrowed by."""

    text = serializers.CharField(
        required=False, max_length=200, help_text="In the URL, a console line or an exception; upper case is lower case."
    )
    level = serializers.ChoiceField(choices=LEVELS, required=False, help_text="With a console line of this level or above.")
    outcome = serializers.ChoiceField(choices=OUTCOMES, required=False)
    failed = serializers.BooleanField(required=False, allow_null=True, default=None)
    status = serializers.RegexField(r"^[1-9]([0-9]{2}|xx)$", required=False, help_text="404, or 4xx.")
    method = serializers.RegexField(r"^[A-Z]{1,20}$", required=False)
    version = serializers.UUIDField(required=False)
    variant = serializers.CharField(required=False, max_length=64)
    event = serializers.ChoiceField(choices=EVENTS, required=False)
    request_id = serializers.CharField(required=False, max_length=64)
    trace_id = serializers.RegexField(r"^[0-9a-f]{32}$", required=False, help_text="Of a W3C trace.")


class LogsQuery(RecordsQuery):
    """The same, in a time, a page at a time."""

    since = serializers.DateTimeField(required=False, help_text="Arrived from this time on.")
    until = serializers.DateTimeField(required=False, help_text="Arrived before this time.")
    cursor = serializers.CharField(required=False, max_length=40, help_text="`next` of the page before.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=PAGE_MOST, default=100)


class TailQuery(RecordsQuery):
    """The same, for a live tail."""

    sample = serializers.FloatField(required=False, min_value=0.0001, max_value=1.0, default=1.0, help_text="The share of requests.")
    cursor = serializers.CharField(required=False, max_length=40, help_text="The id of an event to go on after, as Last-Event-ID.")

    def validate_sample(self, value: float) -> float:
        """Bounds let "nan" pass."""
        if math.isnan(value):
            raise serializers.ValidationError("A valid number is required.")
        return value


class Line(Shown):
    """One console line."""

    timestamp = serializers.FloatField(help_text="Milliseconds since 1970.")
    level = serializers.ChoiceField(choices=LEVELS)
    message = serializers.CharField()


class Exception_(Shown):  # noqa: N801 - the builtin has the name
    """One exception that nothing caught."""

    timestamp = serializers.FloatField()
    name = serializers.CharField()
    message = serializers.CharField()
    stack = serializers.CharField()
    where = serializers.CharField(help_text="handler, waitUntil, rejection or startup.")


class Invocation(Shown):
    """One event, from its arrival to its last waitUntil promise."""

    node = serializers.CharField(help_text="The machine whose gateway served it.")
    request_id = serializers.CharField(help_text="What the visitor was told in Hostel-Request-Id.")
    started = serializers.FloatField(help_text="Its arrival, milliseconds since 1970.")
    worker = serializers.CharField(help_text="Of a dynamic worker: its parent, ~ and the binding.")
    version = serializers.CharField()
    variant = serializers.CharField()
    key = serializers.CharField(help_text="The pool's key.")
    entrypoint = serializers.CharField()
    event = serializers.CharField()
    method = serializers.CharField()
    url = serializers.CharField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    status = serializers.IntegerField(help_text="0 where nothing was answered.")
    error = serializers.CharField(help_text="The code of the error the visitor saw.")
    start = serializers.CharField(help_text="cold or warm; empty where it was refused.")
    cpu_us = serializers.IntegerField()
    wall_us = serializers.IntegerField()
    memory_bytes = serializers.IntegerField()
    subrequests = serializers.IntegerField()
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    egress_bytes = serializers.IntegerField()
    depth = serializers.IntegerField(help_text="Workers between it and the visitor.")
    trace_id = serializers.CharField()
    span_id = serializers.CharField()
    parent_id = serializers.CharField()
    logs = Line(many=True)
    logs_dropped = serializers.IntegerField(help_text="Console bytes beyond the limit.")
    exceptions = Exception_(many=True)


class Logs(Shown):
    """A page of records, newest first."""

    items = Invocation(many=True)
    next = serializers.CharField(allow_null=True, help_text="The cursor of the next page; null when everything has been looked at.")
    complete = serializers.BooleanField(help_text="False: the search took long, and goes on at `next`.")


class UsageQuery(Sent):
    """Which month."""

    month = serializers.RegexField(r"^20[0-9]{2}-(0[1-9]|1[0-2])$", required=False, help_text="YYYY-MM, UTC; this month if not given.")


class Used(Shown):
    """What can be billed."""

    requests = serializers.IntegerField()
    invocations = serializers.IntegerField()
    cpu_ms = serializers.FloatField()
    gib_seconds = serializers.FloatField(help_text="Memory held times wall time.")
    subrequests = serializers.IntegerField()
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    egress_bytes = serializers.IntegerField()


class UsedOnDay(Used):
    """Of one UTC day."""

    day = serializers.DateField()


class UsedByWorker(Used):
    """Of one worker."""

    worker = serializers.CharField()
    worker_id = serializers.IntegerField()


class Usage(Shown):
    """A month's usage."""

    month = serializers.CharField()
    totals = Used()
    days = UsedOnDay(many=True)
    workers = UsedByWorker(many=True)
