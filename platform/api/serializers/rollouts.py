"""Rollouts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown, Whole
from rollouts import selectors
from rollouts.models import Freeze as FreezeRow
from rollouts.models import Rollout as RolloutRow
from rollouts.models import State
from rollouts.plans import ACTIONS, GATES, METRICS


class StageSent(Sent):
    """One stage of a plan."""

    percent = serializers.FloatField(help_text="The new version's share: 0.01 to 100, two decimals at most, more than in the stage before.")
    seconds = Whole(default=0, help_text="How long it is watched; 0 for the last one, which is 100 %.")
    gate = serializers.ChoiceField(choices=GATES, default="automatic", help_text="What must happen before it begins.")


class GuardSent(Sent):
    """What is watched."""

    metric = serializers.ChoiceField(choices=METRICS)
    action = serializers.ChoiceField(choices=ACTIONS, default="rollback")
    tolerance = serializers.FloatField(required=False, help_text="Per cent by which the new version's value may be larger (times: 20).")
    margin = serializers.FloatField(
        required=False, help_text="What may come on top: points of a share (0.1), milliseconds of a time (5; CPU 1)."
    )
    minimum = Whole(required=False, help_text="Requests of each version in a stage before anything is judged (50).")
    name = serializers.CharField(required=False, help_text="Of an outcome of one's own.")
    status = serializers.CharField(required=False, help_text='What makes a request such an outcome: "418", "4xx".')
    marker = serializers.CharField(required=False, trim_whitespace=False, help_text="Or a text in its console output.")


class RolloutSent(Sent):
    """A rollout to start; what is left out of the plan is the default."""

    version = serializers.CharField(help_text="The new version's id.")
    stages = StageSent(many=True, required=False)
    guards = GuardSent(many=True, required=False)
    false_alarm = serializers.FloatField(default=0.01, help_text="Probability with which a version that is no worse may be accused at all.")
    message = serializers.CharField(default="", allow_blank=True)


class PreflightSent(RolloutSent):
    """The same, and version keys for the dry run."""

    keys = serializers.ListField(child=serializers.CharField(), default=list, help_text="Values of the version key, such as user ids.")


class CheckShown(Shown):
    """One line of the pre-flight list."""

    name = serializers.CharField()
    finding = serializers.ChoiceField(choices=["ok", "warning", "stop"])
    text = serializers.CharField()


class Reached(Shown):
    """Whom the stages reach."""

    key = serializers.CharField()
    bucket = serializers.IntegerField()
    stage = serializers.IntegerField(allow_null=True, help_text="The first stage, from 0, that gives this key the new version.")


class Preflight(Shown):
    """What is found before a rollout starts."""

    checks = CheckShown(many=True)
    reached = Reached(many=True)


class ReasonSent(Sent):
    """Why."""

    reason = serializers.CharField(default="", allow_blank=True)


class AbortSent(Sent):
    """Why, which must be said."""

    reason = serializers.CharField()


class EventShown(Shown):
    """A line of the timeline."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField()
    details = serializers.DictField(source="data")


class Rollout(Shown):
    """A rollout."""

    id = serializers.UUIDField(source="uuid")
    worker = serializers.CharField(source="worker.qualified_name")
    state = serializers.ChoiceField(choices=State.values)
    new = serializers.SerializerMethodField()
    old = serializers.SerializerMethodField()
    stages = serializers.SerializerMethodField(method_name="get_stages")
    false_alarm = serializers.SerializerMethodField()
    stage = serializers.IntegerField(help_text="Which stage is live, from 0; -1 before the first.")
    stage_started = serializers.DateTimeField(allow_null=True)
    watched_seconds = serializers.FloatField(source="watched")
    counted = serializers.SerializerMethodField()
    guards = serializers.SerializerMethodField()
    verdict = serializers.CharField()
    holding = serializers.CharField(help_text="Why nothing moves, where that is so.")
    telemetry = serializers.SerializerMethodField()
    author = serializers.CharField()
    message = serializers.CharField()
    reason = serializers.CharField()
    revision = serializers.IntegerField()
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)

    def get_new(self, row: RolloutRow) -> dict[str, Any]:
        """The version that is coming."""
        return {"version": row.new_version, "number": row.new_number}

    def get_old(self, row: RolloutRow) -> dict[str, Any]:
        """The version that it replaces."""
        return {"version": row.old_version, "number": row.old_number}

    def get_stages(self, row: RolloutRow) -> list[dict[str, Any]]:
        """The plan."""
        return [{"percent": stage.percent, "seconds": stage.seconds, "gate": stage.gate} for stage in row.planned.stages]

    def get_false_alarm(self, row: RolloutRow) -> float:
        """The plan's."""
        return row.planned.false_alarm

    def get_counted(self, row: RolloutRow) -> dict[str, int]:
        """Requests of either version in this stage."""
        return {arm: int(row.counted.get(arm, 0)) for arm in ("new", "old")}

    def get_guards(self, row: RolloutRow) -> list[dict[str, Any]]:
        """What each guard sees; without figures before the first look."""
        planned = row.planned.guards
        return [
            {"metric": guard.metric, "title": guard.title, "action": guard.action, **{k: v for k, v in shown.items() if k != "evidence"}}
            for guard, shown in zip(planned, row.guards, strict=True)
        ]

    def get_telemetry(self, row: RolloutRow) -> dict[str, Any]:
        """How old what is known is."""
        return selectors.telemetry_age(rollout=row)


class RolloutWhole(Rollout):
    """A rollout with its timeline."""

    timeline = serializers.SerializerMethodField()

    def get_timeline(self, row: RolloutRow) -> list[dict[str, Any]]:
        """What happened, in order."""
        return list(EventShown(selectors.timeline(rollout=row), many=True).data)


class RolloutOfTenant(Rollout):
    """A rollout, with whose it is."""

    tenant = serializers.CharField(source="tenant.slug")


class Freeze(Shown):
    """A freeze: of a tenant's rollouts, or of everybody's."""

    tenant = serializers.SerializerMethodField()
    reason = serializers.CharField()
    author = serializers.CharField()
    created = serializers.DateTimeField()

    def get_tenant(self, row: FreezeRow) -> str | None:
        """Whose; None for everybody's."""
        return row.tenant.slug if row.tenant else None


class FreezeSent(Sent):
    """Why, as tenants are told."""

    reason = serializers.CharField()
