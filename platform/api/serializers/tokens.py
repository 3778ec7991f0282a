"""API tokens."""

from __future__ import annotations

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from tenants.roles import Scope

# What a tenant's token may be given; "operator" is for tokens without a tenant.
SCOPES = tuple(scope for scope in Scope.values if scope != Scope.OPERATOR)


class Token(Shown):
    """A token, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The token's first characters, to tell one from another.")
    scopes = serializers.ListField(child=serializers.CharField())
    workers = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="The only workers it may see; null for all.")
    user = serializers.CharField(source="user.email", allow_null=True, default=None, help_text="Whose token it is.")
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
    workers = serializers.ListField(
        child=serializers.CharField(max_length=127),
        required=False,
        allow_null=True,
        allow_empty=False,
        max_length=100,
        default=None,
        help_text="Names of the only workers it may see and touch, in both APIs (`namespace:worker`, too); they need not exist yet.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
