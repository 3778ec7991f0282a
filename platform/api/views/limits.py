"""A tenant's limits and quotas, and how much of them is used."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.limits import Counted, Limit, OwnLimitsSent
from api.views.base import TenantView, json_of
from tenants import selectors, services


class TenantLimits(TenantView):
    """`/limits`."""

    write_scope = "tenant:write"

    @extend_schema(operation_id="tenant_limits", responses=Limit(many=True))
    def get(self, request: Request) -> Response:
        """The tenant's limits and quotas: what applies, which level decided, what each level says, what is used, what a breach does."""
        tenant = tenant_of(request)
        return tagged(Response(Limit(selectors.limits_explained(tenant=tenant), many=True).data), tenant.revision)

    @extend_schema(operation_id="tenant_limits_set", parameters=[IF_MATCH], request=json_of(OwnLimitsSent), responses=Limit(many=True))
    def put(self, request: Request) -> Response:
        """Set limits for oneself, in the place of those set before: they only ever lower what plan and operator grant."""
        tenant = tenant_of(request)
        sent = validated(request, OwnLimitsSent)
        row = services.tenant_limits_set(
            tenant=tenant, limits=sent["limits"], expected=expected(request), active_only=True, actor=actor_of(request)
        )
        return tagged(Response(Limit(selectors.limits_explained(tenant=row), many=True).data), row.revision)


class WorkerLimits(TenantView):
    """`/workers/{worker}/limits`."""

    @extend_schema(operation_id="worker_limits", responses=Limit(many=True))
    def get(self, request: Request, worker: str) -> Response:
        """The limits of the worker's newest version: what applies, which level decided, and what each level says."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        version = selectors.version_latest(tenant=tenant, worker=row)
        return Response(Limit(selectors.limits_explained(tenant=tenant, worker=row, version=version), many=True).data)


class UsageCounts(TenantView):
    """`/usage/counts`."""

    read_scope = "billing:read"

    @extend_schema(operation_id="usage_counts", responses=Counted(many=True))
    def get(self, request: Request) -> Response:
        """How many of everything that is counted the tenant has now, and may have."""
        return Response(Counted(selectors.usage_counts(tenant=tenant_of(request)), many=True).data)
