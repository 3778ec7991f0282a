"""Request tests and what came of them."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown


class RequestTest(Shown):
    """A request that is saved with a worker, and what the answer has to be like."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    method = serializers.CharField()
    url = serializers.CharField()
    headers = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    body = serializers.CharField()
    expect = serializers.DictField()
    enabled = serializers.BooleanField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()


class RequestTestSent(Sent):
    """A request test to save."""

    name = serializers.CharField(max_length=100)
    method = serializers.CharField(default="GET", max_length=32)
    url = serializers.CharField(default="/", trim_whitespace=False, help_text="A path, or an absolute URL.")
    headers = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False), min_length=2, max_length=2),
        default=list,
        max_length=100,
        help_text="[[name, value], …]",
    )
    body = serializers.CharField(default="", allow_blank=True, trim_whitespace=False)
    expect = serializers.DictField(
        default=dict,
        help_text="status (a number or a list), headers [{name, match, value}], body {match, value}, within_ms; "
        "match is exact, contains, regex or (body) json.",
    )
    enabled = serializers.BooleanField(default=True)


class RequestTestChange(Sent):
    """What changes of a request test."""

    name = serializers.CharField(max_length=100, required=False)
    method = serializers.CharField(max_length=32, required=False)
    url = serializers.CharField(trim_whitespace=False, required=False)
    headers = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True, trim_whitespace=False), min_length=2, max_length=2),
        max_length=100,
        required=False,
    )
    body = serializers.CharField(allow_blank=True, trim_whitespace=False, required=False)
    expect = serializers.DictField(required=False)
    enabled = serializers.BooleanField(required=False)


class RunTestsSent(Sent):
    """Which tests to run against which version."""

    version = serializers.CharField(
        required=False, allow_null=True, help_text="Default: the one with the largest share of the live deployment, else the newest."
    )
    tests = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True, max_length=50, help_text="Ids; default: all that are enabled."
    )


class TestResult(Shown):
    """What one test has said."""

    test = serializers.CharField()
    name = serializers.CharField()
    passed = serializers.BooleanField()
    problems = serializers.ListField(child=serializers.CharField())
    status = serializers.IntegerField()
    outcome = serializers.CharField()
    cpu_us = serializers.IntegerField()
    wall_us = serializers.IntegerField()
    body = serializers.CharField(help_text="The beginning of it.")


class TestRun(Shown):
    """A run of a worker's tests against a version."""

    id = serializers.UUIDField()
    version = serializers.UUIDField(source="version_id")
    passed = serializers.BooleanField()
    total = serializers.IntegerField()
    failed = serializers.IntegerField()
    trigger = serializers.CharField(help_text="manual, deploy or rollout.")
    author = serializers.CharField()
    created = serializers.DateTimeField()
    results = TestResult(many=True)
