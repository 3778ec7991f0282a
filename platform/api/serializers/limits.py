"""Limits and quotas, plans, overrides, previews."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.serializers.base import Flag, Sent, Shown, Whole
from sandbox.limits import MOST
from tenants.definitions import DEFINITIONS, LEVELS
from tenants.models import LimitOverride
from tenants.models import Plan as PlanRow
from tenants.models.plan import RETENTION_DAYS_MOST, WEIGHT_MOST
from tenants.selectors.limits import Explained

NAMES = tuple(DEFINITIONS)


class Breach(Shown):
    """What happens past a limit."""

    code = serializers.CharField(allow_null=True, help_text="The error's code; null where nobody is refused.")
    status = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField(allow_null=True, help_text="The invocation's outcome, where there is an invocation.")
    what = serializers.CharField()


class Level(Shown):
    """What one level says of a limit."""

    level = serializers.ChoiceField(choices=LEVELS)
    value = serializers.IntegerField(allow_null=True)
    plan = serializers.CharField(required=False, help_text="Of level `plan`: its name.")
    scope = serializers.ChoiceField(choices=("tenant", "worker"), required=False, help_text="Of level `override`: for whom it was made.")
    reason = serializers.CharField(required=False, help_text="Of level `override`.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Of level `override`: null does not end.")


class Limit(Shown):
    """One limit or quota: what applies and why."""

    name = serializers.ChoiceField(source="definition.name", choices=NAMES)
    kind = serializers.ChoiceField(
        source="definition.kind",
        choices=("request", "count", "rate"),
        help_text="Of one request or version; how many there may be; how many in a period.",
    )
    unit = serializers.CharField(source="definition.unit")
    period = serializers.ChoiceField(source="definition.period", choices=("minute", "hour", "day", "month"), allow_null=True)
    meaning = serializers.CharField(source="definition.meaning")
    value = serializers.IntegerField(allow_null=True, help_text="What applies; null is no limit.")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of this name
        source="decided.level", choices=LEVELS, help_text="The level that decided."
    )
    levels = serializers.SerializerMethodField()
    breach = Breach(source="definition.breach")
    used = serializers.IntegerField(allow_null=True, help_text="How much is used now; null where it is not counted.")
    resets_at = serializers.DateTimeField(allow_null=True, help_text="When the count begins again.")

    @extend_schema_field(Level(many=True))
    def get_levels(self, row: Explained) -> list[dict[str, Any]]:
        """What each level says, in the order they are asked; levels that say nothing are left out."""
        found = []
        for said in row.said:
            more: dict[str, Any] = {"plan": row.plan} if said.level == "plan" else {}
            if said.override is not None:
                override: LimitOverride = said.override
                scope = "tenant" if override.worker_id is None else "worker"
                more = {"scope": scope, "reason": override.reason, "expires_at": override.expires_at}
            found.append({"level": said.level, "value": said.value, **more})
        return found


class Counted(Shown):
    """How much of a quota is used."""

    name = serializers.ChoiceField(source="definition.name", choices=NAMES)
    unit = serializers.CharField(source="definition.unit")
    used = serializers.IntegerField(allow_null=True, help_text="null where it cannot be told now.")
    limit = serializers.IntegerField(source="value", allow_null=True, help_text="null is no limit.")
    resets_at = serializers.DateTimeField(allow_null=True, help_text="When the count begins again.")


class OwnLimitsSent(Sent):
    """What a tenant sets for itself, in the place of what it had set before."""

    limits = serializers.DictField(child=Whole(max_value=MOST), help_text="Name -> value; each only ever lowers what is granted.")


class Plan(Shown):
    """A plan."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    is_default = serializers.BooleanField(help_text="Whether tenants without a plan of their own have it.")
    limits = serializers.DictField(child=serializers.IntegerField(), help_text="What is not named is the platform's.")
    cpu_weight = serializers.IntegerField(help_text="Share of the processor against tenants of other plans.")
    log_retention_days = serializers.IntegerField()
    tail_allowed = serializers.BooleanField()
    internet_allowed = serializers.BooleanField(help_text="Whether workers' fetch() may leave the platform.")
    quota_headers = serializers.BooleanField(help_text="Whether visitors are told what is left of the request quotas.")
    tenants = serializers.SerializerMethodField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()

    def get_tenants(self, row: PlanRow) -> int:
        """How many tenants have it as their own (those who follow the default plan are not counted)."""
        count = getattr(row, "tenant_count", None)
        return int(count) if count is not None else row.tenants.count()


class PlanChange(Sent):
    """Those of a plan's fields that change. In `limits`, null takes a limit out of the plan, and what is not named stays."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=1_000)
    is_default = Flag(required=False)
    limits = serializers.DictField(child=Whole(allow_null=True, max_value=MOST), required=False)
    cpu_weight = Whole(required=False, min_value=1, max_value=WEIGHT_MOST)
    log_retention_days = Whole(required=False, min_value=0, max_value=RETENTION_DAYS_MOST)
    tail_allowed = Flag(required=False)
    internet_allowed = Flag(required=False)
    quota_headers = Flag(required=False)


class PlanSent(PlanChange):
    """A plan to make."""

    name = serializers.CharField(max_length=63, trim_whitespace=False)


class TenantPlan(Shown):
    """The plan that a tenant has."""

    tenant = serializers.CharField()
    plan = serializers.CharField()
    follows_default = serializers.BooleanField(help_text="Whether it has the default plan, whichever that is, and none of its own.")


class TenantPlanSent(Sent):
    """A plan for a tenant; null follows the default plan."""

    plan = serializers.CharField(allow_null=True, max_length=63)


class Override(Shown):
    """An operator's word on one limit of a tenant or a worker."""

    limit = serializers.ChoiceField(source="name", choices=NAMES)
    worker = serializers.SerializerMethodField()
    value = serializers.IntegerField()
    reason = serializers.CharField()
    author = serializers.CharField()
    created = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    active = serializers.SerializerMethodField()

    def get_worker(self, row: LimitOverride) -> str | None:
        """The worker it is for; null for the whole tenant."""
        return row.worker.qualified_name if row.worker is not None else None

    def get_active(self, row: LimitOverride) -> bool:
        """Whether it counts now: one that has expired counts for nothing."""
        return row.active(timezone.now())


class OverrideSent(Sent):
    """An override to make, in the place of an earlier one of the same limit."""

    value = Whole(min_value=0, max_value=MOST)
    reason = serializers.CharField(max_length=500, help_text="The tenant sees it.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class Broken(Shown):
    """One limit that somebody would be past."""

    tenant = serializers.CharField()
    worker = serializers.CharField(allow_null=True)
    version = serializers.UUIDField(allow_null=True)
    limit = serializers.ChoiceField(choices=NAMES)
    before = serializers.IntegerField(allow_null=True)
    after = serializers.IntegerField()
    actual = serializers.IntegerField(help_text="What is used now, or what the version declares or was measured to need.")
    why = serializers.ChoiceField(choices=("used", "declared", "measured"))


class Preview(Shown):
    """Whom a change would break; nothing has been changed."""

    looked_at = serializers.IntegerField(help_text="Tenants that the change concerns.")
    tenants = serializers.IntegerField(help_text="Tenants that would be past a limit.")
    workers = serializers.IntegerField(help_text="Workers that would be past a limit.")
    items = Broken(many=True)
