"""Secrets of a worker. No shape here has a place for a secret's text but the one that is sent."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown


class Secret(Shown):
    """A secret, without its text."""

    name = serializers.CharField()
    type = serializers.CharField()
    since_version = serializers.IntegerField(help_text="The version that brought the present value.")
    modified = serializers.DateTimeField(help_text="When that version was made.")
    last_used = serializers.DateTimeField(
        allow_null=True, help_text="The minute in which a version with this value last served a request; null where none has."
    )


class SecretSent(Sent):
    """A secret's text."""

    text = serializers.CharField(allow_blank=True, trim_whitespace=False)


class SecretSet(Shown):
    """The version that a change of a secret has made."""

    version = serializers.UUIDField()
    number = serializers.IntegerField()
    deployment = serializers.UUIDField(allow_null=True, help_text="Null while nothing of the worker is deployed.")
