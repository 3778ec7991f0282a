"""What operators do with limits: plans, tenants' plans, overrides; and whom a change would break."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.limits import Counted, Limit, Override, OverrideSent, Plan, PlanChange, PlanSent, Preview, TenantPlan, TenantPlanSent
from api.views.base import PAGE_PARAMETERS, OperatorView, json_of, list_of, listed
from cfapi.errors import BodyInvalid
from cfapi.paging import page_of
from tenants import preview, selectors, services
from tenants.errors import FieldInvalid
from tenants.models import LimitOverride, Tenant
from tenants.models import Plan as PlanRow

ITEMS = 20
PREVIEW = [
    OpenApiParameter("preview", bool, description="Change nothing, and answer whom the change would break (default: false)."),
    OpenApiParameter("items", int, description=f"How many of them a preview names, 1 to {preview.ITEMS_MOST} (default: {ITEMS})."),
]


def _or_preview(name: str, serializer: type[serializers.Serializer[Any]]) -> Any:
    return PolymorphicProxySerializer(f"{name}OrPreview", [serializer, Preview], resource_type_field_name=None)


class Plans(OperatorView):
    """`/admin/plans`."""

    @extend_schema(operation_id="plan_list", parameters=PAGE_PARAMETERS, responses=list_of("Plan", Plan))
    def get(self, request: Request) -> Response:
        """Every plan, by name."""
        rows = selectors.plan_list()
        return Response(listed(page_of(request._request, rows, lambda row: Plan(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="plan_create", parameters=PREVIEW, request=json_of(PlanSent), responses={201: Plan, 200: Preview})
    def post(self, request: Request) -> Response:
        """Make a plan."""
        changes = validated(request, PlanSent)
        name = changes.pop("name")
        if _previews(request):
            new = PlanRow(name=name)
            return _previewed(request, preview.of_plan(new, services.plan_changed(new, changes)))
        plan = services.plan_create(name=name, changes=changes, actor=actor_of(request))
        return tagged(Response(Plan(plan).data, status=201), plan.revision)


class PlanOne(OperatorView):
    """`/admin/plans/{plan}`."""

    @extend_schema(operation_id="plan_get", responses=Plan)
    def get(self, request: Request, plan: str) -> Response:  # noqa: ARG002
        """One plan."""
        row = selectors.plan_get(name=plan)
        return tagged(Response(Plan(row).data), row.revision)

    @extend_schema(
        operation_id="plan_update", parameters=[*PREVIEW, IF_MATCH], request=json_of(PlanChange), responses=_or_preview("Plan", Plan)
    )
    def patch(self, request: Request, plan: str) -> Response:
        """Change those fields that the body names; every tenant of the plan has the new limits within a second."""
        changes = validated(request, PlanChange)
        if _previews(request):
            row = selectors.plan_get(name=plan)
            return _previewed(request, preview.of_plan(row, services.plan_changed(row, changes)))
        changed = services.plan_update(name=plan, changes=changes, expected=expected(request), actor=actor_of(request))
        return tagged(Response(Plan(changed).data), changed.revision)

    @extend_schema(operation_id="plan_delete", parameters=[IF_MATCH], responses={204: None})
    def delete(self, request: Request, plan: str) -> Response:
        """Remove a plan that no tenant has."""
        services.plan_delete(name=plan, expected=expected(request), actor=actor_of(request))
        return Response(status=204)


class TenantPlanView(OperatorView):
    """`/admin/tenants/{tenant}/plan`."""

    @extend_schema(operation_id="tenant_plan_get", responses=TenantPlan)
    def get(self, request: Request, tenant: str) -> Response:  # noqa: ARG002
        """The tenant's plan."""
        return Response(_plan_of(selectors.tenant_named(name=tenant)))

    @extend_schema(
        operation_id="tenant_plan_set",
        parameters=PREVIEW,
        request=json_of(TenantPlanSent),
        responses=_or_preview("TenantPlan", TenantPlan),
    )
    def put(self, request: Request, tenant: str) -> Response:
        """Give the tenant a plan of its own, or (null) the default one."""
        name = validated(request, TenantPlanSent)["plan"]
        row = selectors.tenant_named(name=tenant)
        if _previews(request):
            plan = selectors.plan_get(name=name) if name is not None else selectors.plan_default()
            return _previewed(request, preview.of_tenant_plan(row, plan))
        services.tenant_plan_set(tenant=row, plan_name=name, actor=actor_of(request))
        return Response(_plan_of(row))


class TenantLimitsSeen(OperatorView):
    """`/admin/tenants/{tenant}/limits`."""

    @extend_schema(operation_id="admin_tenant_limits", responses=Limit(many=True))
    def get(self, request: Request, tenant: str) -> Response:  # noqa: ARG002
        """A tenant's limits and quotas, explained."""
        return Response(Limit(selectors.limits_explained(tenant=selectors.tenant_named(name=tenant)), many=True).data)


