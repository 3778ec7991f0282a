"""Feature flags on the wire."""

from __future__ import annotations

from typing import Any

import msgspec
from rest_framework import serializers

from api.serializers.base import Flag as Boolean
from api.serializers.base import Sent, Shown
from flags import selectors
from flags.evaluation.result import TYPES, Evaluation, Step
from flags.models import FlagState

EXAMPLE = '{"all": [{"attribute": "plan", "operator": "in", "value": ["pro"]}, {"not": {"segment": "staff"}}]}'


class State(Shown):
    """What a flag serves in one environment."""

    environment = serializers.CharField(source="environment.name")
    enabled = serializers.BooleanField()
    killed = serializers.BooleanField(help_text="By the kill switch: `off` is served, whatever `enabled` says.")
    off = serializers.SerializerMethodField(help_text="The variant that is served while it is off.")
    serve = serializers.SerializerMethodField(help_text="What is served where no rule decides: `{variant}` or `{split, by}`.")
    rules = serializers.SerializerMethodField(help_text="The first one that holds decides.")
    prerequisites = serializers.SerializerMethodField()
    layer = serializers.SerializerMethodField()
    begins = serializers.SerializerMethodField(method_name="get_from", help_text="`from`")
    until = serializers.SerializerMethodField()
    sentence = serializers.SerializerMethodField(help_text="What is served to whom, in words.")
    revision = serializers.IntegerField(help_text="Also the ETag.")
    editor = serializers.CharField()
    modified = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's."""
        fields = super().get_fields()
        return {"from" if name == "begins" else name: field for name, field in fields.items()}

    def get_off(self, row: FlagState) -> str:
        """A variant's name."""
        return str(row.document["off"])

    def get_serve(self, row: FlagState) -> dict[str, Any]:
        """As it is stored, with the pieces of a split."""
        return dict(row.document["serve"])

    def get_rules(self, row: FlagState) -> list[dict[str, Any]]:
        """As they are stored."""
        return list(row.document.get("rules", ()))

    def get_prerequisites(self, row: FlagState) -> list[dict[str, Any]]:
        """As they are stored."""
        return list(row.document.get("prerequisites", ()))

    def get_layer(self, row: FlagState) -> dict[str, Any] | None:
        """As it is stored."""
        return dict(row.document["layer"]) if row.document.get("layer") else None

    def get_from(self, row: FlagState) -> str | None:
        """ISO 8601."""
        return str(row.document["from"]) if row.document.get("from") else None

    def get_until(self, row: FlagState) -> str | None:
        """ISO 8601."""
        return str(row.document["until"]) if row.document.get("until") else None

    def get_sentence(self, row: FlagState) -> str:
        """Words."""
        return selectors.sentence_of(row)


class FlagShown(Shown):
    """A flag, with its state in every environment (or in the one that was asked for)."""

    key = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    description = serializers.CharField()
    variants = serializers.DictField(help_text="Value by variant.")
    public = serializers.BooleanField(help_text="Whether tokens with `flags:client` may evaluate it.")
    permanent = serializers.BooleanField(help_text="Never reported as stale.")
    salt = serializers.CharField()
    revision = serializers.IntegerField(help_text="Of what is the same in all environments; also the ETag.")
    author = serializers.CharField()
    editor = serializers.CharField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()
    states = serializers.SerializerMethodField()

    def get_states(self, row: Any) -> list[dict[str, Any]]:
        """From the context, where the view has put them with one question for all flags."""
        return [State(state).data for state in self.context["states"].get(row.pk, ())]


class FlagSent(Sent):
    """A flag to make; switched off everywhere until its states are changed."""

    key = serializers.CharField(max_length=128, help_text="Letters, digits, dots, hyphens and underscores.")
    type = serializers.ChoiceField(choices=TYPES, default="boolean")
    variants = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        required=False,
        help_text='Value by variant; of a boolean flag {"on": true, "off": false} unless it is given. '
        '{"worker": name, "version": id} in a flag of the type `version`.',
    )
    description = serializers.CharField(default="", allow_blank=True, trim_whitespace=False)
    public = Boolean(default=False)
    permanent = Boolean(default=False)


class FlagChange(Sent):
    """What changes of a flag, in all environments."""

    variants = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    public = Boolean(required=False)
    permanent = Boolean(required=False)
    reason = serializers.CharField(default="", allow_blank=True)


