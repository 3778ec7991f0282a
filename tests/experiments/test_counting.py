"""Records' marks become participants, counts and conversions: exactly once, by first exposure."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from experiments import absorbing, counting
from experiments.models import Conversion, Event, Experiment, FlagCount, Participant
from sandbox import Outcome
from sandbox.worker.record import Mark
from telemetry import consumers
from telemetry.ingester import Ingester
from telemetry.models import Loss
from tenants.models import Tenant
from tests.telemetry.making import NOW, Writer, owner, record

pytestmark = pytest.mark.django_db
HALVES = {"control": 0.5, "treatment": 0.5}
METRICS = [{"name": "purchases", "kind": "conversion", "event": "purchase"}]


def shown(subject: str = "ann", variant: str = "control", **more: Any) -> Mark:
    return Mark("flag", more.pop("flag", "checkout"), more.pop("scope", "production"), variant, subject, more.pop("reason", "SPLIT"))


def done(subject: str = "ann", event: str = "purchase", number: float | None = None) -> Mark:
    return Mark("event", event, "production", subject=subject, number=number)


@pytest.fixture
def experiment(tenant: Tenant) -> Experiment:
    began = timezone.now() - timedelta(hours=1)
    return Experiment.objects.create(
        tenant=tenant, key="e", environment="production", flag="checkout", status="running", control="control", shares=HALVES,
        metrics=METRICS, started_at=began,
    )  # fmt: skip


class Spool:
    """Records written by a gateway, read by the ingester."""

    def __init__(self, folder: Path, tenant: Tenant) -> None:
        self.folder, self.writer, self.mine = folder, Writer(folder), owner(tenant.pk)

    def read(self, *marks: Mark, at: float = NOW, **more: Any) -> None:
        self.writer.batch((self.mine, record(marks=list(marks), started_ms=at, **more)))
        Ingester(self.folder).read()

    def close(self) -> None:
        self.writer.close()


@pytest.fixture
def spool(tmp_path: Path, tenant: Tenant) -> Any:
    made = Spool(tmp_path / "spool", tenant)
    yield made
    made.close()


def test_the_first_exposure_is_for_good(experiment: Experiment, spool: Spool) -> None:
    spool.read(shown("ann", "treatment"), cpu_us=1_000, wall_us=5_000)
    spool.read(shown("ann", "control"), at=NOW + 1_000, cpu_us=500, wall_us=2_000, outcome=Outcome.EXCEPTION, status=500)
    spool.read(shown("bob", "control"))
    ann, bob = Participant.objects.order_by("subject")
    assert (ann.variant, ann.crossed, ann.first_ms) == ("treatment", True, int(NOW))
    assert (ann.requests, ann.errors, ann.cpu_us, ann.wall_us) == (2, 1, 1_500, 7_000)
    assert (bob.variant, bob.crossed, bob.requests) == ("control", False, 1)
    # What is read later may have been earlier.
    spool.read(shown("bob", "treatment"), at=NOW - 5_000)
    bob.refresh_from_db()
    assert (bob.variant, bob.crossed, bob.first_ms) == ("treatment", True, int(NOW) - 5_000)
    experiment.refresh_from_db()
    assert experiment.participants == 2
    # Reading the same again changes nothing.
    Ingester(spool.folder).read()
    assert Participant.objects.get(subject="ann").requests == 2


@pytest.mark.parametrize(
    "mark",
    [
        shown(reason="TARGETING_MATCH"),
        shown(subject=""),
        shown(flag="other"),
        shown(scope="staging"),
        shown(variant="third"),
    ],
)
def test_only_chance_makes_a_participant(experiment: Experiment, spool: Spool, mark: Mark) -> None:
    spool.read(mark)
    assert not Participant.objects.exists()
    assert FlagCount.objects.get().count == 1


def test_nobody_is_counted_before_the_start_after_the_stop_or_of_another_tenant(
    experiment: Experiment, spool: Spool, other_tenant: Tenant
) -> None:
    spool.read(shown(), at=NOW - 2 * 3_600_000)
    spool.mine = owner(other_tenant.pk)
    spool.read(shown())
    assert not Participant.objects.exists()
    Experiment.objects.update(status="stopped")
    spool.mine = owner(experiment.tenant_id)
    spool.read(shown(), done())
    assert not Participant.objects.exists()
    assert not Event.objects.exists()


def test_evaluations_are_counted_by_hour_and_variant(tenant: Tenant, spool: Spool) -> None:
    for variant in ("on", "on", "off"):
        spool.read(shown(variant=variant, flag="f", reason="STATIC", subject=""))
    spool.read(shown(variant="on", flag="f"), at=NOW + 3_600_000)
    hour = int(NOW // 1000) // 3_600 * 3_600
    assert list(FlagCount.objects.order_by("hour", "variant").values_list("flag", "variant", "hour", "count")) == [
        ("f", "off", hour, 1),
        ("f", "on", hour, 2),
        ("f", "on", hour + 3_600, 1),
    ]


def test_events_count_after_the_exposure_and_wait_for_it(experiment: Experiment, spool: Spool) -> None:
    spool.read(done("ann", number=1.0), at=NOW - 1_000)
    spool.read(done("ann", number=2.0), at=NOW + 1_000)
    spool.read(done("ann", "unmeasured"), at=NOW + 1_000)
    assert absorbing.events_absorb() == 0
    assert Event.objects.count() == 2
    spool.read(shown("ann", "treatment"), done("ann", number=4.0))
    assert absorbing.events_absorb() == 3
    row = Conversion.objects.get()
    assert (row.event, row.count, row.total) == ("purchase", 2, 6.0), "the one before the exposure does not count"
    spool.read(done("ann", number=0.5), at=NOW + 2_000)
    assert absorbing.events_absorb() == 1
    assert absorbing.events_absorb() == 0
    row.refresh_from_db()
    assert (row.count, row.total) == (3, 6.5)
    assert not Event.objects.exists()


def test_an_event_of_nobody_is_forgotten(experiment: Experiment, spool: Spool) -> None:
    spool.read(done("nobody"))
    assert absorbing.events_prune() == 0
    assert absorbing.events_prune(now=time.time() + absorbing.WAIT_SECONDS + 5) == 1


def test_a_sender_s_id_counts_once(experiment: Experiment, spool: Spool) -> None:
    def sent(identity: str | None) -> Event:
        return Event(
            experiment=experiment, subject="ann", event="purchase", at_ms=int(NOW) + 5, value=1.0, sent_id=identity, stored=int(time.time())
        )

    spool.read(shown("ann"))
    assert counting.events_store([sent("a"), sent("a"), sent("b"), sent(None), sent(None)]) == 4
    assert absorbing.events_absorb() == 4
    assert counting.events_store([sent("a")]) == 0
    assert absorbing.events_absorb() == 0
    assert Conversion.objects.get().count == 4


def test_there_is_room_for_so_many(experiment: Experiment, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "PARTICIPANTS", 3)
    monkeypatch.setattr(counting, "WAITING", 2)
    for number in range(5):
        spool.read(shown(f"s{number}"), done(f"s{number}"))
    # Who is in stays in.
    spool.read(shown("s0"))
    experiment.refresh_from_db()
    assert (experiment.participants, experiment.turned_away) == (3, 2)
    assert Participant.objects.get(subject="s0").requests == 2
    assert Event.objects.count() == 2


def test_a_consumer_that_fails_costs_its_own_part_only(experiment: Experiment, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_records: Any) -> None:
        Participant.objects.create(experiment=experiment, subject="half", variant="control", first_ms=0)
        raise ValueError("a fault of ours")

    monkeypatch.setitem(consumers._consumers, "failing", fails)
    spool.read(shown("ann"))
    assert list(Participant.objects.values_list("subject", flat=True)) == ["ann"]
    assert Loss.objects.get(reason="failing_failed").count == 1
