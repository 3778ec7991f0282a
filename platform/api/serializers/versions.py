"""Versions and deployments."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown, Whole
from api.serializers.namespaces import Pair
from sandbox.limits import MOST
from tenants import selectors
from tenants.models import Version as VersionRow

KINDS = ("js", "text", "json", "data", "wasm", "source_map")


class Module(Shown):
    """One module of a version."""

    name = serializers.CharField()
    type = serializers.ChoiceField(source="kind", choices=KINDS)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class Version(Shown):
    """A version: immutable code and settings."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    main_module = serializers.CharField()
    modules = Module(many=True)
    bindings = serializers.SerializerMethodField()
    compatibility_date = serializers.CharField()
    compatibility_flags = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField(child=serializers.IntegerField())
    handlers = serializers.ListField(child=serializers.CharField())
    entrypoints = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    startup_cpu_us = serializers.IntegerField(help_text="CPU time of the top level, in microseconds.")
    warnings = serializers.ListField(child=serializers.CharField())
    sha256 = serializers.CharField(help_text="Of everything that decides what the version does.")
    author = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of this name
    message = serializers.CharField()
    tag = serializers.CharField()
    created = serializers.DateTimeField()

    def get_bindings(self, row: VersionRow) -> list[dict[str, Any]]:
        """Bindings, secrets without their text."""
        return list(selectors.version_bindings(tenant=row.tenant, version=row))


class Made(Version):
    """A version that was just made, and its deployment if there was one."""

    worker = serializers.CharField()
    deployment = serializers.UUIDField(allow_null=True)


class ModuleSent(Sent):
    """A module; exactly one of `content` (text) and `content_base64`."""

    name = serializers.CharField(trim_whitespace=False)
    type = serializers.ChoiceField(choices=KINDS, default="js")
    content = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    content_base64 = serializers.CharField(required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One content, not two and not none."""
        if ("content" in attrs) == ("content_base64" in attrs):
            raise serializers.ValidationError({"content": "A module has either content or content_base64."})
        return attrs


class VersionSent(Sent):
    """A version to make."""

    main_module = serializers.CharField(trim_whitespace=False)
    modules = ModuleSent(many=True, allow_empty=False)
    bindings = serializers.ListField(
        child=serializers.DictField(),
        default=list,
        help_text="{type, name, …}: plain_text, json, secret_text, service, dispatch_namespace, worker_loader, version_metadata, "
        "flagship, flags, inherit.",
    )
    keep_bindings = serializers.ListField(
        child=serializers.CharField(),
        default=list,
        help_text="Types to take over from the newest version where this one does not name them.",
    )
    compatibility_date = serializers.CharField(required=False, allow_null=True, default=None)
    compatibility_flags = serializers.ListField(child=serializers.CharField(), default=list)
    limits = serializers.DictField(child=Whole(min_value=1, max_value=MOST), default=dict)
    message = serializers.CharField(default="", allow_blank=True)
    tag = serializers.CharField(default="", allow_blank=True)


class VersionForm(Sent):
    """The same as multipart: `metadata` (Cloudflare's upload metadata as JSON) and one part for each module, named as the module."""

    metadata = serializers.JSONField(help_text='{"main_module": "worker.js", "bindings": [], …}')
    worker_js = serializers.FileField(help_text="A module; the part's name is the module's name, its content type the module's type.")


class ShareSent(Sent):
    """A version's part of the traffic."""

    version = serializers.CharField(help_text="The version's id.")
    percentage = serializers.FloatField(min_value=0, max_value=100, help_text="Two decimals at most; all together are 100.")


class CohortSent(Sent):
    """A group of visitors with shares of its own: those that name it, and those for whom a rule holds."""

    name = serializers.CharField(help_text="1 to 40 letters, digits, - and _.")
    versions = ShareSent(many=True, allow_empty=False)
    rules = serializers.ListField(
        child=serializers.DictField(),
        default=list,
        max_length=20,
        help_text="{header or cookie: name, values: […]}: one that holds is enough.",
    )


class SignedOverrideSent(Sent):
    """A signed override to make."""

    seconds = serializers.IntegerField(default=3_600, min_value=60, max_value=86_400, help_text="How long it is good for.")


class SignedOverride(Shown):
    """A signed override: send the token in the header, and the version answers, deployed or not."""

    header = serializers.CharField()
    token = serializers.CharField(help_text="Shown once, kept nowhere.")
    ends = serializers.DateTimeField()


class DeploymentSent(Sent):
    """A deployment to make."""

    versions = ShareSent(many=True, allow_empty=False)
    cohorts = CohortSent(
        many=True, required=False, allow_null=True, help_text="Left out: the live deployment's, as far as their versions are named."
    )
    message = serializers.CharField(default="", allow_blank=True)


class Pin(Shown):
    """A version that no policy removes."""

    version = serializers.UUIDField(source="version_id")
    reason = serializers.CharField()
    author = serializers.CharField()
    created = serializers.DateTimeField()


class PinSent(Sent):
    """Why a version is pinned."""

    reason = serializers.CharField(default="", allow_blank=True)


class Alias(Shown):
    """A name for a version in the host name of its preview."""

    name = serializers.CharField()
    version = serializers.UUIDField(source="version_id")
    number = serializers.IntegerField(source="version.number")
    created = serializers.DateTimeField()


class AliasSent(Sent):
    """The version that an alias leads to."""

    version = serializers.UUIDField()


class RestoreSent(Sent):
    """How an earlier version is made new."""

    secrets = serializers.ChoiceField(
        choices=("current", "original"),
        default="current",
        help_text="Values of its secrets: the newest version's where that has them, or those of then.",
    )
    deploy = serializers.BooleanField(default=False, help_text="Whether it gets all of the traffic at once.")
    message = serializers.CharField(default="", allow_blank=True)


class Hunk(Shown):
    """A part of a file that differs; each line begins with a space, - or +."""

    before_start = serializers.IntegerField()
    before_lines = serializers.IntegerField()
    after_start = serializers.IntegerField()
    after_lines = serializers.IntegerField()
    lines = serializers.ListField(child=serializers.CharField())


class FileDiff(Shown):
    """A module that differs."""

    name = serializers.CharField()
    change = serializers.ChoiceField(choices=("added", "removed", "changed"))
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    note = serializers.CharField(
        allow_null=True, help_text="binary, too_large: no hunks. too_different: replaced whole. left_out: some lines are not in the answer."
    )
    hunks = Hunk(many=True)
    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class VersionDiff(Shown):
    """How two versions of a worker differ; no secret is in it."""

    before = serializers.DictField()
    after = serializers.DictField()
    same = serializers.BooleanField()
    files = FileDiff(many=True)
    files_left_out = serializers.IntegerField()
    files_unchanged = serializers.IntegerField()
    main_module = Pair()
    bindings = serializers.ListField(child=serializers.DictField(), help_text="{name, type, change, before, after} of those that differ.")
    limits = serializers.ListField(child=serializers.DictField(), help_text="{name, before, after} of those that differ.")
    compatibility_date = Pair()
    compatibility_flags = Pair()
    flags = Pair(help_text="Keys of flags that the code names, as far as that can be seen.")


class RollbackSent(Sent):
    """Where to go back to: the latest earlier deployment with other shares, unless `deployment` names another."""

    deployment = serializers.CharField(required=False, help_text="An earlier deployment's id.")
    message = serializers.CharField(default="", allow_blank=True)
