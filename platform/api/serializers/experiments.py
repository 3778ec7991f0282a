"""Experiments, events and version flags."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from experiments.metrics import KINDS, METRICS
from experiments.models import Experiment as ExperimentRow
from experiments.services import EVENTS, SOURCES


class Experiment(Shown):
    """An experiment, without what was found."""

    key = serializers.CharField()
    description = serializers.CharField()
    environment = serializers.CharField()
    flag = serializers.CharField()
    control = serializers.CharField(help_text="The variant that the others are compared with.")
    metrics = serializers.ListField(child=serializers.DictField())
    alpha = serializers.FloatField()
    on_breach = serializers.CharField()
    status = serializers.ChoiceField(choices=ExperimentRow.Status.values)
    shares = serializers.DictField(child=serializers.FloatField(), help_text="Variant -> share, as the flag had it at the start.")
    participants = serializers.IntegerField()
    turned_away = serializers.IntegerField(help_text="Evaluations that came after the experiment was full.")
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    revision = serializers.IntegerField()


_METRICS = f"{{name, kind, event, better, tolerance}}, 1 to {METRICS}; kinds: {', '.join(KINDS)}. With a tolerance, a guardrail."


class ExperimentChange(Sent):
    """What changes of a draft."""

    description = serializers.CharField(required=False, allow_blank=True)
    environment = serializers.CharField(required=False)
    flag = serializers.CharField(required=False)
    control = serializers.CharField(required=False)
    metrics = serializers.ListField(child=serializers.JSONField(), required=False, help_text=_METRICS)
    alpha = serializers.FloatField(required=False, help_text="How often one metric's intervals may be wrong, all looks together; 0.05.")
    on_breach = serializers.CharField(required=False, help_text="tell, or kill: switch the flag off when a guardrail is surely broken.")


class ExperimentSent(ExperimentChange):
    """An experiment to make."""

    key = serializers.CharField(max_length=63)
    flag = serializers.CharField()
    control = serializers.CharField()
    metrics = serializers.ListField(child=serializers.JSONField(), help_text=_METRICS)


class ExperimentStop(Sent):
    """Why an experiment is stopped."""

    outcome = serializers.CharField(default="", allow_blank=True, help_text="What was decided, and why.")


class Arm(Shown):
    """One variant."""

    variant = serializers.CharField()
    participants = serializers.IntegerField()
    share = serializers.FloatField()
    requests = serializers.IntegerField()
    values = serializers.DictField(child=serializers.FloatField(), help_text="Metric -> value.")


class Comparison(Shown):
    """One metric of one variant beside the control."""

    metric = serializers.CharField()
    variant = serializers.CharField()
    value = serializers.FloatField()
    control = serializers.FloatField()
    difference = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, default=None, help_text="The interval of the difference holds at every look together.")
    high = serializers.FloatField(allow_null=True, default=None)
    verdict = serializers.ChoiceField(choices=("waiting", "undecided", "better", "worse"))
    guard = serializers.ChoiceField(choices=("waiting", "undecided", "holds", "broken"), allow_null=True, default=None)


class Ratio(Shown):
    """Whether the variants have the participants they should have."""

    chi_square_p = serializers.FloatField()
    always_valid_p = serializers.FloatField()
    mismatch = serializers.BooleanField()


class Results(Shown):
    """What an experiment says now."""

    summary = serializers.CharField(help_text="All of it in plain words.")
    warnings = serializers.ListField(child=serializers.CharField())
    arms = Arm(many=True)
    comparisons = Comparison(many=True)
    ratio = Ratio()
    alpha = serializers.FloatField(help_text="Of each comparison.")
    crossed = serializers.FloatField(help_text="Share of participants who were shown more than one variant.")
    turned_away = serializers.IntegerField()


class EventsSent(Sent):
    """Events to count."""

    environment = serializers.CharField(default="production", max_length=63)
    events: Any = serializers.ListField(
        child=serializers.JSONField(),
        help_text=f"1 to {EVENTS} of {{event, targeting_key, value, at, id}}: the key that the flag was evaluated for, maybe a number, the "
        "moment (milliseconds since 1970; now), and an id that is counted once.",
    )


class EventsTaken(Shown):
    """How many were taken."""

    accepted = serializers.IntegerField()
    unused = serializers.IntegerField(help_text="Events that no running experiment is about.")


class VersionFlag(Shown):
    """The flag that chooses a worker's version."""

    environment = serializers.CharField()
    flag = serializers.CharField()
    targeting = serializers.ListField(child=serializers.CharField())
    author = serializers.CharField()
    modified = serializers.DateTimeField()


class VersionFlagSent(Sent):
    """The flag that is to choose a worker's version."""

    flag = serializers.CharField(max_length=128)
    environment = serializers.CharField(max_length=63, default="production")
    targeting = serializers.ListField(
        child=serializers.CharField(max_length=120),
        max_length=SOURCES,
        required=False,
        help_text="Where a request's targeting key is looked for, in this order: version-key, ip, cookie:NAME, header:NAME, query:NAME.",
    )
