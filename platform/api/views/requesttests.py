"""Request tests of a worker."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.requesttests import RequestTest, RequestTestChange, RequestTestSent, RunTestsSent, TestRun
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from tenants import selectors, services


class RequestTests(TenantView):
    """`/workers/{worker}/tests`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="request_test_list", parameters=PAGE_PARAMETERS, responses=list_of("RequestTest", RequestTest))
    def get(self, request: Request, worker: str) -> Response:
        """The worker's request tests, by name."""
        tenant = tenant_of(request)
        rows = selectors.request_test_list(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker))
        return Response(listed(page_of(request._request, rows, lambda row: RequestTest(row).data, per_page=50)))  # noqa: SLF001

    @extend_schema(operation_id="request_test_create", request=json_of(RequestTestSent), responses={201: RequestTest})
    def post(self, request: Request, worker: str) -> Response:
        """Save a request test."""
        sent = validated(request, RequestTestSent)
        made = services.request_test_create(tenant=tenant_of(request), worker_name=worker, actor=actor_of(request), values=sent)
        return Response(RequestTest(made).data, status=201)


class RequestTestOne(TenantView):
    """`/workers/{worker}/tests/{test_id}`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="request_test_get", responses=RequestTest)
    def get(self, request: Request, worker: str, test_id: UUID) -> Response:
        """One request test."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        return Response(RequestTest(selectors.request_test_get(tenant=tenant, worker=row, test_id=test_id)).data)

    @extend_schema(operation_id="request_test_update", request=json_of(RequestTestChange), responses=RequestTest)
    def patch(self, request: Request, worker: str, test_id: UUID) -> Response:
        """Change what the body names."""
        sent = validated(request, RequestTestChange)
        tenant, actor = tenant_of(request), actor_of(request)
        row = services.request_test_update(tenant=tenant, worker_name=worker, test_id=test_id, actor=actor, values=sent)
        return Response(RequestTest(row).data)

    @extend_schema(operation_id="request_test_delete", responses={204: None})
    def delete(self, request: Request, worker: str, test_id: UUID) -> Response:
        """Remove a request test."""
        services.request_test_delete(tenant=tenant_of(request), worker_name=worker, test_id=test_id, actor=actor_of(request))
        return Response(status=204)


class TestsRun(TenantView):
    """`/workers/{worker}/tests/run`."""

    write_scope = "workers:deploy"

    @extend_schema(operation_id="request_tests_run", request=json_of(RunTestsSent), responses={201: TestRun})
    def post(self, request: Request, worker: str) -> Response:
        """Run the tests against a version, in the production sandbox, and wait for what they say."""
        sent = validated(request, RunTestsSent)
        made = services.request_tests_run(
            tenant=tenant_of(request),
            worker_name=worker,
            actor=actor_of(request),
            version_id=sent.get("version") or None,
            only=sent.get("tests"),
        )
        return Response(TestRun(made).data, status=201)


class TestRuns(TenantView):
    """`/workers/{worker}/tests/runs`."""

    @extend_schema(operation_id="request_test_run_list", parameters=PAGE_PARAMETERS, responses=list_of("TestRun", TestRun))
    def get(self, request: Request, worker: str) -> Response:
        """The last hundred runs of the worker's tests, newest first."""
        tenant = tenant_of(request)
        rows = selectors.request_test_run_list(tenant=tenant, worker=selectors.worker_get(tenant=tenant, name=worker))
        return Response(listed(page_of(request._request, rows, lambda row: TestRun(row).data, per_page=25)))  # noqa: SLF001


class TestRunOne(TenantView):
    """`/workers/{worker}/tests/runs/{test_run}`."""

    @extend_schema(operation_id="request_test_run_get", responses=TestRun)
    def get(self, request: Request, worker: str, test_run: UUID) -> Response:
        """One run."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        return Response(TestRun(selectors.request_test_run_get(tenant=tenant, worker=row, run_id=test_run)).data)
