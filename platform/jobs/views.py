"""Background work over HTTP, for operators: look at jobs, have dead ones tried again, stop others.

Owns these routes only. They live here and not in `api`, which knows nothing of jobs.
"""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of
from api.views.base import PAGE_PARAMETERS, OperatorView, list_of, listed
from cfapi.paging import page_of
from jobs import selectors, serializers, services
from jobs.models import Job
from tenants.errors import FieldInvalid


class Jobs(OperatorView):
    """`/admin/jobs`."""

    @extend_schema(
        operation_id="admin_job_list", parameters=[serializers.JobQuery, *PAGE_PARAMETERS], responses=list_of("Job", serializers.Job)
    )
    def get(self, request: Request) -> Response:
        """Jobs, the youngest first. `?state=dead` are those that wait for an operator."""
        states = [state for state in request.GET.get("state", "").split(",") if state]
        for state in states:
            if state not in Job.State.values:
                raise FieldInvalid(f"A state must be one of {', '.join(Job.State.values)}.", field="state")
        rows = selectors.job_list(states=states, kind=request.GET.get("kind", "")[:60])
        return Response(listed(page_of(request._request, rows, lambda row: serializers.Job(row).data, per_page=50)))  # noqa: SLF001


class JobOne(OperatorView):
    """`/admin/jobs/{job_id}`."""

    @extend_schema(operation_id="admin_job_get", responses=serializers.Job)
    def get(self, request: Request, job_id: UUID) -> Response:  # noqa: ARG002
        """One job."""
        return Response(serializers.Job(selectors.job_get(job_id=job_id)).data)


class JobRetry(OperatorView):
    """`/admin/jobs/{job_id}/retry`."""

    @extend_schema(operation_id="admin_job_retry", request=None, responses=serializers.Job)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Have a job that has ended without success tried again, as often as its kind may be."""
        return Response(serializers.Job(services.job_retry(job_id=job_id, actor=actor_of(request))).data)


class JobCancel(OperatorView):
    """`/admin/jobs/{job_id}/cancel`."""

    @extend_schema(operation_id="admin_job_cancel", request=None, responses=serializers.Job)
    def post(self, request: Request, job_id: UUID) -> Response:
        """End a job that has not ended. What a worker that is at it brings is dropped."""
        return Response(serializers.Job(services.job_stop(job_id=job_id, actor=actor_of(request))).data)


class Background(OperatorView):
    """`/admin/background`."""

    @extend_schema(operation_id="admin_background", responses=serializers.Background)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """How many jobs there are of each state, the background workers, and when each periodic kind is next due."""
        found = {"states": selectors.job_counts(), "runners": selectors.runner_list(), "schedule": selectors.schedule_list()}
        return Response(serializers.Background(found).data)
