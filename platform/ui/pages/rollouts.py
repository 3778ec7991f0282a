"""A worker's rollouts: start one, watch it, stop it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from cfapi.paging import page_of
from rollouts import selectors, services, words
from rollouts.errors import RolloutImpossible, RolloutInvalid
from rollouts.models import ACTIVE, Rollout, State
from rollouts.plans import DEFAULT_STAGES, GATES, METRICS, Plan, plan_of
from rollouts.preflight import preflight, reached
from rollouts.services.starting import replaced
from tenants import selectors as tenants
from tenants.models import Version
from ui import tiles
from ui.page import WorkerPage

PER_PAGE = 25
OFFERED = 30
ROWS = 6
_MINUTES = 60
_KEYS = re.compile(r"[\s,]+")
# What one may watch without a file: (metric, words, action unless another is chosen).
WATCHED = (
    ("errors", "Error rate", "rollback"),
    ("exceptions", "Exceptions", ""),
    ("wall_p95", "p95 wall time", "pause"),
    ("cpu_p95", "p95 CPU time", "pause"),
)
STATES: Final = {
    State.RUNNING: ("info", "Running"),
    State.WAITING: ("warn", "Waits for approval"),
    State.PAUSED: ("warn", "Paused"),
    State.COMPLETED: ("ok", "Completed"),
    State.ROLLED_BACK: ("bad", "Rolled back"),
    State.ABORTED: ("idle", "Aborted"),
    State.SUPERSEDED: ("idle", "Superseded"),
    State.FAILED: ("bad", "Failed"),
}


class Rollouts(WorkerPage):
    """`…/rollouts`: the one under way, a form for a new one, and those before."""

    template = "ui/rollouts/list.html"
    title = "Rollouts"
    tab = "rollouts"
    write_scope = "workers:deploy"
    actions = ("start", "check")
    api = "/api/v1/workers/{worker}/rollouts"
    checked: dict[str, Any] | None = None

    def context(self) -> dict[str, Any]:
        """History, the one under way, and what a new one may take."""
        name = self.worker.qualified_name
        rows = selectors.rollout_list(tenant=self.tenant, worker_name=name)
        active = selectors.rollout_active(tenant=self.tenant, worker_name=name)
        live = tenants.versions_served(tenant=self.tenant, workers=[self.worker]).get(self.worker.pk)
        newest = list(tenants.version_list(tenant=self.tenant, worker=self.worker)[:OFFERED])
        return {
            "found": page_of(self.request, rows, per_page=PER_PAGE),
            "active": active,
            "live": live,
            "versions": [version for version in newest if live is None or version.pk != live.pk],
            "states": STATES,
            "rows": self._rows(),
            "gates": GATES,
            "watched": self._watched(),
            "freezes": selectors.freezes(tenant=self.tenant),
            "checked": self.checked,
            "chosen": self.typed.get("version", "") if self.typed else "",
            "keys": self.typed.get("keys", "") if self.typed else "",
        }

    def do_check(self) -> HttpResponseBase | None:
        """Change nothing: the pre-flight list, and who would get the new version when."""
        plan, new = self._plan(), self._version()
        checks = preflight(tenant=self.tenant, worker_name=self.worker.qualified_name, version_id=new.pk, plan=plan)
        keys = [key for key in _KEYS.split(self.field("keys")) if key]
        found: list[dict[str, Any]] = []
        try:
            _, old = replaced(self.worker, new)
        except RolloutImpossible:
            old = new
        if keys and old.pk != new.pk:
            weights = [stage.weight for stage in plan.stages]
            found = reached(worker=self.worker, new_number=new.number, old_number=old.number, weights=weights, keys=keys)
        for row in found:
            row["percent"] = plan.stages[row["stage"]].percent if row["stage"] is not None else None
            row["word"] = f"stage {row['stage'] + 1}" if row["stage"] is not None else "never"
        self.typed = self.request.POST
        self.checked = {"checks": checks, "reached": found, "new": new, "stop": any(check.finding == "stop" for check in checks)}
        return self.show()

    def do_start(self) -> HttpResponseBase | None:
        """Start it, and go to where it can be watched."""
        made = services.rollout_start(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            version_id=self._version().pk,
            plan=self._plan(),
            message=self.field("message"),
            actor=self.actor,
        )
        return self.go("rollout", worker=self.worker.qualified_name, rollout=made.uuid)

    def _version(self) -> Version:
        return tenants.version_get(tenant=self.tenant, worker=self.worker, version_id=self.field("version"))

    def _plan(self) -> Plan:
        """The plan that was typed; rows left empty are none. Raises `RolloutInvalid`."""
        stages: list[dict[str, Any]] = []
        for index in range(ROWS):
            percent = self.field(f"percent-{index}")
            if percent:
                minutes = _number(self.field(f"minutes-{index}") or "0", f"stages[{len(stages)}].seconds")
                gate = self.field(f"gate-{index}") or "automatic"
                stages.append(
                    {"percent": _number(percent, f"stages[{len(stages)}].percent"), "seconds": round(minutes * _MINUTES), "gate": gate}
                )
        guards: list[dict[str, Any]] = []
        for metric, _, _ in WATCHED:
            if action := self.field(f"action-{metric}"):
                guard: dict[str, Any] = {"metric": metric, "action": action}
                if minimum := self.field("minimum"):
                    guard["minimum"] = int(_number(minimum, f"guards[{len(guards)}].minimum"))
                guards.append(guard)
        return plan_of(stages=stages, guards=guards)

    def _rows(self) -> list[dict[str, Any]]:
        """The stage table, as it was typed or as it begins."""
        rows = []
        for index in range(ROWS):
            if self.typed is not None:
                typed = self.typed
                rows.append({name: typed.get(f"{name}-{index}", "") for name in ("percent", "minutes", "gate")})
                continue
            stage = DEFAULT_STAGES[index] if index < len(DEFAULT_STAGES) else None
            minutes = f"{stage['seconds'] / _MINUTES:g}" if stage and stage["seconds"] else ""
            rows.append({"percent": f"{stage['percent']:g}" if stage else "", "minutes": minutes, "gate": "automatic"})
        return rows

    def _watched(self) -> list[dict[str, str]]:
        """Each guard with the action that is chosen."""
        typed = self.typed
        return [
            {"metric": metric, "words": words, "action": typed.get(f"action-{metric}", "") if typed is not None else action}
            for metric, words, action in WATCHED
        ]


class RolloutPage(WorkerPage):
    """What the pages about one rollout share."""

    tab = "rollouts"

    @property
    def rollout(self) -> Rollout:
        """The rollout of the address. Raises `RolloutNotFound`."""
        return selectors.rollout_get(
            tenant=self.tenant, worker_name=self.worker.qualified_name, rollout_id=UUID(str(self.kwargs["rollout"]))
        )

    def context(self) -> dict[str, Any]:
        """Stages, tiles, timeline."""
        return shown(self.rollout)


class RolloutOne(RolloutPage):
    """`…/rollouts/{rollout}`: where it is, what its guards see; pause, resume, approve, roll back."""

    template = "ui/rollouts/one.html"
    title = "Rollout"
    write_scope = "workers:deploy"
    actions = ("pause", "resume", "approve", "abort")
    api = "/api/v1/workers/{worker}/rollouts/{rollout}"

    def do_pause(self) -> HttpResponseBase | None:
        """Stop the clock."""
        self._steer(services.rollout_pause, "Paused. Traffic stays as it is, and guards go on watching.")
        return None

    def do_resume(self) -> HttpResponseBase | None:
        """Go on."""
        self._steer(services.rollout_resume, "The rollout goes on.")
        return None

    def do_approve(self) -> HttpResponseBase | None:
        """Begin the next stage."""
        self._steer(services.rollout_approve, "Approved: the next stage has begun.")
        return None

    def do_abort(self) -> HttpResponseBase | None:
        """Deploy what was live before: programs, variables and secrets."""
        self._steer(services.rollout_abort, "Rolled back: what was live before is live again.")
        return None

    def _steer(self, step: Callable[..., Rollout], said: str) -> None:
        row = self.rollout
        step(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            rollout_id=row.uuid,
            reason=self.field("reason"),
            actor=self.actor,
        )
        self.say(said)


class RolloutLive(RolloutPage):
    """`…/rollouts/{rollout}/live`: the part of the page that changes by itself."""

    template = "ui/rollouts/live.html"
    title = "Rollout"

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The part alone. When the rollout has moved to another state, the whole page comes anew: its buttons are others."""
        context = {"tenant": self.tenant, "worker": self.worker, **self.context(), **more}
        response = render(self.request, self.template, context, status=status)
        response.headers["Cache-Control"] = "no-store"
        if self.request.GET.get("state", "") not in ("", str(context["rollout"].state)):
            response.headers["HX-Refresh"] = "true"
        return response


