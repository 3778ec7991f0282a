"""Webhooks and their deliveries."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from tenants.models import WebhookDelivery
from tenants.services.webhooks import DESCRIPTION_CHARACTERS, KEEP_HOURS, KEEP_HOURS_MOST, PATTERNS, URL_CHARACTERS

_EVENTS = "Names (deployment.created) and families (deployment.*, *)."


class Webhook(Shown):
    """An address that is told of what happens, without its secret."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField(), help_text=_EVENTS)
    description = serializers.CharField()
    active = serializers.BooleanField()
    disabled_reason = serializers.CharField(help_text="Why the platform has switched it off; empty where it has not.")
    failing_since = serializers.DateTimeField(allow_null=True, help_text="Since when every delivery has failed.")
    earlier_until = serializers.DateTimeField(allow_null=True, help_text="Until when the secret before this one signs, too.")
    created = serializers.DateTimeField()


class WebhookMade(Webhook):
    """A webhook with a secret that was just made: it is shown this once."""

    secret = serializers.CharField(help_text="whsec_ and base64.")


class WebhookSent(Sent):
    """A webhook to make."""

    url = serializers.CharField(max_length=URL_CHARACTERS)
    events = serializers.ListField(child=serializers.CharField(max_length=120), min_length=1, max_length=PATTERNS, help_text=_EVENTS)
    description = serializers.CharField(max_length=DESCRIPTION_CHARACTERS, allow_blank=True, default="")
    active = serializers.BooleanField(default=True)


class WebhookChange(Sent):
    """What of a webhook changes."""

    url = serializers.CharField(max_length=URL_CHARACTERS, required=False)
    events = serializers.ListField(
        child=serializers.CharField(max_length=120), min_length=1, max_length=PATTERNS, required=False, help_text=_EVENTS
    )
    description = serializers.CharField(max_length=DESCRIPTION_CHARACTERS, allow_blank=True, required=False)
    active = serializers.BooleanField(required=False)


class SecretRotation(Sent):
    """How a secret is replaced."""

    keep_hours = serializers.IntegerField(
        min_value=0, max_value=KEEP_HOURS_MOST, default=KEEP_HOURS, help_text="How long the earlier secret signs beside the new one."
    )


class Attempt(Shown):
    """One attempt at a delivery."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(help_text="A code, where there was no response.")
    ms = serializers.IntegerField()
    response = serializers.CharField(help_text="How the response begins.")


class Delivery(Shown):
    """One event on its way to a webhook."""

    id = serializers.UUIDField(help_text="The webhook-id is msg_ and these digits without hyphens.")
    event = serializers.CharField()
    state = serializers.ChoiceField(choices=WebhookDelivery.State.values)
    attempts = serializers.IntegerField()
    next_attempt = serializers.DateTimeField(help_text="While it is pending.")
    log = Attempt(many=True)
    body = serializers.CharField(help_text="What is sent, to the byte.")
    created = serializers.DateTimeField()
    finished = serializers.DateTimeField(allow_null=True)
