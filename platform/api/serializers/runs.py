"""Runs: a request that is sent by hand, and what it has shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown, Whole
from api.serializers.versions import ModuleSent
from sandbox.limits import MOST


class DraftSent(Sent):
    """Code that is no version."""

    main_module = serializers.CharField(trim_whitespace=False)
    modules = ModuleSent(many=True, allow_empty=False)
    bindings = serializers.ListField(
        child=serializers.DictField(), required=False, allow_null=True, help_text="Those of the newest version where they are left out."
    )
    keep_bindings = serializers.ListField(child=serializers.CharField(), default=list)
    compatibility_date = serializers.CharField(required=False, allow_null=True, default=None)
    compatibility_flags = serializers.ListField(child=serializers.CharField(), default=list)
    limits = serializers.DictField(child=Whole(min_value=1, max_value=MOST), default=dict)


class RequestSent(Sent):
    """A request; at most one of `body` (text) and `body_base64`."""

    method = serializers.CharField(default="GET")
    url = serializers.CharField(
        default="/", trim_whitespace=False, help_text="A path with or without a query, or an absolute URL: what the worker sees."
    )
    headers = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False), min_length=2, max_length=2),
        default=list,
        max_length=100,
        help_text="[[name, value], …]",
    )
    body = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    body_base64 = serializers.CharField(required=False, allow_blank=True)
    client = serializers.CharField(default="127.0.0.1", help_text="The visitor's address, as the worker is told.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One body at most."""
        if "body" in attrs and "body_base64" in attrs:
            raise serializers.ValidationError({"body": "A request has either body or body_base64."})
        return attrs


class RunSent(RequestSent):
    """What to run: a version (default: the one with the largest share of the live deployment, else the newest) or a draft."""

    version = serializers.CharField(required=False, allow_null=True, help_text="A version's id, deployed or not.")
    draft = DraftSent(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Not both."""
        if attrs.get("version") and attrs.get("draft"):
            raise serializers.ValidationError({"draft": "Run either a version or a draft."})
        return super().validate(attrs)


class Answered(Shown):
    """The worker's response."""

    status = serializers.IntegerField()
    reason = serializers.CharField()
    headers = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    body = serializers.CharField(help_text="Its text, or base64; the first MiB of it.")
    encoding = serializers.ChoiceField(choices=("utf-8", "base64"))
    body_bytes = serializers.IntegerField(help_text="Of the whole body.")
    truncated = serializers.BooleanField()


class ConsoleLine(Shown):
    """A console line."""

    timestamp = serializers.FloatField(help_text="Milliseconds since 1970.")
    level = serializers.CharField()
    message = serializers.CharField()
    worker = serializers.CharField(help_text="Who wrote it: this worker, or one that it called.")


class Caught(Shown):
    """An exception that nothing caught, and where in the worker's code."""

    timestamp = serializers.FloatField()
    name = serializers.CharField()
    message = serializers.CharField()
    stack = serializers.CharField()
    where = serializers.CharField(help_text="handler, waitUntil or rejection.")
    worker = serializers.CharField()
    file = serializers.CharField(allow_null=True)
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True)


class HostCall(Shown):
    """A call of the outside: fetch(), another worker, a dynamic one."""

    kind = serializers.CharField(help_text="internet, service, dispatch or loader.")
    binding = serializers.CharField()
    method = serializers.CharField()
    url = serializers.CharField()
    status = serializers.IntegerField(help_text="0 where there was no answer.")
    started_ms = serializers.FloatField()
    wall_ms = serializers.FloatField(help_text="Until the head of the answer.")
    error = serializers.CharField()


class Run(Shown):
    """What a run has shown."""

    request_id = serializers.CharField(source="ran.request_id")
    version = serializers.UUIDField(source="version.pk", default=None, allow_null=True, help_text="Null for a draft.")
    number = serializers.IntegerField(source="version.number", default=None, allow_null=True)
    outcome = serializers.CharField(source="ran.outcome")
    response = Answered(source="ran.response", allow_null=True)
    error = serializers.DictField(
        source="ran.error", allow_null=True, help_text="What a visitor would have been told instead of a response: code, status, message, …"
    )
    logs = ConsoleLine(source="ran.logs", many=True)
    logs_dropped = serializers.IntegerField(source="ran.logs_dropped", help_text="Bytes beyond the limit.")
    exceptions = Caught(source="ran.exceptions", many=True)
    calls = HostCall(source="ran.calls", many=True)
    cpu_us = serializers.IntegerField(source="ran.cpu_us")
    wall_us = serializers.IntegerField(source="ran.wall_us")
    memory_bytes = serializers.IntegerField(source="ran.memory_bytes")
    subrequests = serializers.IntegerField(source="ran.subrequests")
    finished = serializers.BooleanField(
        source="ran.finished", help_text="False where waitUntil promises were still under way: their part is missing."
    )
