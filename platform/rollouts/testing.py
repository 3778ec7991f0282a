"""The request tests that a stage's gate asks for.

Owns the question to `tenants.services`, which keeps and runs them. Must not be asked in a transaction: tests are requests,
and take their time.
"""

from __future__ import annotations

from rollouts.models import Rollout
from tenants import services
from tenants.actor import Actor
from tenants.models import RequestTest

_NAMED = 3


def tests_passed(rollout: Rollout) -> str:
    """Run the worker's request tests against the new version, now; what is wrong, or nothing.

    Raises `HostelError` where they could not be run: that says nothing about the version.
    """
    worker = rollout.worker.qualified_name
    if not RequestTest.objects.filter(worker=rollout.worker, enabled=True).exists():
        return f"{worker} has no request tests to pass: save some, or take the gate out of the plan."
    ran = services.request_tests_run(
        tenant=rollout.tenant, worker_name=worker, version_id=rollout.new_version, actor=Actor.system(), trigger="rollout"
    )
    failed = [result for result in ran.results if not result["passed"]]
    if not failed:
        return ""
    named = ", ".join(repr(result["name"]) for result in failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return f"v{rollout.new_number} fails {len(failed)} of {len(ran.results)} request tests: {named}{more}."
