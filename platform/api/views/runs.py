"""Runs: a request that is sent by hand to a version or a draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import access_of, actor_of, tenant_of
from api.bodies import from_base64, upload_limit, validated
from api.serializers.runs import RequestSent, Run, RunSent
from api.views.base import TenantView, json_of
from api.views.versions import modules_of
from cfapi.auth import require_secrets
from tenants import selectors, services
from tenants.services import RunRequest
from tenants.uploads import Upload


class WorkerRun(TenantView):
    """`/workers/{worker}/run`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="worker_run", request=json_of(RunSent), responses={200: Run})
    def post(self, request: Request, worker: str) -> Response:
        """Run one request in the production sandbox. What keeps the code from running at all is a problem, with file, line and column."""
        sent = validated(request, RunSent, limit=upload_limit())
        draft = sent.get("draft")
        upload = None
        if draft:
            bindings = draft.pop("bindings", None)
            require_secrets(access_of(request), bindings or ())
            modules = modules_of(draft.pop("modules"))
            upload = Upload(modules=modules, bindings=bindings or (), inherit_strict=True, **draft)
        done = services.worker_run(
            tenant=tenant_of(request),
            worker_name=worker,
            request=request_of(sent),
            actor=actor_of(request),
            version_id=sent.get("version") or None,
            draft=upload,
            draft_bindings=bool(draft) and bindings is not None,
        )
        return Response(Run(done).data)


class VersionRun(TenantView):
    """`/workers/{worker}/versions/{version}/run`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="version_run", request=json_of(RequestSent), responses={200: Run})
    def post(self, request: Request, worker: str, version: UUID) -> Response:
        """Run one request in one version, deployed or not."""
        tenant = tenant_of(request)
        selectors.version_get(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker), version_id=version)
        sent = validated(request, RequestSent, limit=upload_limit())
        done = services.worker_run(tenant=tenant, worker_name=worker, request=request_of(sent), actor=actor_of(request), version_id=version)
        return Response(Run(done).data)


def request_of(sent: dict[str, Any]) -> RunRequest:
    """The request that validated data describes. Raises BodyInvalid for what is no base64."""
    encoded = sent.get("body_base64")
    body = sent.get("body", "").encode() if encoded is None else from_base64(encoded, field="body_base64")
    headers = [(name, value) for name, value in sent["headers"]]
    return RunRequest(method=sent["method"], url=sent["url"], headers=headers, body=body, client=sent["client"])