class TenantCounts(OperatorView):
    """`/admin/tenants/{tenant}/usage/counts`."""

    @extend_schema(operation_id="admin_tenant_usage_counts", responses=Counted(many=True))
    def get(self, request: Request, tenant: str) -> Response:  # noqa: ARG002
        """How many of everything that is counted a tenant has, and may have."""
        return Response(Counted(selectors.usage_counts(tenant=selectors.tenant_named(name=tenant)), many=True).data)


class Overrides(OperatorView):
    """`/admin/tenants/{tenant}/overrides`."""

    @extend_schema(operation_id="override_list", parameters=PAGE_PARAMETERS, responses=list_of("Override", Override))
    def get(self, request: Request, tenant: str) -> Response:
        """The overrides of the tenant and its workers; those that have expired stay until they are replaced or cleared."""
        rows = selectors.override_list(tenant=selectors.tenant_named(name=tenant))
        return Response(listed(page_of(request._request, rows, lambda row: Override(row).data, per_page=100)))  # noqa: SLF001


class _OverrideBase(OperatorView):
    """One override; `worker` is None for the tenant's."""

    def _get(self, tenant: str, limit: str, worker: str | None = None) -> Response:
        row = selectors.tenant_named(name=tenant)
        return Response(Override(services.override_get(tenant=row, name=limit, worker_name=worker)).data)

    def _put(self, request: Request, tenant: str, limit: str, worker: str | None = None) -> Response:
        sent = validated(request, OverrideSent)
        row = selectors.tenant_named(name=tenant)
        what: dict[str, Any] = {"tenant": row, "name": limit, "worker_name": worker, "actor": actor_of(request), **sent}
        if _previews(request):
            return _previewed(request, preview.of_override(row, gone=None, new=services.override_make(**what)))
        return Response(Override(services.override_set(**what)).data)

    def _delete(self, request: Request, tenant: str, limit: str, worker: str | None = None) -> Response:
        row = selectors.tenant_named(name=tenant)
        if _previews(request):
            gone: LimitOverride = services.override_get(tenant=row, name=limit, worker_name=worker)
            return _previewed(request, preview.of_override(row, gone=gone, new=None))
        services.override_clear(tenant=row, name=limit, worker_name=worker, actor=actor_of(request))
        return Response(status=204)


class TenantOverride(_OverrideBase):
    """`/admin/tenants/{tenant}/overrides/{limit}`."""

    @extend_schema(operation_id="tenant_override_get", responses=Override)
    def get(self, request: Request, tenant: str, limit: str) -> Response:  # noqa: ARG002
        """The override of one limit of a tenant."""
        return self._get(tenant, limit)

    @extend_schema(
        operation_id="tenant_override_set", parameters=PREVIEW, request=json_of(OverrideSent), responses=_or_preview("Override", Override)
    )
    def put(self, request: Request, tenant: str, limit: str) -> Response:
        """Let a value stand in the place of what the tenant's plan says, up to the platform's own."""
        return self._put(request, tenant, limit)

    @extend_schema(operation_id="tenant_override_clear", parameters=PREVIEW, responses={204: None, 200: Preview})
    def delete(self, request: Request, tenant: str, limit: str) -> Response:
        """Take the override back."""
        return self._delete(request, tenant, limit)


class WorkerOverride(_OverrideBase):
    """`/admin/tenants/{tenant}/workers/{worker}/overrides/{limit}`."""

    @extend_schema(operation_id="worker_override_get", responses=Override)
    def get(self, request: Request, tenant: str, worker: str, limit: str) -> Response:  # noqa: ARG002
        """The override of one limit of a worker."""
        return self._get(tenant, limit, worker)

    @extend_schema(
        operation_id="worker_override_set", parameters=PREVIEW, request=json_of(OverrideSent), responses=_or_preview("Override", Override)
    )
    def put(self, request: Request, tenant: str, worker: str, limit: str) -> Response:
        """Let a value stand for one worker in the place of what the tenant has, up to the platform's own."""
        return self._put(request, tenant, limit, worker)

    @extend_schema(operation_id="worker_override_clear", parameters=PREVIEW, responses={204: None, 200: Preview})
    def delete(self, request: Request, tenant: str, worker: str, limit: str) -> Response:
        """Take the override back."""
        return self._delete(request, tenant, limit, worker)


def _plan_of(tenant: Tenant) -> dict[str, Any]:
    return {"tenant": tenant.slug, "plan": selectors.plan_of(tenant=tenant).name, "follows_default": tenant.plan_id is None}


def _previews(request: Request) -> bool:
    value = request.GET.get("preview", "false")
    if value not in {"true", "false"}:
        raise BodyInvalid("preview must be true or false.", field="preview")
    return value == "true"


def _previewed(request: Request, change: preview.Change) -> Response:
    text = request.GET.get("items", str(ITEMS))
    if not text.isascii() or not text.isdigit() or len(text) > len(str(preview.ITEMS_MOST)) or not 1 <= int(text) <= preview.ITEMS_MOST:
        raise FieldInvalid(f"items must be a number from 1 to {preview.ITEMS_MOST}.", field="items", limit=preview.ITEMS_MOST)
    return Response(Preview(preview.preview(change, items=int(text))).data)
