"""People, their tenants, members and invitations."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from api.serializers.base import Sent, Shown
from tenants.models import Invitation as InvitationRow
from tenants.roles import Role, role_scopes
from tenants.services.invitations import HOURS_DEFAULT, HOURS_MAX

STATES = ("open", "accepted", "revoked", "expired")


class Belonging(Shown):
    """A tenant, and what a person is in it."""

    slug = serializers.CharField(source="tenant.slug")
    name = serializers.CharField(source="tenant.name")
    role = serializers.ChoiceField(choices=Role.values)
    scopes = serializers.SerializerMethodField(help_text="Everything the role may do.")

    def get_scopes(self, row: Any) -> list[str]:
        """By name."""
        return sorted(role_scopes(row.role))


class MyToken(Shown):
    """The token that asks."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    tenant = serializers.CharField(source="tenant.slug", allow_null=True, default=None)
    scopes = serializers.ListField(child=serializers.CharField(), source="held", help_text="Everything the token may do now.")
    workers = serializers.ListField(child=serializers.CharField(), allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class Myself(Shown):
    """Who asks: a person with their tenants, or a token."""

    email = serializers.CharField(allow_null=True, help_text="The person's, or whom the token acts for; null for a token of nobody.")
    name = serializers.CharField(allow_blank=True)
    operator = serializers.BooleanField()
    tenants = Belonging(many=True, help_text="Empty for a token.")
    token = MyToken(allow_null=True)
    form_token = serializers.CharField(
        allow_null=True, help_text="For a session: what methods that change something send as X-CSRFToken. null for a token."
    )


class TenantSent(Sent):
    """A tenant to make."""

    slug = serializers.CharField(
        max_length=63, trim_whitespace=False, help_text="A DNS label: part of every worker's address, and never changed."
    )
    name = serializers.CharField(max_length=200, default="", allow_blank=True)


class TenantChange(Sent):
    """What of a tenant can be changed."""

    name = serializers.CharField(max_length=200)


class Member(Shown):
    """Somebody who belongs to the tenant."""

    id = serializers.IntegerField()
    email = serializers.CharField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(choices=Role.values)
    active = serializers.BooleanField(source="user.is_active", help_text="Whether the person may log in.")
    created = serializers.DateTimeField()


class MemberChange(Sent):
    """A member's new role."""

    role = serializers.ChoiceField(choices=Role.values)


class Invitation(Shown):
    """An invitation, without its link."""

    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.values)
    email = serializers.CharField(allow_blank=True, help_text="Who may accept; empty for whoever has the link.")
    state = serializers.SerializerMethodField()
    invited_by = serializers.CharField(source="invited_by.email", allow_null=True, default=None)
    accepted_by = serializers.CharField(source="accepted_by.email", allow_null=True, default=None)
    created = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_state(self, row: InvitationRow) -> str:
        """One of open, accepted, revoked, expired."""
        if row.accepted_at is not None:
            return "accepted"
        if row.revoked_at is not None:
            return "revoked"
        return "open" if row.expires_at > timezone.now() else "expired"


class InvitationMade(Invitation):
    """An invitation that was just made: `link` is shown this once."""

    link = serializers.CharField()
    mailed = serializers.BooleanField(help_text="Whether the link was sent to the address.")


class InvitationSecret(Sent):
    """An invitation to accept."""

    secret = serializers.CharField(max_length=100)


class InvitationSent(Sent):
    """An invitation to make."""

    role = serializers.ChoiceField(choices=Role.values)
    email = serializers.CharField(max_length=254, default="", allow_blank=True)
    hours = serializers.IntegerField(min_value=1, max_value=HOURS_MAX, default=HOURS_DEFAULT, help_text="How long it is good for.")
