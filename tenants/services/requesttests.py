"""Request tests: what is saved with a worker, and running it against a version.

Owns the rows. What an answer has to be like is `tenants.judging`; where requests run is `tenants.services.runs`.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from django.db import IntegrityError, transaction
from django.utils import timezone

from sandbox.errors import InvocationError, StartupFailed
from tenants import blobs, judging, runner
from tenants.actor import Actor
from tenants.errors import FieldInvalid, NameTaken, RequestTestNotFound, RunsExceeded, VersionNotFound
from tenants.models import RequestTest, RequestTestRun, Tenant, Version, Worker
from tenants.names import check_text
from tenants.runner import Asked, Ran
from tenants.services.drafts import Draft
from tenants.services.runs import RunRequest, checked, served
from tenants.services.support import AUTHOR_CHARACTERS, audit, require_active, tenant_lock, worker_of

Trigger = Literal["manual", "deploy", "rollout"]
TESTS_MOST: Final = 50
NAME_CHARACTERS: Final = 100
# What is kept of each worker's runs, and of each answer's body in them.
RUNS_KEPT: Final = 100
_BODY_CHARACTERS: Final = 2_000
# All tests of a run together; those that have not begun by then have failed.
RUN_SECONDS: Final = 120.0
# A tenant's other runs may be in the way for a moment.
_BUSY_SECONDS: Final = 0.2
_FIELDS: Final = ("name", "method", "url", "headers", "body", "expect", "enabled")


@transaction.atomic
def request_test_create(*, tenant: Tenant, worker_name: str, actor: Actor, values: Mapping[str, Any]) -> RequestTest:
    """Save a test: `name`, `url`, and what else differs from the defaults. Raises `WorkerNotFound`, `FieldInvalid` or `NameTaken`."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    if worker.request_tests.count() >= TESTS_MOST:
        raise FieldInvalid(f"A worker may have {TESTS_MOST} request tests.", field="name", limit=TESTS_MOST)
    test = RequestTest(tenant=tenant, worker=worker)
    _put(test, values, worker)
    after = _told(test)
    audit(tenant=tenant, actor=actor, action="request_test_create", target=worker_name, after=after, test=str(test.pk))
    return test


@transaction.atomic
def request_test_update(
    *, tenant: Tenant, worker_name: str, test_id: uuid.UUID | str, actor: Actor, values: Mapping[str, Any]
) -> RequestTest:
    """Change what `values` names. Raises `RequestTestNotFound` beside what making one raises."""
    tenant = tenant_lock(tenant)
    worker = worker_of(tenant, worker_name)
    test = request_test_of(worker, test_id)
    before = _told(test)
    test.modified = timezone.now()
    _put(test, values, worker)
    audit(tenant=tenant, actor=actor, action="request_test_update", target=worker_name, before=before, after=_told(test), test=str(test.pk))
    return test


@transaction.atomic
def request_test_delete(*, tenant: Tenant, worker_name: str, test_id: uuid.UUID | str, actor: Actor) -> None:
    """Remove a test; what runs have said of it stays. Raises `WorkerNotFound` or `RequestTestNotFound`."""
    tenant = tenant_lock(tenant)
    test = request_test_of(worker_of(tenant, worker_name), test_id)
    audit(tenant=tenant, actor=actor, action="request_test_delete", target=worker_name, before=_told(test), test=str(test.pk))
    test.delete()


def request_test_of(worker: Worker, test_id: uuid.UUID | str) -> RequestTest:
    """One test; raises `RequestTestNotFound`, also for an id that is no UUID."""
    try:
        key = test_id if isinstance(test_id, uuid.UUID) else uuid.UUID(test_id)
    except ValueError:
        raise RequestTestNotFound from None
    test = RequestTest.objects.filter(worker=worker, pk=key).first()
    if test is None:
        raise RequestTestNotFound
    return test


def request_tests_run(
    *,
    tenant: Tenant,
    worker_name: str,
    actor: Actor,
    version_id: uuid.UUID | str | None = None,
    only: Sequence[uuid.UUID | str] | None = None,
    trigger: Trigger = "manual",
) -> RequestTestRun:
    """Run the worker's enabled tests (or `only` some) against a version and keep what came of it. Must not be called in a transaction.

    The version is the one with the largest share of the live deployment where none is named, else the newest. A run of `only` some does not
    count for a gate. Raises `WorkerNotFound`, `VersionNotFound`, `RequestTestNotFound`, `TenantSuspended`, or what running raises that is
    not the code's own fault (`RunUnavailable`, …).
    """
    require_active(tenant)
    worker = worker_of(tenant, worker_name)
    version = served(worker) if version_id is None else Version.objects.filter(worker=worker, pk=_key(version_id)).first()
    if version is None:
        raise VersionNotFound
    tests = enabled_tests(worker) if only is None else [request_test_of(worker, one) for one in only]
    digest = tests_digest(tests) if only is None else ""
    results = _results(tenant, worker_name, tests, version=str(version.pk))
    return keep(version=version, digest=digest, results=results, trigger=trigger, actor=actor)


def draft_results(draft: Draft, tests: Sequence[RequestTest]) -> list[dict[str, Any]]:
    """What `tests` say of a draft that has been built."""
    staging = blobs.staging()
    staged = staging.put(draft.bundle, draft.limits)
    try:
        return _results(draft.tenant, draft.worker_name, tests, staged=staged)
    finally:
        staging.discard(staged)


