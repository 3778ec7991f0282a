"""Experiments, the events they count, and the flag that chooses a worker's version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import revisions
from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers import experiments as shown
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from experiments import analysis, selectors, services
from experiments.errors import ExperimentInvalid
from experiments.models import Experiment

STATUS = OpenApiParameter("status", str, enum=Experiment.Status.values)


class Experiments(TenantView):
    """`/experiments`."""

    read_scope = "flags:read"
    write_scope = "flags:write"

    @extend_schema(operation_id="experiment_list", parameters=[*PAGE_PARAMETERS, STATUS], responses=list_of("Experiment", shown.Experiment))
    def get(self, request: Request) -> Response:
        """The tenant's experiments, newest first."""
        status = request.GET.get("status")
        if status is not None and status not in Experiment.Status.values:
            raise ExperimentInvalid(f"A status is one of {', '.join(Experiment.Status.values)}.", field="status")
        rows = selectors.experiment_list(tenant=tenant_of(request), status=status)
        return Response(listed(page_of(request._request, rows, lambda row: shown.Experiment(row).data, per_page=50)))  # noqa: SLF001

    @extend_schema(operation_id="experiment_create", request=json_of(shown.ExperimentSent), responses={201: shown.Experiment})
    def post(self, request: Request) -> Response:
        """Make a draft: a flag whose split is compared, in one environment, by the metrics named."""
        sent = validated(request, shown.ExperimentSent)
        key = sent.pop("key")
        made = services.experiment_create(tenant=tenant_of(request), key=key, values=sent, actor=actor_of(request))
        return _answered(made, status=201)


class ExperimentOne(TenantView):
    """`/experiments/{experiment}`."""

    read_scope = "flags:read"
    write_scope = "flags:write"

    @extend_schema(operation_id="experiment_get", responses=shown.Experiment)
    def get(self, request: Request, experiment: str) -> Response:
        """One experiment."""
        return _answered(selectors.experiment_get(tenant=tenant_of(request), key=experiment))

    @extend_schema(
        operation_id="experiment_update",
        parameters=[revisions.IF_MATCH],
        request=json_of(shown.ExperimentChange),
        responses=shown.Experiment,
    )
    def patch(self, request: Request, experiment: str) -> Response:
        """Change a draft."""
        sent = validated(request, shown.ExperimentChange)
        changed = services.experiment_update(
            tenant=tenant_of(request), key=experiment, values=sent, expected=revisions.expected(request), actor=actor_of(request)
        )
        return _answered(changed)

    @extend_schema(operation_id="experiment_delete", responses={204: None})
    def delete(self, request: Request, experiment: str) -> Response:
        """Remove an experiment that does not run, with everything it has counted."""
        services.experiment_delete(tenant=tenant_of(request), key=experiment, actor=actor_of(request))
        return Response(status=204)


class ExperimentStart(TenantView):
    """`/experiments/{experiment}/start`."""

    write_scope = "flags:write"

    @extend_schema(operation_id="experiment_start", parameters=[revisions.IF_MATCH], request=None, responses=shown.Experiment)
    def post(self, request: Request, experiment: str) -> Response:
        """Begin to count, with the shares that the flag's split has now."""
        started = services.experiment_start(
            tenant=tenant_of(request), key=experiment, expected=revisions.expected(request), actor=actor_of(request)
        )
        return _answered(started)


class ExperimentStop(TenantView):
    """`/experiments/{experiment}/stop`."""

    write_scope = "flags:write"

    @extend_schema(
        operation_id="experiment_stop", parameters=[revisions.IF_MATCH], request=json_of(shown.ExperimentStop), responses=shown.Experiment
    )
    def post(self, request: Request, experiment: str) -> Response:
        """Count no more. The flag goes on as it is."""
        sent = validated(request, shown.ExperimentStop)
        stopped = services.experiment_stop(
            tenant=tenant_of(request),
            key=experiment,
            outcome=sent["outcome"],
            expected=revisions.expected(request),
            actor=actor_of(request),
        )
        return _answered(stopped)


class ExperimentResults(TenantView):
    """`/experiments/{experiment}/results`."""

    read_scope = "flags:read"

    @extend_schema(operation_id="experiment_results", responses=shown.Results)
    def get(self, request: Request, experiment: str) -> Response:
        """What it says now; looking often does no harm."""
        found = analysis.results(selectors.experiment_get(tenant=tenant_of(request), key=experiment))
        return Response(shown.Results(found).data)


class Events(TenantView):
    """`/events`."""

    write_scope = "flags:evaluate"

    @extend_schema(operation_id="events_add", request=json_of(shown.EventsSent), responses={202: shown.EventsTaken})
    def post(self, request: Request) -> Response:
        """Tell what somebody did, for the experiments that count it; all or none are taken."""
        sent = validated(request, shown.EventsSent)
        taken = services.events_add(tenant=tenant_of(request), environment=sent["environment"], events=sent["events"])
        return Response(shown.EventsTaken(taken).data, status=202)


class WorkerVersionFlag(TenantView):
    """`/workers/{worker}/version-flag`."""

    scopes: ClassVar[Mapping[str, str | None]] = {"PUT": "workers:deploy", "DELETE": "workers:deploy"}

    @extend_schema(operation_id="version_flag_get", responses=shown.VersionFlag)
    def get(self, request: Request, worker: str) -> Response:
        """The flag that chooses which version of the worker answers."""
        return Response(shown.VersionFlag(selectors.version_flag_get(tenant=tenant_of(request), worker_name=worker)).data)

    @extend_schema(operation_id="version_flag_set", request=json_of(shown.VersionFlagSent), responses=shown.VersionFlag)
    def put(self, request: Request, worker: str) -> Response:
        """Have a flag of the type version choose; where it does not, the deployment does."""
        sent: dict[str, Any] = validated(request, shown.VersionFlagSent)
        row = services.version_flag_set(tenant=tenant_of(request), worker_name=worker, actor=actor_of(request), **sent)
        return Response(shown.VersionFlag(row).data)

    @extend_schema(operation_id="version_flag_clear", responses={204: None})
    def delete(self, request: Request, worker: str) -> Response:
        """Leave the worker's versions to its deployment again."""
        services.version_flag_clear(tenant=tenant_of(request), worker_name=worker, actor=actor_of(request))
        return Response(status=204)


def _answered(row: Experiment, *, status: int = 200) -> Response:
    return revisions.tagged(Response(shown.Experiment(row).data, status=status), row.revision)
