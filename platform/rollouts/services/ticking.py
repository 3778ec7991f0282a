"""Time: what is done with every rollout every few seconds.

Owns the clock. Safe to be run twice, by two at once and to be killed anywhere: a look is one transaction that holds the rollout's row, and
what it has counted it has taken out of what is pending. An outage is no time watched: at most `CREDIT_SECONDS` pass between two looks,
whatever the clock says, and one look begins one stage at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.utils import timezone

from rollouts import words
from rollouts.counting import counted_until
from rollouts.judging import Names, Watch
from rollouts.models import ACTIVE, Counting, Rollout, State
from rollouts.plans import Plan
from rollouts.services.freezing import frozen
from rollouts.services.moving import brief, end, enter, event, live_of, locked, take_back, told
from rollouts.tallies import Tallied
from rollouts.testing import tests_passed
from sandbox.errors import HostelError
from tenants.actor import Actor

log = structlog.get_logger(__name__)

# The most that counts as watched between two looks.
CREDIT_SECONDS: Final = 30.0
# Telemetry that is later than this says nothing about now.
LATE: Final = timedelta(seconds=20)
# Between two beginnings of evidence (rollouts.statistics).
_RESTART_SECONDS: Final = 60.0
SYSTEM: Final = Actor.system()


def rollouts_tick(*, now: datetime | None = None) -> dict[str, Any]:
    """Look after every rollout under way; how many, and how many of them could not be looked after."""
    looked = failed = 0
    for pk in list(Rollout.objects.filter(state__in=ACTIVE).order_by("pk").values_list("pk", flat=True)):
        looked += 1
        try:
            rollout_tick(pk=pk, now=now)
        except Exception:
            # One that is broken must not stand in the way of the others.
            failed += 1
            log.exception("a rollout was not looked after", rollout=pk)
    return {"rollouts": looked, "failed": failed}


def rollout_tick(*, pk: int, now: datetime | None = None) -> None:
    """Look after one rollout."""
    due = _look(pk, now or timezone.now())
    if due is None:
        return
    # Tests take their time: they are run outside of the transaction, for the row as it was.
    try:
        problem = tests_passed(due)
    except HostelError as error:
        # Nothing of the version's: the next look tries again.
        holding = f"The request tests could not be run: {error.message}"[:300]
        Rollout.objects.filter(pk=pk, revision=due.revision).update(holding=holding)
        return
    _tested(due, problem, now or timezone.now())


@transaction.atomic
def _look(pk: int, now: datetime) -> Rollout | None:
    """One look; the rollout where the next stage waits for its tests to be run."""
    found = Rollout.objects.select_related("tenant").filter(pk=pk).first()
    rollout = locked(found.tenant, pk) if found is not None and found.active else None
    if rollout is None or not rollout.active:
        return None
    live = live_of(rollout)
    if live is None or str(live.uuid) != rollout.deployment:
        where = words.weight(rollout.current.weight) if rollout.current else "the first gate"
        text = f"Somebody has deployed something else at {where}: that stands"
        end(rollout, State.SUPERSEDED, "rollout_supersede", text=text, actor=SYSTEM, now=now)
        return None
    # A clock that was set back, or far ahead, is worth nothing.
    passed = min(max(0.0, (now - rollout.looked).total_seconds()), CREDIT_SECONDS)
    rollout.looked = now
    watches = _fold(rollout, passed)
    if _acted(rollout, watches, now):
        return None
    rollout.holding = _holding(rollout, now)
    if not rollout.holding and rollout.stage >= 0:
        rollout.watched += passed
        rollout.holding = _unfinished(rollout)
    under_way = rollout.stage >= 0 and rollout.watched < rollout.planned.stages[rollout.stage].seconds
    if rollout.holding or under_way:
        rollout.save()
        return None
    return _next(rollout, now)


def _fold(rollout: Rollout, passed: float) -> list[Watch]:
    """Take what is pending into the guards' evidence, and say what they find."""
    plan = rollout.planned
    rows = {row.version: row for row in Counting.objects.select_for_update().filter(rollout=rollout)}
    new_row, old_row = rows[rollout.new_version], rows[rollout.old_version]
    new, old = Tallied.from_json(new_row.pending), Tallied.from_json(old_row.pending)
    totals = {row.version: Tallied.from_json(row.total) for row in (new_row, old_row)}
    known = Tallied.from_json(old_row.history)
    known.merge(totals[rollout.old_version])
    # What only one version has had is kept until the other has had something, too: alone it could be compared with nothing.
    both = bool(new.requests and old.requests)
    clock = rollout.counted.get("clock", 0.0) + passed
    restart = both and (rollout.counted.get("restart", False) or clock >= _RESTART_SECONDS)
    watches = [Watch.from_json(guard, stored) for guard, stored in zip(plan.guards, rollout.guards, strict=True)]
    for watch in watches if both else ():
        if restart:
            watch.evidence.restart()
        watch.fold(new=new, old=old, known=known)
    for row, tallied in ((new_row, new), (old_row, old)):
        totals[row.version].merge(tallied)
        if both:
            row.total, row.pending = totals[row.version].as_json(), {}
            row.save(update_fields=["total", "pending"])
    sums = {"new": totals[rollout.new_version].requests, "old": totals[rollout.old_version].requests}
    base = rollout.counted.get("base", {"new": 0, "old": 0})
    rollout.counted = {
        "base": base,
        "sums": sums,
        "new": sums["new"] - base["new"],
        "old": sums["old"] - base["old"],
        "clock": 0.0 if restart else clock,
        "restart": rollout.counted.get("restart", False) and not restart,
    }
    rollout.newest_ms = max(rollout.newest_ms, new.newest_ms, old.newest_ms)
    rollout.guards = [_shown(rollout, plan, watch, totals) for watch in watches]
    rollout.verdict = _verdict(rollout)
    return watches


