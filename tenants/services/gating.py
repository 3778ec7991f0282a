"""The gate before a deployment: where a worker asks for it, nothing gets more traffic than it has before its request tests have passed.

Owns the question only. Going back is never gated: who rolls back has no time.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenants.actor import Actor
from tenants.errors import RequestTestsFailed
from tenants.models import Deployment, RequestTestRun, Tenant, Version, Worker
from tenants.services.drafts import Draft
from tenants.services.requesttests import Trigger, draft_results, enabled_tests, request_tests_run, tests_digest


def request_tests_passed(*, worker: Worker, version: Version) -> bool | None:
    """Whether the newest run of today's tests against the version has passed; None where there was none, True where there are no tests."""
    tests = enabled_tests(worker)
    if not tests:
        return True
    newest = RequestTestRun.objects.filter(worker=worker, version=version, digest=tests_digest(tests)).order_by("-created").first()
    return newest.passed if newest is not None else None


def request_tests_require(*, tenant: Tenant, worker: Worker, version: Version, actor: Actor, trigger: Trigger) -> None:
    """Raise `RequestTestsFailed` unless the version has passed the worker's tests, which are run where nobody has run them yet.

    Not in a transaction. Raises what running raises, too.
    """
    passed = request_tests_passed(worker=worker, version=version)
    if passed is None:
        made = request_tests_run(tenant=tenant, worker_name=worker.qualified_name, version_id=version.pk, actor=actor, trigger=trigger)
        passed = made.passed
    if not passed:
        raise RequestTestsFailed(f"Version {version.number} has not passed the worker's request tests.", version=str(version.pk))


def gate(*, tenant: Tenant, worker: Worker, weights: Mapping[uuid.UUID, int], actor: Actor) -> None:
    """`request_tests_require` for each version that `weights` would give more than it has now, if the worker asks for that."""
    if not worker.gate_deploys:
        return
    live = Deployment.objects.filter(worker=worker).order_by("-pk").first()
    now = {entry.version_id: entry.weight for entry in live.entries.all()} if live is not None else {}
    rising = [version_id for version_id, weight in weights.items() if weight > now.get(version_id, 0)]
    for version in Version.objects.filter(worker=worker, pk__in=rising).order_by("number"):
        request_tests_require(tenant=tenant, worker=worker, version=version, actor=actor, trigger="deploy")


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests said of a draft, all of which passed."""

    digest: str
    results: Sequence[Mapping[str, Any]]


def gate_draft(draft: Draft, worker: Worker | None) -> Tested | None:
    """The results of the worker's tests for a draft that is to be deployed; None where it asks for none.

    Raises `RequestTestsFailed` with what failed: then no version is made.
    """
    tests = enabled_tests(worker) if worker is not None and worker.gate_deploys else ()
    if not tests:
        return None
    results = draft_results(draft, tests)
    failed = [{"name": result["name"], "problems": result["problems"]} for result in results if not result["passed"]]
    if failed:
        raise RequestTestsFailed(f"{len(failed)} of {len(tests)} request tests failed: nothing was deployed.", failed=failed)
    return Tested(tests_digest(tests), results)
