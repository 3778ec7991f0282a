"""Before a rollout starts: what speaks against it, and whom each stage would reach.

Owns the list of checks and the dry run. Reads only.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rollouts.errors import RolloutImpossible
from rollouts.models import ACTIVE, Rollout
from rollouts.plans import WHOLE, Plan
from rollouts.services.freezing import frozen
from rollouts.services.starting import replaced
from sandbox.limits import Limits
from tenants import rollout as routing
from tenants import selectors
from tenants.errors import FieldInvalid
from tenants.models import RequestTest, Tenant, Version, Worker
from tenants.services.gating import request_tests_passed

KEYS: Final = 200
KEY_CHARACTERS: Final = 200
Finding = Literal["ok", "warning", "stop"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list: `stop` means that starting would be refused."""

    name: str
    finding: Finding
    text: str


def preflight(*, tenant: Tenant, worker_name: str, version_id: uuid.UUID | str, plan: Plan) -> list[Check]:
    """What is found now; raises `WorkerNotFound` or `VersionNotFound`."""
    worker = selectors.worker_get(tenant=tenant, name=worker_name)
    new = selectors.version_get(tenant=tenant, worker=worker, version_id=version_id)
    found = [_free(worker), _thawed(tenant)]
    try:
        _, old = replaced(worker, new)
    except RolloutImpossible as error:
        return [*found, Check("versions", "stop", error.message)]
    found.append(Check("versions", "ok", f"v{new.number} is to replace v{old.number}."))
    return [*found, _tests(worker, new, plan), _secrets(new, old), _limits(new, old), _telemetry(plan)]


def reached(*, worker: Worker, new_number: int, old_number: int, weights: Sequence[int], keys: Sequence[str]) -> list[dict[str, Any]]:
    """For each version key its bucket, and the first stage (from 0) that gives it the new version; None where none of them does.

    Raises `FieldInvalid`.
    """
    if len(keys) > KEYS or any(not 1 <= len(key) <= KEY_CHARACTERS for key in keys):
        raise FieldInvalid(f"keys must be at most {KEYS} texts of 1 to {KEY_CHARACTERS} characters.", field="keys", limit=KEYS)
    found = []
    for key in keys:
        bucket = routing.bucket_of(worker.tag, key)
        stages = [number for number, weight in enumerate(weights) if version_at(bucket, new_number, old_number, weight) == new_number]
        found.append({"key": key, "bucket": bucket, "stage": stages[0] if stages else None})
    return found


def version_at(bucket: int, new_number: int, old_number: int, weight: int) -> int:
    """The number of the version that a bucket is given while the new one has `weight`: asked of what the gateway asks."""
    limits = Limits()
    shares = ((new_number, weight), (old_number, WHOLE - weight))
    versions = routing.newest_first([routing.RouteVersion(str(number), number, "", "", share, limits) for number, share in shares])
    route = routing.WorkerRoute(
        tenant_id=0, tenant_slug="", account_id="", suspended=False, worker_id=0, worker_name="", worker_tag="", mode="reuse",
        deployment_id="", versions=versions,
    )  # fmt: skip
    picked = routing.pick_version(route, throw=lambda _buckets: bucket)
    assert picked is not None
    return picked.version.number


def _free(worker: Worker) -> Check:
    other = Rollout.objects.filter(worker=worker, state__in=ACTIVE).first()
    if other is not None:
        return Check("other rollouts", "stop", f"v{other.new_number} is being rolled out.")
    return Check("other rollouts", "ok", "Nothing else is under way.")


def _thawed(tenant: Tenant) -> Check:
    freeze = frozen(tenant)
    if freeze is not None:
        return Check("freeze", "stop", f"Rollouts are frozen: {freeze.reason}")
    return Check("freeze", "ok", "Rollouts are not frozen.")


def _tests(worker: Worker, new: Version, plan: Plan) -> Check:
    passed = request_tests_passed(worker=worker, version=new)
    if not RequestTest.objects.filter(worker=worker, enabled=True).exists():
        if any(stage.gate == "tests" for stage in plan.stages):
            return Check("tests", "warning", "A stage's gate asks for request tests, and none are saved.")
        return Check("tests", "warning", "No request tests are saved with the worker.")
    if passed is None:
        return Check("tests", "warning", f"The request tests were not run against v{new.number} yet.")
    if not passed:
        return Check("tests", "stop" if worker.gate_deploys else "warning", f"v{new.number} has failed the request tests.")
    return Check("tests", "ok", f"v{new.number} has passed the request tests.")


def _secrets(new: Version, old: Version) -> Check:
    missing = sorted(_secret_names(old) - _secret_names(new))
    if missing:
        return Check("secrets", "warning", f"v{new.number} lacks what v{old.number} has: {', '.join(missing[:5])}.")
    return Check("secrets", "ok", "Every secret of the live version is there.")


def _secret_names(version: Version) -> set[str]:
    return {str(binding["name"]) for binding in version.bindings if "sealed" in binding}


def _limits(new: Version, old: Version) -> Check:
    lower = [
        f"{name} {old.limits[name]} → {value}" for name, value in new.limits.items() if name in old.limits and value < old.limits[name]
    ]
    fresh = [f"{name} {value}" for name, value in new.limits.items() if name not in old.limits]
    if lower or fresh:
        return Check("limits", "warning", f"v{new.number} limits itself further: {', '.join([*lower, *fresh][:5])}.")
    return Check("limits", "ok", "No limit is lower than before.")


def _telemetry(plan: Plan) -> Check:
    if not plan.guards:
        return Check("guards", "warning", "Nothing is watched: the plan has no guards.")
    return Check("guards", "ok", f"Watched: {', '.join(guard.title for guard in plan.guards)}.")
