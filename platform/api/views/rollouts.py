"""Rollouts of a worker; every rollout and the freeze switch for operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.rollouts import (
    AbortSent,
    Freeze,
    FreezeSent,
    Preflight,
    PreflightSent,
    ReasonSent,
    Rollout,
    RolloutOfTenant,
    RolloutSent,
    RolloutWhole,
)
from api.views.base import PAGE_PARAMETERS, OperatorView, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from rollouts import selectors, services
from rollouts.models import Rollout as RolloutRow
from rollouts.plans import Plan, plan_of
from rollouts.preflight import preflight, reached
from tenants import selectors as tenants
from tenants.models import Tenant

_ACTIVE = [OpenApiParameter("active", bool, description="Only those under way (default: false).")]


class Rollouts(TenantView):
    """`/workers/{worker}/rollouts`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="rollout_list", parameters=PAGE_PARAMETERS, responses=list_of("Rollout", Rollout))
    def get(self, request: Request, worker: str) -> Response:
        """The worker's rollouts, newest first."""
        rows = selectors.rollout_list(tenant=tenant_of(request), worker_name=worker)
        return Response(listed(page_of(request._request, rows, lambda row: Rollout(row).data, per_page=25)))  # noqa: SLF001

    @extend_schema(operation_id="rollout_start", request=json_of(RolloutSent), responses={201: RolloutWhole})
    def post(self, request: Request, worker: str) -> Response:
        """Take a version to the worker's visitors in stages; 409 `rollout_under_way` while there is another one."""
        sent = validated(request, RolloutSent)
        made = services.rollout_start(
            tenant=tenant_of(request),
            worker_name=worker,
            version_id=sent["version"],
            plan=_plan(sent),
            message=sent["message"],
            actor=actor_of(request),
        )
        return tagged(Response(RolloutWhole(made).data, status=201), made.revision)


class RolloutPreflight(TenantView):
    """`/workers/{worker}/rollouts/preflight`."""

    write_scope = "workers:read"

    @extend_schema(operation_id="rollout_preflight", request=json_of(PreflightSent), responses=Preflight)
    def post(self, request: Request, worker: str) -> Response:
        """Change nothing, and say what speaks against a rollout and whom its stages would reach."""
        sent, tenant = validated(request, PreflightSent), tenant_of(request)
        plan = _plan(sent)
        checks = preflight(tenant=tenant, worker_name=worker, version_id=sent["version"], plan=plan)
        row = tenants.worker_get(tenant=tenant, name=worker)
        new = tenants.version_get(tenant=tenant, worker=row, version_id=sent["version"])
        old = tenants.versions_served(tenant=tenant, workers=[row]).get(row.pk, new)
        weights = [stage.weight for stage in plan.stages]
        keys = reached(worker=row, new_number=new.number, old_number=old.number, weights=weights, keys=sent["keys"])
        return Response(Preflight({"checks": checks, "reached": keys}).data)


class RolloutOne(TenantView):
    """`/workers/{worker}/rollouts/{rollout}`."""

    @extend_schema(operation_id="rollout_get", responses=RolloutWhole)
    def get(self, request: Request, worker: str, rollout: UUID) -> Response:
        """One rollout: where it is, what its guards see, what happened."""
        row = selectors.rollout_get(tenant=tenant_of(request), worker_name=worker, rollout_id=rollout)
        return tagged(Response(RolloutWhole(row).data), row.revision)


class RolloutPause(TenantView):
    """`/workers/{worker}/rollouts/{rollout}/pause`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="rollout_pause", parameters=[IF_MATCH], request=json_of(ReasonSent), responses=RolloutWhole)
    def post(self, request: Request, worker: str, rollout: UUID) -> Response:
        """Stop the clock. Traffic stays as it is, and guards go on watching."""
        return _steered(request, worker, rollout, services.rollout_pause)


class RolloutResume(TenantView):
    """`/workers/{worker}/rollouts/{rollout}/resume`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="rollout_resume", parameters=[IF_MATCH], request=json_of(ReasonSent), responses=RolloutWhole)
    def post(self, request: Request, worker: str, rollout: UUID) -> Response:
        """Go on. Guards that had found something begin anew."""
        return _steered(request, worker, rollout, services.rollout_resume)


