"""Audit events, and what can be asked about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.serializers.base import Sent, Shown
from tenants import chain
from tenants.models import AuditEvent as EventRow
from tenants.selectors.audit import PAGE, PAGE_MAX

VIAS = ("api", "ui", "cli", "job", "system")
_CURSOR_MAX = 2**63 - 1


class AuditEvent(Shown):
    """One thing that was done. Events of one chain are numbered without gaps, and each hash covers the one before."""

    number = serializers.IntegerField(help_text="1, 2, 3, … within the chain.")
    action = serializers.CharField(help_text="As the service that did it: deployment_create.")
    target = serializers.CharField()
    actor = serializers.CharField(help_text="user:…, token:… or system.")
    actor_email = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    data = serializers.JSONField()  # type: ignore[assignment]  # a field of this name
    reason = serializers.CharField(help_text="Why, if that was said (the header Hostel-Reason).")
    via = serializers.ChoiceField(choices=VIAS)
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    request_id = serializers.CharField()
    created = serializers.DateTimeField()
    previous = serializers.CharField(help_text="The hash of the event before it; empty for the first.")
    hash = serializers.CharField()


class AdminAuditEvent(AuditEvent):
    """The same, with the chain it is in."""

    chain = serializers.CharField(help_text="The tenant's account id, or platform.")
    tenant = serializers.SerializerMethodField(help_text="The tenant's slug; null for the platform, or when the tenant has gone.")

    def get_tenant(self, row: EventRow) -> str | None:
        """The slug."""
        return row.tenant.slug if row.tenant is not None else None


class AuditQuery(Sent):
    """What a list of events is narrowed by."""

    action = serializers.CharField(required=False, max_length=60, help_text="May end in *.")
    actor = serializers.CharField(required=False, max_length=254, help_text="user:3, token:…, system, or an e-mail address.")
    target = serializers.CharField(required=False, max_length=200)
    via = serializers.ChoiceField(choices=VIAS, required=False)
    request_id = serializers.CharField(required=False, max_length=64)
    since = serializers.DateTimeField(required=False, help_text="From this time on.")
    until = serializers.DateTimeField(required=False, help_text="Before this time.")
    cursor = serializers.IntegerField(required=False, min_value=1, max_value=_CURSOR_MAX, help_text="`next` of the page before.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=PAGE_MAX, default=PAGE)


class AdminAuditQuery(AuditQuery):
    """The same, of one chain or all."""

    tenant = serializers.CharField(required=False, max_length=63, help_text="A slug, an account id, or platform.")


class AdminAuditExport(Sent):
    """Which chain is exported."""

    tenant = serializers.CharField(max_length=63, help_text="A slug, an account id, or platform.")


class AuditVerified(Shown):
    """What a look at the chains found."""

    intact = serializers.BooleanField()
    events = serializers.IntegerField(help_text="Events that hold.")
    heads = serializers.DictField(
        help_text="The end of every chain: {number, hash}. Kept elsewhere, it shows later whether events were cut off."
    )
    breaks = serializers.ListField(child=serializers.DictField(), help_text="The first break of each chain: {chain, number, id, problem}.")


def exported(row: EventRow) -> dict[str, Any]:
    """An event as an export has it: exactly what its hash covers, and the hash."""
    fields = {name: getattr(row, name) for name in chain.FIELDS}
    return {**fields, "created": chain.instant(row.created), "previous": row.previous, "hash": row.hash}
