"""What is said of versions, and made of them: differences, restoring, pins, aliases."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.versions import Alias, AliasSent, Made, Pin, PinSent, RestoreSent, Version, VersionDiff
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from api.views.versions import SOURCE
from cfapi.paging import page_of
from tenants import selectors, services


class VersionDiffView(TenantView):
    """`/workers/{worker}/versions/{version}/diff/{other}`."""

    @extend_schema(operation_id="version_diff", responses=VersionDiff)
    def get(self, request: Request, worker: str, version: UUID, other: UUID) -> Response:
        """How `other` differs from `version`: files as unified hunks, bindings, limits, compatibility settings, flags."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        return Response(selectors.version_diff(tenant=tenant, worker=row, before=version, after=other))


class VersionRestore(TenantView):
    """`/workers/{worker}/versions/{version}/restore`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="version_restore", request=json_of(RestoreSent), responses={201: Made})
    def post(self, request: Request, worker: str, version: UUID) -> Response:
        """Make a new version of what this one was. The reply comes when it has been started once, in the sandbox."""
        sent = validated(request, RestoreSent)
        made = services.version_restore(
            tenant=tenant_of(request), worker_name=worker, version_id=version, actor=actor_of(request), source=SOURCE, **sent
        )
        deployment = made.deployment.uuid if made.deployment else None
        return Response({**Version(made.version).data, "worker": made.worker.qualified_name, "deployment": deployment}, status=201)


class VersionPinView(TenantView):
    """`/workers/{worker}/versions/{version}/pin`."""

    @extend_schema(operation_id="version_pin", request=json_of(PinSent), responses=Pin)
    def put(self, request: Request, worker: str, version: UUID) -> Response:
        """Keep the version whatever the worker's retention policy says."""
        sent = validated(request, PinSent)
        tenant, actor = tenant_of(request), actor_of(request)
        return Response(Pin(services.version_pin(tenant=tenant, worker_name=worker, version_id=version, actor=actor, **sent)).data)

    @extend_schema(operation_id="version_unpin", responses={204: None})
    def delete(self, request: Request, worker: str, version: UUID) -> Response:
        """Let it go as others do."""
        services.version_unpin(tenant=tenant_of(request), worker_name=worker, version_id=version, actor=actor_of(request))
        return Response(status=204)


class Aliases(TenantView):
    """`/workers/{worker}/aliases`."""

    @extend_schema(operation_id="alias_list", parameters=PAGE_PARAMETERS, responses=list_of("Alias", Alias))
    def get(self, request: Request, worker: str) -> Response:
        """Names of versions in the host names of previews: `{alias}-{worker}.{tenant}.…`."""
        tenant = tenant_of(request)
        rows = selectors.alias_list(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker))
        return Response(listed(page_of(request._request, rows, lambda row: Alias(row).data, per_page=50)))  # noqa: SLF001


class AliasOne(TenantView):
    """`/workers/{worker}/aliases/{alias}`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="alias_set", request=json_of(AliasSent), responses=Alias)
    def put(self, request: Request, worker: str, alias: str) -> Response:
        """Have the alias lead to a version; it may have led to another one."""
        tenant, actor = tenant_of(request), actor_of(request)
        # What there is to find is looked for before what was sent is read.
        selectors.worker_get(tenant=tenant, name=worker)
        sent = validated(request, AliasSent)
        made = services.alias_set(tenant=tenant, worker_name=worker, name=alias, version_id=sent["version"], actor=actor)
        return Response(Alias(made).data)

    @extend_schema(operation_id="alias_delete", responses={204: None})
    def delete(self, request: Request, worker: str, alias: str) -> Response:
        """Take the alias away."""
        services.alias_delete(tenant=tenant_of(request), worker_name=worker, name=alias, actor=actor_of(request))
        return Response(status=204)
