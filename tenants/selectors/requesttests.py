"""Request tests and their runs."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from tenants.errors import RequestTestNotFound, RequestTestRunNotFound
from tenants.models import RequestTest, RequestTestRun, Tenant, Version, Worker
from tenants.selectors.tenants import as_uuid
from tenants.services.gating import request_tests_passed


def request_test_list(*, tenant: Tenant, worker: Worker) -> QuerySet[RequestTest]:
    """The worker's request tests, by name."""
    return RequestTest.objects.filter(tenant=tenant, worker=worker).order_by("name")


def request_test_get(*, tenant: Tenant, worker: Worker, test_id: uuid.UUID | str) -> RequestTest:
    """One request test; raises `RequestTestNotFound`."""
    key = as_uuid(test_id)
    test = request_test_list(tenant=tenant, worker=worker).filter(pk=key).first() if key else None
    if test is None:
        raise RequestTestNotFound
    return test


def request_test_run_list(*, tenant: Tenant, worker: Worker, version: Version | None = None) -> QuerySet[RequestTestRun]:
    """Runs of the worker's tests (against `version`, if given), newest first."""
    found = RequestTestRun.objects.filter(tenant=tenant, worker=worker).order_by("-created", "-pk")
    return found if version is None else found.filter(version=version)


def request_test_run_get(*, tenant: Tenant, worker: Worker, run_id: uuid.UUID | str) -> RequestTestRun:
    """One run; raises `RequestTestRunNotFound`."""
    key = as_uuid(run_id)
    found = request_test_run_list(tenant=tenant, worker=worker).filter(pk=key).first() if key else None
    if found is None:
        raise RequestTestRunNotFound
    return found


def request_tests_state(*, tenant: Tenant, worker: Worker, version: Version) -> bool | None:
    """Whether the version has passed the worker's tests as they are now; None where they were not run, True where there are none."""
    return request_tests_passed(worker=worker, version=version) if worker.tenant_id == tenant.pk else None
