"""The regular look: what is new is told once, a broken guardrail switches the flag off, and erasing leaves nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from experiments import analysis, watching
from experiments.models import Conversion, Event, Experiment, Participant
from flags import selectors as flag_selectors
from flags import services as flags
from tenants.actor import Actor
from tenants.models import AuditEvent, Tenant
from tenants.services.deletion import tenant_delete, tenant_erase

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()
METRICS = [
    {"name": "buyers", "kind": "conversion", "event": "purchase", "better": "higher"},
    {"name": "revenue", "kind": "sum", "event": "purchase", "better": "higher"},
    {"name": "errors", "kind": "errors", "better": "lower", "tolerance": 0.1},
    {"name": "cpu", "kind": "cpu_ms", "better": "lower"},
]
HALVES = {"split": [{"variant": "red", "percentage": 50}, {"variant": "blue", "percentage": 50}]}


@pytest.fixture
def experiment(tenant: Tenant) -> Experiment:
    flags.flag_create(tenant=tenant, key="colour", type="string", variants={"red": "red", "blue": "blue"}, actor=SYSTEM)
    changes = {"enabled": True, "serve": HALVES}
    flags.flag_state_update(tenant=tenant, key="colour", environment="production", changes=changes, actor=SYSTEM)
    return Experiment.objects.create(
        tenant=tenant, key="paint", environment="production", flag="colour", control="red", shares={"red": 0.5, "blue": 0.5},
        metrics=METRICS, status="running", started_at=timezone.now(),
    )  # fmt: skip


def take_part(experiment: Experiment, variant: str, count: int, *, failing: float = 0.01, buying: float = 0.1) -> None:
    chance = random.Random(f"{variant}{count}")
    begin = Participant.objects.count()
    rows = [
        Participant(
            experiment=experiment, subject=f"{begin + number:024x}", variant=variant, first_ms=0, requests=10,
            errors=sum(chance.random() < failing for _ in range(10)), cpu_us=int(chance.gauss(20_000, 3_000)), wall_us=40_000,
        )
        for number in range(count)
    ]  # fmt: skip
    made = Participant.objects.bulk_create(rows)
    Conversion.objects.bulk_create(
        Conversion(participant=row, event="purchase", count=1, total=5.0) for row in made if chance.random() < buying
    )


def look() -> int:
    """Another look, however short the last one's was ago."""
    Experiment.objects.update(analysed_at=None)
    return watching.experiments_watch()["told"]


def actions() -> list[str]:
    told = AuditEvent.objects.filter(target="paint").exclude(action="experiment_create")
    return sorted(told.values_list("action", flat=True))


def test_a_calm_experiment_has_nothing_to_tell(experiment: Experiment) -> None:
    for variant in ("red", "blue"):
        take_part(experiment, variant, 1_000)
    assert watching.experiments_watch() == {"absorbed": 0, "looked": 1, "told": 0}
    experiment.refresh_from_db()
    assert experiment.analysis["ratio"]["mismatch"] is False
    assert {each["verdict"] for each in experiment.analysis["comparisons"]} == {"undecided"}
    assert "no difference that is sure" in experiment.analysis["summary"]
    cpu = next(each for each in experiment.analysis["comparisons"] if each["metric"] == "cpu")
    assert 1.9 < cpu["value"] < 2.1, "milliseconds of an invocation"


def test_a_broken_guardrail_is_told_once_and_switches_the_flag_off(experiment: Experiment, tenant: Tenant) -> None:
    Experiment.objects.update(on_breach="kill")
    take_part(experiment, "red", 1_000)
    take_part(experiment, "blue", 1_000, failing=0.08)
    assert look() == 2
    assert look() == 0
    assert actions() == ["experiment_breach", "experiment_conclude"]
    ruleset = flag_selectors.ruleset(tenant=tenant, environment="production")
    assert ruleset is not None
    assert ruleset.evaluate("colour", {"targetingKey": "ann"}).reason == "DISABLED"
    killed = AuditEvent.objects.get(action="flag_kill")
    assert killed.reason == "experiment paint: errors of blue is worse than allowed"
    experiment.refresh_from_db()
    assert "its guardrail is broken" in experiment.analysis["summary"]


def test_without_being_asked_to_nothing_is_switched_off(experiment: Experiment) -> None:
    take_part(experiment, "red", 1_000)
    take_part(experiment, "blue", 1_000, failing=0.08)
    watching.experiments_watch()
    assert not AuditEvent.objects.filter(action="flag_kill").exists()


def test_shares_that_do_not_fit_are_told(experiment: Experiment) -> None:
    take_part(experiment, "red", 1_000)
    take_part(experiment, "blue", 600)
    watching.experiments_watch()
    assert actions() == ["experiment_mismatch"]
    experiment.refresh_from_db()
    assert "Do not decide by this experiment" in experiment.analysis["summary"]


def test_more_buyers_are_found(experiment: Experiment) -> None:
    take_part(experiment, "red", 2_000)
    take_part(experiment, "blue", 2_000, buying=0.18)
    watching.experiments_watch()
    experiment.refresh_from_db()
    verdicts = {each["metric"]: each["verdict"] for each in experiment.analysis["comparisons"]}
    assert verdicts == {"buyers": "better", "revenue": "better", "errors": "undecided", "cpu": "undecided"}


def test_participants_of_two_variants_are_warned_of(experiment: Experiment) -> None:
    take_part(experiment, "red", 200)
    take_part(experiment, "blue", 200)
    Participant.objects.filter(variant="blue", subject__endswith="0").update(crossed=True)
    found = analysis.analyse(experiment)
    assert found.crossed > 0.01
    assert "more than one variant" in found.summary


def test_one_that_fails_does_not_keep_others_from_being_looked_at(experiment: Experiment, other_tenant: Tenant) -> None:
    broken: dict[str, Any] = {"environment": "production", "flag": "f", "control": "a", "status": "running", "metrics": [{"name": 1}]}
    Experiment.objects.create(tenant=other_tenant, key="broken", shares={"a": 1.0}, started_at=timezone.now(), **broken)
    assert watching.experiments_watch()["looked"] == 1


def test_a_look_is_worth_a_while(experiment: Experiment) -> None:
    take_part(experiment, "red", 200)
    watching.experiments_watch()
    first = Experiment.objects.get()
    watching.experiments_watch()
    assert Experiment.objects.get().analysed_at == first.analysed_at
    assert analysis.results(first) == first.analysis
    # One that took long is left alone for longer.
    Experiment.objects.update(analysed_at=timezone.now() - timedelta(minutes=1), analysis={**first.analysis, "took": 10.0})
    assert analysis.fresh(Experiment.objects.get()) is not None
    Experiment.objects.update(analysed_at=timezone.now() - timedelta(minutes=10))
    assert analysis.fresh(Experiment.objects.get()) is None
    # A clock that was set back does not stop the looking.
    Experiment.objects.update(analysed_at=timezone.now() + timedelta(hours=1))
    assert analysis.fresh(Experiment.objects.get()) is None


def test_erasing_a_tenant_leaves_nothing(experiment: Experiment, tenant: Tenant) -> None:
    take_part(experiment, "red", 50, buying=1.0)
    Event.objects.create(experiment=experiment, subject="a", event="b", at_ms=0, stored=0)
    tenant_delete(tenant=tenant, reason="gone", actor=SYSTEM)
    tenant.refresh_from_db()
    tenant_erase(tenant=tenant, actor=SYSTEM)
    assert not any(model.objects.exists() for model in (Experiment, Participant, Conversion, Event))