class RolloutApprove(TenantView):
    """`/workers/{worker}/rollouts/{rollout}/approve`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="rollout_approve", parameters=[IF_MATCH], request=json_of(ReasonSent), responses=RolloutWhole)
    def post(self, request: Request, worker: str, rollout: UUID) -> Response:
        """Let the next stage begin."""
        return _steered(request, worker, rollout, services.rollout_approve)


class RolloutAbort(TenantView):
    """`/workers/{worker}/rollouts/{rollout}/abort`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="rollout_abort", parameters=[IF_MATCH], request=json_of(AbortSent), responses=RolloutWhole)
    def post(self, request: Request, worker: str, rollout: UUID) -> Response:
        """End it, and deploy what was live before: code and configuration."""
        return _steered(request, worker, rollout, services.rollout_abort, AbortSent)


class TenantRollouts(TenantView):
    """`/rollouts`."""

    @extend_schema(operation_id="rollout_list_all", parameters=PAGE_PARAMETERS, responses=list_of("TenantRollout", Rollout))
    def get(self, request: Request) -> Response:
        """The rollouts of all workers, newest first."""
        rows = selectors.rollout_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Rollout(row).data, per_page=25)))  # noqa: SLF001


class AdminRollouts(OperatorView):
    """`/admin/rollouts`."""

    @extend_schema(
        operation_id="rollout_list_everywhere",
        parameters=[*PAGE_PARAMETERS, *_ACTIVE],
        responses=list_of("RolloutOfTenant", RolloutOfTenant),
    )
    def get(self, request: Request) -> Response:
        """Everybody's rollouts, newest first."""
        rows = selectors.rollouts_everywhere(active=request.query_params.get("active", "").lower() in {"1", "true"})
        return Response(listed(page_of(request._request, rows, lambda row: RolloutOfTenant(row).data, per_page=25)))  # noqa: SLF001


class Freezes(OperatorView):
    """`/admin/rollouts/freezes`."""

    @extend_schema(operation_id="freeze_list", responses=Freeze(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Every freeze there is, the platform's first."""
        return Response(Freeze(selectors.freezes(), many=True).data)


class PlatformFreeze(OperatorView):
    """`/admin/rollouts/freeze`."""

    @extend_schema(operation_id="freeze_set", request=json_of(FreezeSent), responses=Freeze)
    def put(self, request: Request) -> Response:
        """Freeze everybody's rollouts: none starts or goes on. What takes a version back is not frozen."""
        sent = validated(request, FreezeSent)
        return Response(Freeze(services.freeze_set(tenant=None, reason=sent["reason"], actor=actor_of(request))).data)

    @extend_schema(operation_id="freeze_lift", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Let them go on."""
        services.freeze_lift(tenant=None, actor=actor_of(request))
        return Response(status=204)


class TenantFreeze(OperatorView):
    """`/admin/tenants/{tenant}/rollouts/freeze`."""

    @extend_schema(operation_id="tenant_freeze_set", request=json_of(FreezeSent), responses=Freeze)
    def put(self, request: Request, tenant: str) -> Response:
        """Freeze a tenant's rollouts."""
        sent, row = validated(request, FreezeSent), tenants.tenant_named(name=tenant)
        return Response(Freeze(services.freeze_set(tenant=row, reason=sent["reason"], actor=actor_of(request))).data)

    @extend_schema(operation_id="tenant_freeze_lift", responses={204: None})
    def delete(self, request: Request, tenant: str) -> Response:
        """Let them go on."""
        services.freeze_lift(tenant=tenants.tenant_named(name=tenant), actor=actor_of(request))
        return Response(status=204)


def _plan(sent: dict[str, Any]) -> Plan:
    return plan_of(stages=sent.get("stages"), guards=sent.get("guards"), false_alarm=sent["false_alarm"])


def _steered(
    request: Request, worker: str, rollout: UUID, step: Callable[..., RolloutRow], body: type[ReasonSent | AbortSent] = ReasonSent
) -> Response:
    tenant: Tenant = tenant_of(request)
    reason = validated(request, body)["reason"]
    row = step(tenant=tenant, worker_name=worker, rollout_id=rollout, reason=reason, expected=expected(request), actor=actor_of(request))
    return tagged(Response(RolloutWhole(row).data), row.revision)
