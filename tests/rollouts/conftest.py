"""A worker with a live version and a newer one, and hands for traffic and time."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from rollouts import services
from rollouts.counting import counted
from rollouts.models import Horizon, Rollout
from rollouts.plans import plan_of
from sandbox import Outcome
from telemetry.frames import Owner
from tenants.actor import Actor
from tenants.models import Deployment, Tenant, Version, Worker
from tests.conftest import HELLO
from tests.telemetry.making import record

STAGES = ({"percent": 10, "seconds": 60}, {"percent": 50, "seconds": 60}, {"percent": 100})
GUARDS = ({"metric": "errors", "action": "rollback", "minimum": 20},)


@dataclass
class Hands:
    """What visitors, the clock and people do."""

    tenant: Tenant
    worker: Worker
    old: Version
    new: Version
    actor: Actor
    now: datetime = field(default_factory=timezone.now)

    def start(self, stages: Sequence[Mapping[str, Any]] = STAGES, guards: Sequence[Mapping[str, Any]] = GUARDS, **more: Any) -> Rollout:
        return services.rollout_start(
            tenant=self.tenant,
            worker_name="hello",
            version_id=self.new.pk,
            plan=plan_of(stages=stages, guards=guards, **more),
            actor=self.actor,
        )

    def steer(self, step: Callable[..., Rollout], rollout: Rollout, **more: Any) -> Rollout:
        return step(tenant=self.tenant, worker_name="hello", rollout_id=rollout.uuid, actor=self.actor, **more)

    def traffic(self, version: Version, requests: int, errors: int = 0, **values: Any) -> None:
        """Requests that telemetry has read."""
        owner = Owner(self.tenant.pk, self.worker.pk, "hello", str(version.pk))
        started = (timezone.now() + timedelta(seconds=1)).timestamp() * 1000
        made = []
        for number in range(requests):
            failed = {"outcome": Outcome.EXCEPTION, "status": 500} if number < errors else {}
            made.append((owner, record(version=str(version.pk), started_ms=started, **{**values, **failed})))
        with transaction.atomic():
            counted(made)

    def good(self, requests: int = 40) -> None:
        """Traffic of both versions in which nothing is wrong."""
        self.traffic(self.new, requests)
        self.traffic(self.old, requests)

    def later(self, seconds: float = 10, *, telemetry: bool = True) -> None:
        """Time passes, telemetry is read (or not), and the clock looks."""
        self.now += timedelta(seconds=seconds)
        if telemetry:
            Horizon.objects.update_or_create(node="here", defaults={"until": self.now})
        services.rollouts_tick(now=self.now)

    def shares(self) -> dict[int, float]:
        """Version number -> per cent, as it is live."""
        live = Deployment.objects.filter(worker=self.worker).latest("pk")
        return {entry.version.number: entry.weight / 100 for entry in live.entries.all()}


@pytest.fixture
def hands(tenant: Tenant, actor: Actor, upload_js: Callable[..., Any]) -> Hands:
    old = upload_js(HELLO)
    new = upload_js(HELLO.replace("hello", "hello again"), deploy=False)
    return Hands(tenant, old.worker, old.version, new.version, actor)


def again(rollout: Rollout) -> Rollout:
    """The row as it is now."""
    return Rollout.objects.get(pk=rollout.pk)


NOBODY = uuid.UUID(int=0)
