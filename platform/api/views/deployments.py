"""Deployments of a worker."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.versions import DeploymentSent, RollbackSent
from api.serializers.workers import Deployment, RollbackTarget, RolledBack, Warned
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from cfapi.render import TRIGGER
from tenants import selectors, services
from tenants.errors import DeploymentNotFound, FieldInvalid

SOURCE = "api"
TO = OpenApiParameter(
    "deployment", str, description="An earlier deployment's id (default: the latest with other shares than the live one)."
)
IF_LIVE = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The id of the live deployment that was looked at, in quotes: if another one is live by now, nothing happens (412).",
)


class Deployments(TenantView):
    """`/workers/{worker}/deployments`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="deployment_list", parameters=PAGE_PARAMETERS, responses=list_of("Deployment", Deployment))
    def get(self, request: Request, worker: str) -> Response:
        """The worker's deployments, newest first: the first one is live."""
        tenant = tenant_of(request)
        rows = selectors.deployment_list(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker))
        return Response(listed(page_of(request._request, rows, lambda row: Deployment(row).data, per_page=25)))  # noqa: SLF001

    @extend_schema(operation_id="deployment_create", parameters=[IF_LIVE], request=json_of(DeploymentSent), responses={201: Deployment})
    def post(self, request: Request, worker: str) -> Response:
        """Split the traffic between versions; takes effect at once."""
        sent = validated(request, DeploymentSent)
        made = services.deployment_create(
            tenant=tenant_of(request),
            worker_name=worker,
            versions=[(share["version"], share["percentage"]) for share in sent["versions"]],
            cohorts=sent.get("cohorts"),
            expected=expected_live(request),
            message=sent["message"],
            annotations={TRIGGER: "promotion"},
            actor=actor_of(request),
            source=SOURCE,
        )
        return Response(Deployment(made).data, status=201, headers={"ETag": f'"{made.uuid}"'})


class DeploymentOne(TenantView):
    """`/workers/{worker}/deployments/{deployment}`."""

    @extend_schema(operation_id="deployment_get", responses=Deployment)
    def get(self, request: Request, worker: str, deployment: UUID) -> Response:
        """One deployment."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        return Response(Deployment(selectors.deployment_get(tenant=tenant, worker=row, deployment_id=deployment)).data)


class Rollback(TenantView):
    """`/workers/{worker}/rollback`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="deployment_rollback_preview", parameters=[TO], responses=RollbackTarget)
    def get(self, request: Request, worker: str) -> Response:
        """Where a rollback would lead, and what is not as it was. Changes nothing."""
        to = request.GET.get("deployment")
        preview = selectors.rollback_target(tenant=tenant_of(request), worker_name=worker, deployment_id=_deployment(to))
        return Response(RollbackTarget(preview).data)

    @extend_schema(operation_id="deployment_rollback", parameters=[IF_LIVE], request=json_of(RollbackSent), responses={201: RolledBack})
    def post(self, request: Request, worker: str) -> Response:
        """Deploy again what an earlier deployment deployed: the same versions, with their code and configuration, and the same shares."""
        sent = validated(request, RollbackSent)
        made, preview = services.deployment_rollback(
            tenant=tenant_of(request),
            worker_name=worker,
            deployment_id=_deployment(sent.get("deployment")),
            reason=sent["message"],
            annotations={TRIGGER: "rollback"},
            expected=expected_live(request),
            actor=actor_of(request),
            source=SOURCE,
        )
        warnings = [Warned(warned).data for warned in preview.warnings]
        told = {**Deployment(made).data, "rolled_back_to": str(preview.target.uuid), "warnings": warnings}
        return Response(told, status=201, headers={"ETag": f'"{made.uuid}"'})


def expected_live(request: Request) -> UUID | None:
    """The live deployment that the caller has looked at; None where they do not mind. Raises FieldInvalid."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    try:
        return UUID(text.strip('"'))
    except ValueError:
        raise FieldInvalid("If-Match must be the live deployment's id in quotes, or *.", field="If-Match") from None


def _deployment(text: str | None) -> UUID | None:
    """The id of a deployment. Raises DeploymentNotFound."""
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise DeploymentNotFound from None
