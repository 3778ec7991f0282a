"""Stages in time: what moves a rollout on, what holds it, what ends it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, models

from rollouts import selectors, services
from rollouts.errors import RolloutImpossible, RolloutInvalid, RolloutsFrozen, RolloutStateWrong, RolloutUnderWay
from rollouts.models import Counting, Horizon, Rollout, State
from rollouts.plans import plan_of
from rollouts.services import moving, ticking
from rollouts.tallies import Tallied
from tenants import services as tenants
from tenants.errors import ChangedMeanwhile, VersionNotFound
from tenants.models import AuditEvent, Version

from .conftest import NOBODY, STAGES, Hands, again


def through(hands: Hands, seconds: float = 60) -> None:
    """A stage's time with good traffic."""
    for _ in range(int(seconds // 10)):
        hands.good(20)
        hands.later(10)


class TestATurnWithoutTrouble:
    def test_stages_follow_each_other_until_all_is_the_new_version_s(self, hands):
        rollout = hands.start()
        assert hands.shares() == {1: 90, 2: 10}
        through(hands, 50)
        assert hands.shares() == {1: 90, 2: 10}
        through(hands, 20)
        assert hands.shares() == {1: 50, 2: 50}
        through(hands, 70)
        assert hands.shares() == {2: 100}
        done = again(rollout)
        assert (done.state, done.ended is not None) == (State.COMPLETED, True)
        kinds = [line["kind"] for line in selectors.timeline(rollout=done)]
        assert kinds == ["started", "stage", "stage", "stage", "completed"]
        assert done.verdict.startswith("v2 serves everybody, after ")

    def test_every_change_is_in_the_audit_log_with_before_and_after(self, hands):
        rollout = hands.start()
        through(hands, 70)
        hands.steer(services.rollout_pause, rollout, reason="lunch")
        hands.steer(services.rollout_resume, rollout)
        hands.steer(services.rollout_abort, rollout, reason="enough")
        events = AuditEvent.objects.filter(tenant=hands.tenant, action__startswith="rollout_").order_by("number")
        assert [event.action for event in events] == [
            "rollout_start", "rollout_advance", "rollout_advance", "rollout_pause", "rollout_resume", "rollout_abort",
        ]  # fmt: skip
        paused = events[3]
        assert paused.before == {"state": "running", "stage": 1, "percent": 50}
        assert paused.after == {"state": "paused", "stage": 1, "percent": 50}
        assert paused.reason == "lunch"
        assert paused.data["rollout"] == str(rollout.uuid)

    def test_zero_shares_stay_until_the_end(self, hands, upload_js):
        spare = upload_js("export default { fetch() { return new Response('spare') } };", deploy=False).version
        tenants.deployment_create(
            tenant=hands.tenant, worker_name="hello", versions=[(hands.old.pk, 100), (spare.pk, 0)], actor=hands.actor, source="tests"
        )
        rollout = hands.start()
        assert hands.shares() == {1: 90, 2: 10, 3: 0}
        hands.steer(services.rollout_abort, rollout, reason="no")
        assert hands.shares() == {1: 100, 3: 0}

    def test_a_plan_without_guards_moves_by_time_alone(self, hands):
        hands.start(guards=())
        for _ in range(7):
            hands.later(10, telemetry=False)
        assert hands.shares() == {1: 50, 2: 50}


class TestWhatHoldsIt:
    def test_without_metrics_no_stage_ends(self, hands):
        rollout = hands.start()
        for _ in range(20):
            hands.later(10)
        row = again(rollout)
        assert (row.stage, row.state) == (0, State.RUNNING)
        assert row.holding == "Metrics are missing: 0 of 20 requests of v2 counted in this stage."
        assert row.guards[0]["answer"] == "counting"
        assert row.guards[0]["sentence"] == "error rate: nothing was counted of v2 yet"
        hands.traffic(hands.new, 20)
        hands.later(10)
        assert "of v1 counted" in again(rollout).holding
        hands.traffic(hands.old, 20)
        hands.later(10)
        assert hands.shares() == {1: 50, 2: 50}

    def test_what_was_counted_in_one_stage_does_not_pass_the_next(self, hands):
        hands.start()
        through(hands)
        for _ in range(10):
            hands.later(10)
        assert hands.shares() == {1: 50, 2: 50}

    def test_late_telemetry_is_no_time_watched(self, hands):
        rollout = hands.start()
        hands.good(100)
        hands.later(10)
        for _ in range(30):
            hands.later(10, telemetry=False)
        row = again(rollout)
        assert row.stage == 0
        assert row.watched <= 30
        assert row.holding.startswith("Telemetry is ")
        Horizon.objects.all().delete()
        hands.later(10, telemetry=False)
        assert again(rollout).holding.startswith("No machine has read its telemetry")

    def test_one_machine_that_is_behind_holds_all(self, hands):
        rollout = hands.start()
        Horizon.objects.create(node="there", until=hands.now - timedelta(seconds=45))
        hands.good(100)
        for _ in range(8):
            hands.later(10)
        assert again(rollout).stage == 0
        # Given up for good: it does not hold everybody for ever.
        Horizon.objects.filter(node="there").update(until=hands.now - timedelta(hours=2))
        through(hands, 70)
        assert again(rollout).stage == 1

    def test_an_outage_skips_no_stage(self, hands):
        rollout = hands.start()
        hands.good(100)
        hands.later(86_400)
        row = again(rollout)
        assert (row.stage, row.watched) == (0, 30)
        through(hands, 30)
        assert again(rollout).stage == 1
        hands.good(100)
        hands.later(86_400)
        assert again(rollout).stage == 1

    def test_a_clock_that_jumps_does_no_harm(self, hands):
        rollout = hands.start()
        hands.good(100)
        hands.later(20)
        hands.later(-3_600)
        row = again(rollout)
        assert row.stage == 0
        assert 15 <= row.watched <= 20
        hands.later(3_600)
        assert again(rollout).watched <= 50

    def test_a_suspended_tenant_stands_still(self, hands, tenant, actor):
        rollout = hands.start()
        tenants.tenant_suspend(tenant=tenant, reason="unpaid", actor=actor)
        hands.traffic(hands.new, 100, errors=100)
        hands.traffic(hands.old, 100)
        through(hands, 120)
        row = again(rollout)
        assert (row.stage, row.state, row.holding) == (0, State.RUNNING, "The tenant is suspended.")
        tenants.tenant_resume(tenant=tenant, actor=actor)
        hands.later(5)
        assert again(rollout).state == State.ROLLED_BACK

    def test_frozen_nothing_moves_on_but_what_is_bad_is_taken_back(self, hands, actor):
        rollout = hands.start()
        services.freeze_set(tenant=None, reason="a holiday", actor=actor)
        through(hands, 120)
        row = again(rollout)
        assert (row.stage, row.holding) == (0, "Rollouts are frozen: a holiday")
        hands.traffic(hands.new, 60, errors=60)
        hands.traffic(hands.old, 60)
        hands.later(5)
        assert again(rollout).state == State.ROLLED_BACK
        with pytest.raises(RolloutsFrozen, match="a holiday"):
            hands.start()
        assert services.freeze_lift(tenant=None, actor=actor)
        assert not services.freeze_lift(tenant=None, actor=actor)
        hands.start()

    def test_a_tenant_s_freeze_is_its_own(self, hands, other_tenant, actor):
        services.freeze_set(tenant=other_tenant, reason="theirs", actor=actor)
        rollout = hands.start()
        services.freeze_set(tenant=hands.tenant, reason="ours", actor=actor)
        hands.later(10)
        assert again(rollout).holding == "Rollouts are frozen: ours"
        assert [row.reason for row in selectors.freezes(tenant=hands.tenant)] == ["ours"]


class TestGates:
    def test_an_approval_is_waited_for(self, hands):
        rollout = hands.start(stages=[STAGES[0], {**STAGES[1], "gate": "approval"}, STAGES[2]])
        through(hands, 70)
        assert again(rollout).state == State.WAITING
        through(hands, 70)
        assert hands.shares() == {1: 90, 2: 10}
        hands.steer(services.rollout_approve, rollout, reason="looks good")
        assert hands.shares() == {1: 50, 2: 50}
        with pytest.raises(RolloutStateWrong):
            hands.steer(services.rollout_approve, rollout)

    def test_the_first_stage_may_wait_too(self, hands):
        rollout = hands.start(stages=[{**STAGES[0], "gate": "approval"}, *STAGES[1:]])
        through(hands, 70)
        assert hands.shares() == {1: 100}
        hands.steer(services.rollout_approve, rollout)
        assert hands.shares() == {1: 90, 2: 10}

    def test_tests_that_pass_let_a_stage_begin(self, hands, monkeypatch):
        monkeypatch.setattr(ticking, "tests_passed", lambda _rollout: "")
        rollout = hands.start(stages=[{**STAGES[0], "gate": "tests"}, *STAGES[1:]])
        hands.later(1)
        assert again(rollout).stage == 0

    def test_tests_that_fail_pause_it(self, hands, monkeypatch):
        rollout = hands.start(stages=[STAGES[0], {**STAGES[1], "gate": "tests"}, STAGES[2]])
        monkeypatch.setattr(ticking, "tests_passed", lambda _rollout: "the test 'home' failed.")
        through(hands, 70)
        row = again(rollout)
        assert (row.stage, row.state) == (0, State.PAUSED)
        assert row.verdict == "Stage 2 did not begin: the test 'home' failed."
        monkeypatch.setattr(ticking, "tests_passed", lambda _rollout: "")
        hands.steer(services.rollout_resume, rollout)
        through(hands, 20)
        assert again(rollout).stage == 1

    def test_what_moved_while_tests_ran_is_left_alone(self, hands, monkeypatch):
        def run(rollout: Rollout) -> str:
            hands.steer(services.rollout_abort, rollout, reason="meanwhile")
            return ""

        rollout = hands.start(stages=[STAGES[0], {**STAGES[1], "gate": "tests"}, STAGES[2]])
        monkeypatch.setattr(ticking, "tests_passed", run)
        through(hands, 70)
        assert again(rollout).state == State.ABORTED
        assert hands.shares() == {1: 100}


class TestPeople:
    def test_two_who_start_at_once(self, hands, upload_js):
        third = upload_js("export default { fetch() { return new Response('3') } };", deploy=False).version
        first = hands.start()
        hands.new = third
        with pytest.raises(RolloutUnderWay) as refused:
            hands.start()
        assert refused.value.detail["rollout"] == str(first.uuid)
        assert refused.value.status == 409

    def test_paused_time_stands_still_and_guards_do_not(self, hands):
        rollout = hands.start()
        hands.steer(services.rollout_pause, rollout)
        through(hands, 120)
        assert hands.shares() == {1: 90, 2: 10}
        hands.traffic(hands.new, 40, errors=40)
        hands.traffic(hands.old, 40)
        hands.later(5)
        assert again(rollout).state == State.ROLLED_BACK
        assert hands.shares() == {1: 100}

    def test_a_step_upon_what_somebody_else_has_changed_is_refused(self, hands):
        rollout = hands.start()
        hands.steer(services.rollout_pause, rollout)
        with pytest.raises(ChangedMeanwhile):
            hands.steer(services.rollout_resume, rollout, expected=rollout.revision)

    def test_what_is_over_cannot_be_steered(self, hands):
        rollout = hands.start()
        hands.steer(services.rollout_abort, rollout, reason="no")
        for step in (services.rollout_pause, services.rollout_resume, services.rollout_approve):
            with pytest.raises(RolloutStateWrong):
                hands.steer(step, rollout)
        with pytest.raises(RolloutStateWrong):
            hands.steer(services.rollout_abort, rollout, reason="no")

    def test_a_deployment_by_hand_stands_and_ends_it(self, hands):
        rollout = hands.start()
        tenants.deployment_create(
            tenant=hands.tenant, worker_name="hello", versions=[(hands.new.pk, 30), (hands.old.pk, 70)], actor=hands.actor, source="tests"
        )
        with pytest.raises(RolloutStateWrong):
            hands.steer(services.rollout_pause, rollout)
        hands.later(5)
        row = again(rollout)
        assert (row.state, hands.shares()) == (State.SUPERSEDED, {1: 70, 2: 30})
        hands.start(stages=[{"percent": 40, "seconds": 10}, {"percent": 100}])

    def test_a_worker_that_is_deleted_takes_its_rollout_along(self, hands):
        hands.start()
        tenants.worker_delete(tenant=hands.tenant, worker_name="hello", actor=hands.actor)
        hands.later(5)
        assert not Rollout.objects.exists()


class TestWhatCannotBegin:
    def test_a_version_that_is_not_there(self, hands):
        hands.new.pk = NOBODY
        with pytest.raises(VersionNotFound):
            hands.start()

    def test_nothing_is_live(self, hands, upload_js):
        made = upload_js(name="fresh", deploy=False)
        with pytest.raises(RolloutImpossible, match="Nothing is deployed"):
            services.rollout_start(tenant=hands.tenant, worker_name="fresh", version_id=made.version.pk, plan=plan_of(), actor=hands.actor)

    def test_it_serves_already(self, hands):
        hands.new = hands.old
        with pytest.raises(RolloutImpossible, match="v1 serves everybody already"):
            hands.start()

    def test_several_serve(self, hands, upload_js):
        third = upload_js("export default { fetch() { return new Response('3') } };", deploy=False).version
        tenants.deployment_create(
            tenant=hands.tenant, worker_name="hello", versions=[(hands.old.pk, 50), (third.pk, 50)], actor=hands.actor, source="tests"
        )
        with pytest.raises(RolloutImpossible, match=r"v1, v3"):
            hands.start()

    def test_a_first_stage_below_what_it_has(self, hands):
        tenants.deployment_create(
            tenant=hands.tenant, worker_name="hello", versions=[(hands.old.pk, 80), (hands.new.pk, 20)], actor=hands.actor, source="tests"
        )
        with pytest.raises(RolloutInvalid, match="20 %"):
            hands.start()


class TestBadDays:
    def test_a_new_version_that_has_gone_fails_it(self, hands):
        rollout = hands.start()
        gone(hands.new)
        through(hands, 70)
        assert again(rollout).state in (State.FAILED, State.SUPERSEDED)

    def test_there_is_nothing_to_go_back_to(self, hands):
        rollout = hands.start()
        Rollout.objects.filter(pk=rollout.pk).update(before={str(NOBODY): 10_000})
        hands.traffic(hands.new, 60, errors=60)
        hands.traffic(hands.old, 60)
        hands.later(5)
        row = again(rollout)
        assert row.state == State.FAILED
        assert "cannot be taken back" in row.verdict
        assert hands.shares() == {1: 90, 2: 10}

    def test_one_broken_rollout_does_not_stand_in_the_way_of_others(self, hands, upload_js, caplog):
        rollout = hands.start()
        upload_js(name="other")
        other_new = upload_js("export default { fetch() { return new Response('x') } };", name="other", deploy=False).version
        other = services.rollout_start(
            tenant=hands.tenant, worker_name="other", version_id=other_new.pk, plan=rollout.planned, actor=hands.actor
        )
        Counting.objects.filter(rollout=rollout).delete()
        assert services.rollouts_tick(now=hands.now) == {"rollouts": 2, "failed": 1}
        assert again(other).holding != "" or again(other).looked == hands.now

    def test_what_only_one_version_has_had_waits_for_the_other(self, hands):
        rollout = hands.start()
        for number in range(80):
            hands.traffic((hands.new, hands.old)[number % 2], 1, errors=number % 2 == 0)
            hands.later(1)
        row = again(rollout)
        assert row.state == State.ROLLED_BACK
        assert row.guards[0]["new"]["requests"] < 30

    def test_a_look_twice_is_a_look_once(self, hands):
        rollout = hands.start()
        hands.traffic(hands.new, 50, errors=3)
        hands.traffic(hands.old, 50, errors=3)
        hands.later(10)
        first = again(rollout)
        services.rollouts_tick(now=hands.now)
        second = again(rollout)
        assert first.guards == second.guards
        assert (first.watched, first.counted["new"]) == (second.watched, second.counted["new"])

    def test_killed_between_any_two_steps_nothing_is_done_by_halves(self, hands, monkeypatch):
        rollout = hands.start()
        hands.traffic(hands.new, 60, errors=60)
        hands.traffic(hands.old, 60)
        for module, name in ((ticking, "told"), (ticking, "take_back"), (moving, "deploy"), (moving, "audit"), (moving, "event")):
            with monkeypatch.context() as patch:
                patch.setattr(module, name, killed)
                hands.later(5)
            row = again(rollout)
            assert row.state == State.RUNNING
            assert Tallied.from_json(Counting.objects.get(rollout=row, version=row.new_version).pending).requests == 60
            assert hands.shares() == {1: 90, 2: 10}
        hands.later(5)
        assert again(rollout).state == State.ROLLED_BACK


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_begin_one_stage(transactional_db, hands):
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time anyway")
    rollout = hands.start()
    through(hands, 50)
    hands.good(40)
    hands.now += timedelta(seconds=15)
    Horizon.objects.update_or_create(node="here", defaults={"until": hands.now})

    def look() -> None:
        try:
            services.rollout_tick(pk=rollout.pk, now=hands.now)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = again(rollout)
    assert row.stage == 1
    assert Tallied.from_json(Counting.objects.get(rollout=row, version=row.new_version).total).requests == 140


def killed(*_args: object, **_kwargs: object) -> None:
    raise SystemError("killed")


def gone(version: Version) -> None:
    """Delete a version past everything that would refuse."""
    models.QuerySet(Version).filter(pk=version.pk).delete()
