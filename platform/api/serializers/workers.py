"""Workers and their settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.serializers.base import Sent, Shown, Whole
from cfapi.render import host_of
from sandbox.limits import MOST
from tenants import selectors
from tenants.cohorts import shown_cohorts
from tenants.models import Deployment as DeploymentRow
from tenants.models import Tenant as TenantRow
from tenants.models import Worker as WorkerRow

MODES = ("reuse", "fresh")


class Tenant(Shown):
    """The token's tenant."""

    slug = serializers.CharField()
    name = serializers.CharField()
    account_id = serializers.CharField(help_text="The same tenant in the Cloudflare-compatible API.")
    suspended = serializers.SerializerMethodField()
    created = serializers.DateTimeField()

    def get_suspended(self, row: TenantRow) -> bool:
        """Whether its workers are stopped."""
        return row.suspended_at is not None


class Share(Shown):
    """A version's part of the traffic."""

    version = serializers.UUIDField(source="version_id")
    percentage = serializers.SerializerMethodField()

    def get_percentage(self, row: Any) -> float:
        """Per cent, two decimals at most."""
        return float(row.weight) / 100


class Deployment(Shown):
    """Which versions serve, and how much of the traffic each. The newest deployment is live."""

    id = serializers.UUIDField(source="uuid")
    strategy = serializers.CharField()
    versions = Share(source="entries", many=True)
    cohorts = serializers.SerializerMethodField()
    author = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of this name
    message = serializers.CharField()
    created = serializers.DateTimeField()

    def get_cohorts(self, row: DeploymentRow) -> list[dict[str, Any]]:
        """Groups of visitors with shares of their own, as they are sent."""
        return shown_cohorts(row.cohorts)


class Warned(Shown):
    """Something that is not as it was when a version last served."""

    code = serializers.ChoiceField(choices=("secret_gone", "secret_changed", "service_gone", "namespace_gone"))
    version = serializers.CharField()
    number = serializers.IntegerField()
    name = serializers.CharField(help_text="The binding's.")
    message = serializers.CharField()


class RolledBack(Deployment):
    """The deployment that a rollback has made, and what is to be known of it."""

    rolled_back_to = serializers.CharField()
    warnings = Warned(many=True)


class RollbackTarget(Shown):
    """Where a rollback would lead."""

    live = Deployment()
    target = Deployment()
    warnings = Warned(many=True)


class Worker(Shown):
    """A worker."""

    id = serializers.CharField(source="tag", help_text="Changes when the worker is deleted and made again.")
    name = serializers.CharField()
    namespace = serializers.CharField(source="namespace.name", default=None, allow_null=True, help_text="Null outside of namespaces.")
    qualified_name = serializers.CharField(help_text="`namespace:name`, or the name alone: what other routes call it.")
    url = serializers.SerializerMethodField()
    live = serializers.SerializerMethodField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()

    def get_url(self, row: WorkerRow) -> str | None:
        """Its default address; null when that is switched off, and for a worker in a namespace."""
        return settings.HOSTEL.origin(host_of(row, row.tenant)) if row.subdomain_enabled and row.namespace_id is None else None

    @extend_schema_field(Deployment(allow_null=True))
    def get_live(self, row: WorkerRow) -> dict[str, Any] | None:
        """The live deployment; null while there is none. Lists bring theirs along: one query for all."""
        known = self.context.get("live")
        live = selectors.deployment_live(tenant=row.tenant, worker=row) if known is None else known.get(row.pk)
        return dict(Deployment(live).data) if live else None


class WorkerSettings(Shown):
    """Settings that are the worker's and no version's."""

    mode = serializers.ChoiceField(choices=MODES)
    tags = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField(child=serializers.IntegerField())
    subdomain_enabled = serializers.BooleanField()
    previews_enabled = serializers.BooleanField()
    logpush = serializers.BooleanField()
    observability = serializers.DictField()
    gate_deploys = serializers.BooleanField(
        help_text="Whether a version must have passed the worker's request tests before it gets traffic."
    )
    sticky = serializers.CharField(help_text="What keeps a visitor on a version: cookie, header:<name>, ip or none.")
    version_headers = serializers.ChoiceField(
        choices=("trusted", "stripped"), help_text="Whether visitors may choose version and cohort by headers."
    )
    retention = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="{keep, days}: which versions are kept; null keeps all."
    )
    tail_consumers = serializers.ListField(child=serializers.DictField(), help_text="{service}: whose tail() hears of its invocations.")


class WorkerSettingsChange(Sent):
    """Those of a worker's settings that change."""

    mode = serializers.ChoiceField(choices=MODES, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=1_000), max_length=100, required=False)
    limits = serializers.DictField(child=Whole(min_value=1, max_value=MOST), required=False)
    subdomain_enabled = serializers.BooleanField(required=False)
    previews_enabled = serializers.BooleanField(required=False)
    logpush = serializers.BooleanField(required=False)
    observability = serializers.DictField(required=False)
    tail_consumers = serializers.ListField(child=serializers.DictField(), max_length=10, required=False)
    gate_deploys = serializers.BooleanField(required=False)
    sticky = serializers.CharField(required=False, max_length=80)
    version_headers = serializers.ChoiceField(choices=("trusted", "stripped"), required=False)
    retention = serializers.DictField(child=Whole(min_value=1, max_value=100_000), required=False)
