"""Dispatch namespaces, environments and promotion."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from api.serializers.workers import Deployment
from tenants import bindings as environment
from tenants.bindings import ENVIRONMENT_TYPES
from tenants.models import Namespace as NamespaceRow


class Namespace(Shown):
    """A dispatch namespace; with `promotes_to` an environment that leads to the next one."""

    id = serializers.CharField(source="tag", help_text="Changes when the namespace is deleted and made again.")
    name = serializers.CharField()
    promotes_to = serializers.CharField(source="promotes_to.name", default=None, allow_null=True, help_text="Where promotion leads.")
    bindings = serializers.SerializerMethodField(help_text="What it puts in the place of bindings of the same names; secrets by name only.")
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()

    def get_bindings(self, row: NamespaceRow) -> list[dict[str, Any]]:
        """Bindings, secrets without their text."""
        return environment.shown(row.bindings)


class NamespaceListed(Namespace):
    """The same, with the number of workers in it."""

    workers = serializers.IntegerField(source="worker_count")


class NamespaceSent(Sent):
    """A namespace to make."""

    name = serializers.CharField(max_length=63, help_text="Lower-case letters, digits, underscores and hyphens.")
    promotes_to = serializers.CharField(max_length=63, required=False, allow_null=True, default=None)


class NamespaceChange(Sent):
    """What changes of a namespace."""

    name = serializers.CharField(max_length=63, required=False, help_text="A new name; refused while bindings use the old one.")
    promotes_to = serializers.CharField(max_length=63, required=False, allow_null=True, help_text="Where promotion leads; null: nowhere.")
    bindings = serializers.DictField(
        child=serializers.DictField(allow_null=True),
        required=False,
        help_text=f"Name -> {{type, …}} ({', '.join(sorted(ENVIRONMENT_TYPES))}); null removes. Names that are left out stay.",
    )


class PromotionSent(Sent):
    """A promotion."""

    preview = serializers.CharField(
        max_length=64,
        required=False,
        default=None,
        allow_null=True,
        help_text="The preview that was looked at; refused when it is another now.",
    )
    message = serializers.CharField(default="", allow_blank=True)


class BindingDifference(Shown):
    """What becomes of one binding."""

    name = serializers.CharField()
    type = serializers.CharField()
    change = serializers.ChoiceField(
        choices=("added", "removed", "changed", "unchanged", "missing"), help_text="`missing`: a secret that the target has no value for."
    )
    origin = serializers.ChoiceField(
        choices=("environment", "worker", "version"),
        allow_null=True,
        help_text="Whose value it will have: the environment's own, the target worker's own (secrets), or the promoted version's.",
    )
    before = serializers.DictField(allow_null=True, help_text="Null for secrets.")
    after = serializers.DictField(allow_null=True)


class Pair(Shown):
    """A value before and after."""

    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    changed = serializers.BooleanField()


class LimitDifference(Shown):
    """A limit that the version asks for; null where it asks for none."""

    name = serializers.CharField()
    before = serializers.IntegerField(allow_null=True)
    after = serializers.IntegerField(allow_null=True)


class VersionDifference(Shown):
    """A version that would be promoted, against the version that now has the largest share of the target's traffic."""

    version = serializers.UUIDField(help_text="The version in the source.")
    number = serializers.IntegerField()
    percentage = serializers.FloatField()
    sha256 = serializers.CharField(allow_null=True, help_text="Of what it will be in the target; null while secrets are missing.")
    standing = serializers.UUIDField(allow_null=True, help_text="The target's version that is the same already; none has to be made then.")
    code = Pair(help_text="SHA-256 of the code alone: a promotion never changes it.")
    compatibility_date = Pair()
    compatibility_flags = Pair()
    limits = LimitDifference(many=True)
    bindings = BindingDifference(many=True)


class Promotion(Shown):
    """What a promotion would do now."""

    preview = serializers.CharField(source="digest", help_text="Send it along to be refused if anything has changed meanwhile.")
    source = serializers.CharField(source="worker.qualified_name")  # type: ignore[assignment]  # a field of this name
    target = serializers.CharField(source="target_name")
    changes = serializers.BooleanField(help_text="False: the target serves exactly this already.")
    missing_secrets = serializers.ListField(
        source="missing", child=serializers.CharField(), help_text="Promotion is refused while there are any."
    )
    versions = VersionDifference(source="differences", many=True)


class Promoted(Shown):
    """What a promotion has done."""

    source = serializers.CharField(source="preview.worker.qualified_name")  # type: ignore[assignment]  # a field of this name
    target = serializers.CharField(source="preview.target_name")
    made = serializers.SerializerMethodField(help_text="Ids of the versions that were made; none where equal ones were there.")
    deployment = Deployment(help_text="The target's live deployment.")

    def get_made(self, row: Any) -> list[str]:
        """Ids."""
        return [str(version.pk) for version in row.made]
