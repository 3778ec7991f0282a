"""Versions of a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import access_of, actor_of, tenant_of
from api.bodies import from_base64, is_multipart, upload_limit, validated
from api.serializers.versions import Made, SignedOverride, SignedOverrideSent, Version, VersionForm, VersionSent
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.auth import require_secrets
from cfapi.errors import BodyInvalid
from cfapi.metadata import judge
from cfapi.paging import page_of
from cfapi.reading import parts_of
from cfapi.upload import checked_names, read_upload
from tenants import selectors, services
from tenants.uploads import Upload, UploadModule, WorkerSettings, kind_of

SOURCE = "api"
DEPLOY = OpenApiParameter("deploy", bool, description="Whether the version gets all of the traffic at once (default: false).")


class Versions(TenantView):
    """`/workers/{worker}/versions`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="version_list", parameters=PAGE_PARAMETERS, responses=list_of("Version", Version))
    def get(self, request: Request, worker: str) -> Response:
        """The worker's versions, newest first."""
        tenant = tenant_of(request)
        rows = selectors.version_list(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker))
        return Response(listed(page_of(request._request, rows, lambda row: Version(row).data, per_page=25)))  # noqa: SLF001

    @extend_schema(
        operation_id="version_create",
        parameters=[DEPLOY],
        request={"application/json": VersionSent, "multipart/form-data": VersionForm},
        responses={201: Made},
    )
    def post(self, request: Request, worker: str) -> Response:
        """Make a version, and the worker if there is none. The reply comes when the version has been started once, in the sandbox."""
        settings = None
        if is_multipart(request):
            judged = judge(read_upload(parts_of(request._request)), inherit_strict=True)  # noqa: SLF001
            upload, settings = judged.upload, judged.settings
        else:
            upload = upload_of(request)
        require_secrets(access_of(request), upload.bindings)
        made = services.version_upload(
            tenant=tenant_of(request),
            worker_name=worker,
            upload=upload,
            settings=settings or WorkerSettings(),
            actor=actor_of(request),
            source=SOURCE,
            deploy=_flag(request, "deploy"),
        )
        deployment = made.deployment.uuid if made.deployment else None
        return Response({**Version(made.version).data, "worker": made.worker.qualified_name, "deployment": deployment}, status=201)


class VersionOne(TenantView):
    """`/workers/{worker}/versions/{version}`."""

    @extend_schema(operation_id="version_get", responses=Version)
    def get(self, request: Request, worker: str, version: UUID) -> Response:
        """One version."""
        tenant = tenant_of(request)
        row = selectors.version_get(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker), version_id=version)
        return Response(Version(row).data)

    @extend_schema(operation_id="version_delete", responses={204: None})
    def delete(self, request: Request, worker: str, version: UUID) -> Response:
        """Remove a version that is neither live nor lately deployed, pinned, the newest, or referred to."""
        services.version_delete(tenant=tenant_of(request), worker_name=worker, version_id=version, actor=actor_of(request))
        return Response(status=204)


class VersionOverride(TenantView):
    """`/workers/{worker}/versions/{version}/override`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="version_override_create", request=json_of(SignedOverrideSent), responses={201: SignedOverride})
    def post(self, request: Request, worker: str, version: UUID) -> Response:
        """Make a token that leads whoever sends it to this version, deployed or not, also through service and dispatch bindings."""
        sent = validated(request, SignedOverrideSent)
        made = services.version_override_create(
            tenant=tenant_of(request), worker_name=worker, version_id=version, actor=actor_of(request), seconds=sent["seconds"]
        )
        return Response(SignedOverride(made).data, status=201)


def upload_of(request: Request) -> Upload:
    """The upload that a JSON body describes. Raises what `validated` raises, and leaves of `UploadInvalid`."""
    sent = validated(request, VersionSent, limit=upload_limit())
    return Upload(modules=modules_of(sent.pop("modules")), inherit_strict=True, **sent)


def modules_of(sent: Sequence[Mapping[str, Any]]) -> Sequence[UploadModule]:
    """Modules out of validated JSON. Raises BodyInvalid for what is no base64, and leaves of `UploadInvalid`."""
    modules = []
    for at, module in enumerate(sent):
        if "content" in module:
            content = module["content"].encode()
        else:
            content = from_base64(module["content_base64"], field=f"modules.{at}.content_base64")
        modules.append(UploadModule(name=module["name"], kind=kind_of(module["type"]), content=content))
    return checked_names(modules)


def _flag(request: Request, name: str) -> bool:
    value = request.GET.get(name, "false")
    if value not in {"true", "false"}:
        raise BodyInvalid(f"{name} must be true or false.", field=name)
    return value == "true"