def _shown(rollout: Rollout, plan: Plan, watch: Watch, totals: Mapping[str, Tallied]) -> dict[str, Any]:
    new, old = totals[rollout.new_version], totals[rollout.old_version]
    least = watch.guard.minimum
    names = Names(f"v{rollout.new_number}", f"v{rollout.old_number}")
    # To accuse, what was counted since the beginning must be enough; to let a stage pass, what was counted in it.
    counted = (new.requests, old.requests) if watch.fails(plan) else (rollout.counted["new"], rollout.counted["old"])
    return watch.shown(plan, new=new, old=old, names=names, enough=min(counted) >= least)


def _verdict(rollout: Rollout) -> str:
    failing = [guard for guard in rollout.guards if guard["answer"] == "fails"]
    worst = failing or sorted(rollout.guards, key=lambda guard: float(guard["p"]))[:1]
    return str(worst[0]["sentence"]) if worst else ""


def _acted(rollout: Rollout, watches: list[Watch], now: datetime) -> bool:
    """Do what the plan says about guards that fail; whether anything was done."""
    failing = [shown for shown in rollout.guards if shown["answer"] == "fails"]
    if not failing or rollout.stage < 0 or rollout.tenant.suspended_at is not None:
        return False
    assert rollout.stage_started is not None
    assert watches
    back = [shown for shown in failing if shown["action"] == "rollback"]
    sentence = (back or failing)[0]["sentence"]
    after = words.span((now - _began(rollout)).total_seconds())
    if back:
        told(rollout, SYSTEM, "rollout_judge", before=brief(rollout), verdict=sentence)
        take_back(rollout, State.ROLLED_BACK, "rollout_revert", text=f"{sentence}: rolled back after {after}", actor=SYSTEM, now=now)
        return True
    if rollout.state == State.PAUSED:
        return False
    before = brief(rollout)
    told(rollout, SYSTEM, "rollout_judge", before=before, verdict=sentence)
    text = f"{sentence}: paused after {after}"
    rollout.state, rollout.verdict, rollout.holding = State.PAUSED, text, "A guard has paused it."
    event(rollout, "paused", text)
    told(rollout, SYSTEM, "rollout_pause", before=before, verdict=text)
    return True


def _began(rollout: Rollout) -> datetime:
    """When the first stage began."""
    first = rollout.events.filter(kind="stage").order_by("pk").first()
    return first.at if first is not None else rollout.created


def _holding(rollout: Rollout, now: datetime) -> str:
    """Why time does not count now; empty where it does."""
    if rollout.state == State.PAUSED:
        return rollout.holding or "Paused."
    if rollout.state == State.WAITING:
        return f"Stage {rollout.stage + 2} waits for an approval."
    if rollout.tenant.suspended_at is not None:
        return "The tenant is suspended."
    if (freeze := frozen(rollout.tenant)) is not None:
        return f"Rollouts are frozen: {freeze.reason}"[:300]
    if rollout.guards and rollout.stage >= 0:
        return _late(counted_until(now), now)
    return ""


def _late(until: datetime | None, now: datetime) -> str:
    if until is None:
        return "No machine has read its telemetry in the last hour: nothing can be judged."
    if now - until > LATE:
        return f"Telemetry is {words.span((now - until).total_seconds())} late: nothing is judged until it has caught up."
    return ""


def _unfinished(rollout: Rollout) -> str:
    """What a stage whose time is over still needs."""
    stage = rollout.planned.stages[rollout.stage]
    if rollout.watched < stage.seconds:
        return ""
    least = max((shown["minimum"] for shown in rollout.guards), default=0)
    for arm, number in (("new", rollout.new_number), ("old", rollout.old_number)):
        if rollout.counted[arm] < least:
            found = words.number(rollout.counted[arm])
            return f"Metrics are missing: {found} of {words.number(least)} requests of v{number} counted in this stage."
    return ""


def _next(rollout: Rollout, now: datetime) -> Rollout | None:
    """The stage is over: begin the next one, as its gate says."""
    number = rollout.stage + 1
    gate = rollout.planned.stages[number].gate
    if gate == "tests":
        rollout.save()
        return rollout
    if gate == "approval":
        before = brief(rollout)
        rollout.state, rollout.holding = State.WAITING, f"Stage {number + 1} waits for an approval."
        event(rollout, "waiting", rollout.holding)
        told(rollout, SYSTEM, "rollout_await", before=before)
        return None
    enter(rollout, number, actor=SYSTEM, now=now)
    return None


@transaction.atomic
def _tested(due: Rollout, problem: str, now: datetime) -> None:
    """Begin the stage whose tests have passed; where they have not, say why and pause. Nothing where the rollout has moved meanwhile."""
    rollout = locked(due.tenant, due.pk)
    if rollout.revision != due.revision or rollout.state != State.RUNNING or rollout.stage != due.stage:
        return
    number = rollout.stage + 1
    if not problem:
        event(rollout, "tests", f"The tests of stage {number + 1} have passed.")
        enter(rollout, number, actor=SYSTEM, now=now)
        return
    before = brief(rollout)
    text = f"Stage {number + 1} did not begin: {problem}"
    rollout.state, rollout.verdict, rollout.holding = State.PAUSED, text, text[:300]
    event(rollout, "tests", text)
    told(rollout, SYSTEM, "rollout_pause", before=before, verdict=text)
