"""Jobs, background workers and the schedule, as operators see them."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from jobs.models import Job as JobRow


class Job(Shown):
    """One piece of background work."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=JobRow.State.values)
    attempts = serializers.IntegerField(help_text="Attempts begun.")
    max_attempts = serializers.IntegerField()
    run_after = serializers.DateTimeField(help_text="Not before this.")
    runner = serializers.CharField(help_text="The background worker that is at it, or was last.")
    lease_until = serializers.DateTimeField(allow_null=True, help_text="Until when that worker need not be heard of.")
    idempotency_key = serializers.CharField(allow_null=True)
    payload = serializers.JSONField()
    result = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    created = serializers.DateTimeField()
    started = serializers.DateTimeField(allow_null=True)
    finished = serializers.DateTimeField(allow_null=True)


class JobQuery(Sent):
    """What a list of jobs is narrowed by."""

    state = serializers.CharField(required=False, max_length=80, help_text="One state, or several with commas between: dead,failed.")
    kind = serializers.CharField(required=False, max_length=60)


class Runner(Shown):
    """A background worker."""

    name = serializers.CharField()
    guest_build = serializers.CharField()
    started = serializers.DateTimeField()
    seen = serializers.DateTimeField()


class Schedule(Shown):
    """A periodic kind of job."""

    kind = serializers.CharField()
    next_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(allow_null=True)


class Background(Shown):
    """Background work at a glance."""

    states = serializers.DictField(child=serializers.IntegerField(), help_text="Jobs by state.")
    runners = Runner(many=True)
    schedule = Schedule(many=True)
