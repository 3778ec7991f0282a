"""API tokens."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown

# What a tenant's token may be given; "operator" is for tokens without a tenant.
SCOPES = ("workers:read", "workers:write", "tenant:read", "tenant:write")


class Token(Shown):
    """A token, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The token's first characters, to tell one from another.")
    scopes = serializers.ListField(child=serializers.CharField())
    created = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenMade(Token):
    """A token that was just made: `secret` is shown this once."""

    secret = serializers.CharField()


class TokenSent(Sent):
    """A token to make."""

    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), allow_empty=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
