"""Whatever people, visitors, operators and the clock do, in whatever order: what must always be true of a rollout is."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from rollouts import services
from rollouts.models import ACTIVE, Counting, Freeze, Horizon, Rollout, State
from rollouts.tallies import Tallied
from sandbox.errors import HostelError
from tenants import services as tenants
from tenants.models import AuditEvent, Deployment

from .conftest import Hands

STAGES = (
    {"percent": 10, "seconds": 30},
    {"percent": 50, "seconds": 30, "gate": "approval"},
    {"percent": 75, "seconds": 30},
    {"percent": 100},
)
# From which state to which; an end leads nowhere.
WAYS = {
    State.RUNNING: {*State.values},
    State.WAITING: {*State.values} - {State.COMPLETED},
    State.PAUSED: {State.PAUSED, State.RUNNING, State.WAITING, State.ABORTED, State.ROLLED_BACK, State.SUPERSEDED, State.FAILED},
}


def machine(hands: Hands) -> type[RuleBasedStateMachine]:  # noqa: C901 - one rule for each thing that can be done
    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            Rollout.objects.all().delete()
            Freeze.objects.all().delete()
            Horizon.objects.all().delete()
            if hands.tenant.suspended_at is not None:
                self.restore()
            Deployment.objects.filter(worker=hands.worker).delete()
            self.deploy(100)
            # By rollout: (state, stage) as it was last seen.
            self.seen: dict[int, tuple[str, int]] = {}

        def deploy(self, old: int) -> None:
            shares = [(hands.old.pk, old), (hands.new.pk, 100 - old)]
            tenants.deployment_create(
                tenant=hands.tenant,
                worker_name="hello",
                versions=[share for share in shares if share[1]],
                actor=hands.actor,
                source="tests",
            )

        def restore(self) -> None:
            tenants.tenant_resume(tenant=hands.tenant, actor=hands.actor)
            hands.tenant.refresh_from_db()

        @property
        def newest(self) -> Rollout | None:
            return Rollout.objects.order_by("-pk").first()

        @rule()
        def start(self) -> None:
            under_way = Rollout.objects.filter(state__in=ACTIVE).exists()
            with suppress(HostelError):
                hands.start(stages=STAGES)
                assert not under_way

        @precondition(lambda self: self.newest is not None)
        @rule(step=st.sampled_from([services.rollout_pause, services.rollout_resume, services.rollout_approve]))
        def steer(self, step) -> None:
            with suppress(HostelError):
                hands.steer(step, self.newest)

        @precondition(lambda self: self.newest is not None)
        @rule()
        def abort(self) -> None:
            with suppress(HostelError):
                hands.steer(services.rollout_abort, self.newest, reason="enough")

        @rule(bad=st.booleans())
        def traffic(self, bad) -> None:
            hands.traffic(hands.new, 30, errors=25 if bad else 0)
            hands.traffic(hands.old, 30)

        @rule(seconds=st.sampled_from([0, 5, 20, 31, 4_000, -600]), telemetry=st.booleans(), looks=st.integers(1, 2))
        def time(self, seconds, telemetry, looks) -> None:
            before = {row.pk: row.stage for row in Rollout.objects.all()}
            hands.later(seconds, telemetry=telemetry)
            for _ in range(looks - 1):
                services.rollouts_tick(now=hands.now)
            for row in Rollout.objects.all():
                # Two looks may begin two stages only where both were watched for their time, and a look is worth 30 seconds at most.
                assert row.stage <= before[row.pk] + 1 or row.state == State.COMPLETED

        @rule(on=st.booleans())
        def freeze(self, on) -> None:
            if on:
                services.freeze_set(tenant=None, reason="a holiday", actor=hands.actor)
            else:
                services.freeze_lift(tenant=None, actor=hands.actor)

        @rule(on=st.booleans())
        def suspend(self, on) -> None:
            if on:
                tenants.tenant_suspend(tenant=hands.tenant, reason="unpaid", actor=hands.actor)
                hands.tenant.refresh_from_db()
            else:
                self.restore()

        @rule(old=st.sampled_from([100, 60, 0]))
        def by_hand(self, old) -> None:
            with suppress(HostelError):
                self.deploy(old)

        @invariant()
        def one_is_under_way_at_most(self) -> None:
            assert Rollout.objects.filter(state__in=ACTIVE).count() <= 1

        @invariant()
        def states_lead_where_they_may(self) -> None:
            for row in Rollout.objects.all():
                state, stage = self.seen.get(row.pk, (row.state, row.stage))
                assert row.state in WAYS.get(State(state), {state}), (state, row.state)
                assert row.stage >= stage
                assert (row.ended is None) == row.active
                self.seen[row.pk] = (row.state, row.stage)

        @invariant()
        def what_serves_is_what_the_stage_says(self) -> None:
            live = Deployment.objects.filter(worker=hands.worker).latest("pk")
            row = self.newest
            if row is None or str(live.uuid) != row.deployment:
                return
            shares = {str(entry.version_id): entry.weight for entry in live.entries.all()}
            if row.state in (State.ABORTED, State.ROLLED_BACK) or row.stage < 0:
                assert shares == row.before
            else:
                assert shares.get(row.new_version, 0) == row.planned.stages[row.stage].weight

        @invariant()
        def every_end_is_in_the_audit_log_once(self) -> None:
            ends = ("rollout_complete", "rollout_abort", "rollout_revert", "rollout_supersede", "rollout_fail")
            told = [event.data["rollout"] for event in AuditEvent.objects.filter(action__in=ends)]
            for row in Rollout.objects.exclude(state__in=ACTIVE):
                assert told.count(str(row.uuid)) == 1

        @invariant()
        def nothing_is_counted_twice(self) -> None:
            for row in Rollout.objects.all():
                evidence = row.guards[0]["evidence"]
                total = Tallied.from_json(Counting.objects.get(rollout=row, version=row.new_version).total)
                assert evidence["new"][0] <= total.requests

    return Machine


def test_rollouts_are_in_order_whatever_happens(hands):
    run_state_machine_as_test(
        machine(hands),
        settings=settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)),
    )