class StateChange(Sent):
    """What changes of a flag's state. Fields that are left out stay; `layer`, `from` and `until` end with null."""

    enabled = Boolean(required=False)
    off = serializers.CharField(required=False)
    serve = serializers.DictField(required=False, help_text='{"variant": "on"} or {"split": [{"variant", "percentage"}], "by": attribute}')
    rules = serializers.ListField(
        child=serializers.DictField(), required=False, help_text=f'{{"id", "name", "when", "serve", "from", "until"}}; when: {EXAMPLE}'
    )
    prerequisites = serializers.ListField(child=serializers.DictField(), required=False, help_text='{"flag": key, "variants": [name]}')
    layer = serializers.DictField(required=False, allow_null=True, help_text='{"key": layer, "percentage": of its people}')
    begins = serializers.CharField(required=False, allow_null=True, help_text="ISO 8601")
    until = serializers.CharField(required=False, allow_null=True, help_text="ISO 8601")
    reason = serializers.CharField(default="", allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's."""
        return {"from" if name == "begins" else name: field for name, field in super().get_fields().items()}


class Switch(Sent):
    """Where a flag is killed or restored, and why."""

    environment = serializers.CharField(required=False, default=None, allow_null=True, max_length=63, help_text="All, unless one is named.")
    reason = serializers.CharField(default="", allow_blank=True)


class EvaluationSent(Sent):
    """Whom a flag is evaluated for."""

    environment = serializers.CharField(default="production", max_length=63)
    context = serializers.DictField(  # type: ignore[assignment]  # a field of this name
        default=dict, help_text='{"targetingKey": "user-1", "plan": "pro", "headers": {…}, "path": "/"}'
    )
    at = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="A moment other than now.")


class Decided(Shown):
    """What had the last word."""

    by = serializers.ChoiceField(choices=("rule", "default", "disabled", "schedule", "layer", "prerequisite"))
    sentence = serializers.CharField()
    id = serializers.CharField(allow_null=True, help_text="The rule's.")
    index = serializers.IntegerField(allow_null=True, help_text="The rule's, from 0.")


class Evaluated(Shown):
    """A value, and why it is that."""

    key = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    variant = serializers.CharField(allow_null=True)
    reason = serializers.CharField(help_text="STATIC, DEFAULT, TARGETING_MATCH, SPLIT, DISABLED or ERROR, as OpenFeature has them.")
    type = serializers.CharField(allow_null=True)
    decided = Decided(allow_null=True)
    bucket = serializers.IntegerField(allow_null=True, help_text="0 to 99,999, where a split or a percentage had a say.")
    layer = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    environment = serializers.CharField()
    steps = serializers.ListField(child=serializers.DictField(), help_text="Everything the flag asks, with the answers, in order.")


class RevisionShown(Shown):
    """One change of a flag."""

    number = serializers.IntegerField()
    environment = serializers.CharField(help_text="Empty where it is the same in all.")
    action = serializers.CharField()
    changes = serializers.SerializerMethodField(help_text="{path, before, after} of every place that changed.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    author = serializers.CharField()
    reason = serializers.CharField()
    created = serializers.DateTimeField()

    def get_changes(self, row: Any) -> list[dict[str, Any]]:
        """Places."""
        return selectors.difference(row.before or {}, row.after or {})


class Environment(Shown):
    """An environment of flags."""

    name = serializers.CharField()
    revision = serializers.IntegerField(help_text="Grows with every change in it.")


class EnvironmentSent(Sent):
    """An environment to make."""

    name = serializers.CharField(max_length=63)
    copy_of = serializers.CharField(required=False, default=None, allow_null=True, max_length=63, help_text="Flags begin as in this one.")


class Segment(Shown):
    """A segment."""

    key = serializers.CharField()
    description = serializers.CharField()
    when = serializers.DictField()
    revision = serializers.IntegerField()
    editor = serializers.CharField()
    modified = serializers.DateTimeField()


class SegmentSent(Sent):
    """A segment to make."""

    key = serializers.CharField(max_length=128)
    when = serializers.DictField(help_text=f"A condition: {EXAMPLE}; it names no other segment.")
    description = serializers.CharField(default="", allow_blank=True, trim_whitespace=False)


class SegmentChange(Sent):
    """What changes of a segment, for every flag that names it."""

    when = serializers.DictField(required=False)
    description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class Layer(Shown):
    """A layer, and who has which slice of it."""

    key = serializers.CharField()
    description = serializers.CharField()
    slices = serializers.SerializerMethodField(help_text="Percentage by flag, by environment.")

    def get_slices(self, row: Any) -> dict[str, dict[str, float]]:
        """Percentages."""
        return selectors.layer_shares(layer=row)


class LayerSent(Sent):
    """A layer to make."""

    key = serializers.CharField(max_length=128)
    description = serializers.CharField(default="", allow_blank=True, trim_whitespace=False)


class FlagQuery(Sent):
    """Which flags are listed."""

    page = serializers.CharField(required=False)
    per_page = serializers.CharField(required=False)
    search = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="Part of the key or the description.")


class StaleQuery(Sent):
    """How old."""

    days = serializers.IntegerField(default=30, min_value=1, max_value=3_650)


class StaleFinding(Shown):
    """A reason to look at a flag."""

    flag = serializers.CharField()
    environment = serializers.CharField()
    why = serializers.ChoiceField(choices=("unused", "rolled_out", "switched_off", "dead_rules", "version_gone"))
    sentence = serializers.CharField()
    days = serializers.IntegerField(help_text="Since the last change.")
    rules = serializers.ListField(child=serializers.CharField())


def evaluated(found: Evaluation, steps: tuple[Step, ...], environment: str) -> dict[str, Any]:
    """An evaluation as it is answered."""
    return {**msgspec.to_builtins(found), "environment": environment, "steps": [msgspec.to_builtins(step) for step in steps]}