@transaction.atomic
def keep(*, version: Version, digest: str, results: Sequence[Mapping[str, Any]], trigger: Trigger, actor: Actor) -> RequestTestRun:
    """Keep a run's results, and forget the oldest runs of the worker."""
    worker = version.worker
    made = RequestTestRun.objects.create(
        tenant=version.tenant,
        worker=worker,
        version=version,
        digest=digest,
        trigger=trigger,
        author=actor.email[:AUTHOR_CHARACTERS],
        total=len(results),
        failed=sum(not result["passed"] for result in results),
        results=list(results),
    )
    kept = RequestTestRun.objects.filter(worker=worker).order_by("-created").values_list("pk", flat=True)[:RUNS_KEPT]
    RequestTestRun.objects.filter(worker=worker).exclude(pk__in=list(kept)).delete()
    audit(
        tenant=version.tenant,
        actor=actor,
        action="request_tests_run",
        target=worker.qualified_name,
        version=str(version.pk),
        total=made.total,
        failed=made.failed,
        trigger=trigger,
    )
    return made


def enabled_tests(worker: Worker) -> Sequence[RequestTest]:
    """The tests that count, by name."""
    return list(RequestTest.objects.filter(worker=worker, enabled=True).order_by("name", "pk"))


def tests_digest(tests: Sequence[RequestTest]) -> str:
    """Equal for equal tests: a run of others proves nothing of these."""
    told = [[str(test.pk), *(getattr(test, name) for name in _FIELDS)] for test in tests]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _results(
    tenant: Tenant, worker_name: str, tests: Sequence[RequestTest], *, version: str = "", staged: str = ""
) -> list[dict[str, Any]]:
    until = time.monotonic() + RUN_SECONDS
    results = []
    for test in tests:
        if time.monotonic() > until:
            results.append(_result(test, [f"It was not run: the tests took more than {RUN_SECONDS:.0f} s together."]))
            continue
        request = RunRequest(method=test.method, url=test.url, headers=[(a, b) for a, b in test.headers], body=test.body.encode())
        asked = Asked(version=version, staged=staged, **checked(request, tenant=tenant, worker_name=worker_name))
        try:
            ran = _patiently(asked, until)
        except (StartupFailed, InvocationError) as error:
            results.append(_result(test, [f"The code does not run: {error.message} ({error.code})"]))
            continue
        results.append(_judged(test, ran))
    return results


def _patiently(asked: Asked, until: float) -> Ran:
    """The run, asked for again while other runs of the tenant are in its way."""
    while True:
        try:
            return runner.run(asked)
        except RunsExceeded:
            if time.monotonic() > until:
                raise
            time.sleep(_BUSY_SECONDS)


def _judged(test: RequestTest, ran: Ran) -> dict[str, Any]:
    answer = ran.response
    # Without an answer a visitor sees the platform's own page: its status is what can be expected.
    status = answer.status if answer is not None else int((ran.error or {}).get("status", 500))
    body = answer.body if answer is not None else ""
    problems = judging.problems(
        test.expect,
        status=status,
        headers=answer.headers if answer is not None else (),
        body=body,
        wall_ms=ran.wall_us / 1000,
        truncated=answer is not None and answer.truncated,
    )
    if problems and ran.error is not None:
        problems.append(f"{ran.error.get('message', '')} ({ran.error.get('code', '')})")
    extra = {"status": status, "outcome": ran.outcome, "cpu_us": ran.cpu_us, "wall_us": ran.wall_us, "body": body[:_BODY_CHARACTERS]}
    return {**_result(test, problems), **extra}


def _result(test: RequestTest, problems: Sequence[str]) -> dict[str, Any]:
    nothing = {"status": 0, "outcome": "", "cpu_us": 0, "wall_us": 0, "body": ""}
    return {"test": str(test.pk), "name": test.name, "passed": not problems, "problems": list(problems), **nothing}


def _put(test: RequestTest, values: Mapping[str, Any], worker: Worker) -> None:
    for name in _FIELDS:
        if name in values:
            setattr(test, name, values[name])
    check_text(test.name, field="name", limit=NAME_CHARACTERS, least=1)
    test.expect = judging.check_expect(test.expect)
    check_text(test.body, field="body", limit=judging.EXPECT_BYTES)
    request = RunRequest(method=test.method, url=test.url, headers=[(name, value) for name, value in test.headers], body=test.body.encode())
    checked(request, tenant=worker.tenant, worker_name=worker.qualified_name)
    try:
        with transaction.atomic():
            test.save()
    except IntegrityError:
        raise NameTaken(f"There is a request test called {test.name!r} already.", field="name") from None


def _told(test: RequestTest) -> dict[str, Any]:
    """The test as an audit event has it: headers may hold what is nobody's business."""
    return {
        **{name: getattr(test, name) for name in _FIELDS if name not in {"headers", "body"}},
        "headers": [name for name, _ in test.headers],
    }


def _key(version_id: uuid.UUID | str) -> uuid.UUID:
    try:
        return version_id if isinstance(version_id, uuid.UUID) else uuid.UUID(version_id)
    except ValueError:
        raise VersionNotFound from None
