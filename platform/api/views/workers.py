"""Workers and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.workers import Worker, WorkerSettings, WorkerSettingsChange
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from tenants import selectors, services, uploads


class Workers(TenantView):
    """`/workers`."""

    @extend_schema(operation_id="worker_list", parameters=PAGE_PARAMETERS, responses=list_of("Worker", Worker))
    def get(self, request: Request) -> Response:
        """The tenant's workers."""
        tenant = tenant_of(request)

        def shown(rows: Sequence[Any]) -> list[Any]:
            live = selectors.deployments_live(tenant=tenant, workers=rows)
            return [Worker(row, context={"live": live}).data for row in rows]

        found = selectors.worker_list(tenant=tenant).select_related("tenant", "namespace")
        return Response(listed(page_of(request._request, found, per_page=100, render_all=shown)))  # noqa: SLF001


class WorkerOne(TenantView):
    """`/workers/{worker}`."""

    @extend_schema(operation_id="worker_get", responses=Worker)
    def get(self, request: Request, worker: str) -> Response:
        """One worker."""
        return Response(Worker(selectors.worker_get(tenant=tenant_of(request), name=worker)).data)

    @extend_schema(operation_id="worker_delete", responses={204: None})
    def delete(self, request: Request, worker: str) -> Response:
        """Delete the worker with all of its versions, deployments and host names."""
        services.worker_delete(tenant=tenant_of(request), worker_name=worker, actor=actor_of(request))
        return Response(status=204)


class WorkerSettingsView(TenantView):
    """`/workers/{worker}/settings`."""

    @extend_schema(operation_id="worker_settings_get", responses=WorkerSettings)
    def get(self, request: Request, worker: str) -> Response:
        """Settings that are the worker's and no version's."""
        row = selectors.worker_get(tenant=tenant_of(request), name=worker)
        return tagged(Response(WorkerSettings(row).data), row.revision)

    @extend_schema(
        operation_id="worker_settings_update", parameters=[IF_MATCH], request=json_of(WorkerSettingsChange), responses=WorkerSettings
    )
    def patch(self, request: Request, worker: str) -> Response:
        """Change those that the body names."""
        sent = validated(request, WorkerSettingsChange)
        row = services.worker_settings_update(
            tenant=tenant_of(request),
            worker_name=worker,
            settings=uploads.WorkerSettings(**sent),
            expected=expected(request),
            actor=actor_of(request),
        )
        return tagged(Response(WorkerSettings(row).data), row.revision)