def shown(rollout: Rollout) -> dict[str, Any]:
    """A rollout as the templates have it."""
    plan = rollout.planned
    stages = []
    for index, stage in enumerate(plan.stages):
        done = index < rollout.stage or rollout.state == State.COMPLETED
        now = index == rollout.stage and rollout.active
        share = min(1.0, rollout.watched / stage.seconds) if now and stage.seconds else float(done)
        lasts, watched = words.span(stage.seconds), words.span(rollout.watched)
        more = {
            "lasts": lasts,
            "watched": watched,
            "stopped": index == rollout.stage and not rollout.active and not done,
            "percent": round(share * 100, 1),
        }
        stages.append({"number": index + 1, "stage": stage, "done": done, "now": now, **more})
    kind, word = STATES[State(rollout.state)]
    return {
        "rollout": rollout,
        "kind": kind,
        "word": word,
        "stages": stages,
        "tiles": [tiles.of(guard, seen) for guard, seen in zip(plan.guards, rollout.guards, strict=True)],
        "timeline": selectors.timeline(rollout=rollout),
        "age": selectors.telemetry_age(rollout=rollout),
        "current": rollout.current,
        "active": rollout.state in ACTIVE,
        "can_pause": rollout.state in (State.RUNNING, State.WAITING),
        "can_resume": rollout.state == State.PAUSED,
        "can_approve": rollout.state == State.WAITING,
    }


def _number(text: str, field: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise RolloutInvalid("Must be a number.", field=field)
    return found


assert {metric for metric, _, _ in WATCHED} <= set(METRICS)
