"""Experiments, events and version flags over the native API."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from experiments import absorbing
from experiments.models import Conversion, Experiment, Participant
from experiments.naming import subject_of
from flags import services as flags
from tenants import services
from tenants.actor import Actor
from tenants.models import AuditEvent, Tenant

from .conftest import Native

SYSTEM = Actor.system()
METRICS = [{"name": "buyers", "kind": "conversion", "event": "purchase"}, {"name": "errors", "kind": "errors", "tolerance": 0.1}]
DRAFT = {"key": "paint", "flag": "colour", "control": "red", "metrics": METRICS}
HALVES = {"split": [{"variant": "red", "percentage": 50}, {"variant": "blue", "percentage": 50}]}


def make_flag(tenant: Tenant, key: str = "colour", *, serve: Any = HALVES, kind: str = "string", variants: Any = None) -> None:
    flags.flag_create(tenant=tenant, key=key, type=kind, variants=variants or {"red": "red", "blue": "blue"}, actor=SYSTEM)
    changes = {"enabled": True, "serve": serve}
    flags.flag_state_update(tenant=tenant, key=key, environment="production", changes=changes, actor=SYSTEM)


@pytest.fixture
def caller(transactional_db: None, client: Client, tenant: Tenant) -> Native:
    scopes = ["flags:write", "workers:write"]
    _, secret = services.token_create(tenant=tenant, name="t", scopes=scopes, actor=SYSTEM)
    make_flag(tenant)
    return Native(client, tenant, secret)


def test_the_life_of_an_experiment(caller: Native) -> None:
    made = caller.post("/experiments", DRAFT)
    assert (made.status, made.headers["ETag"], made.json["status"], made.json["environment"]) == (201, '"1"', "draft", "production")
    assert [metric["name"] for metric in made.json["metrics"]] == ["buyers", "errors"]
    changed = caller.call("PATCH", "/experiments/paint", {"description": "Which paint sells", "alpha": 0.1}, **{"If-Match": '"1"'})
    assert (changed.json["alpha"], changed.headers["ETag"]) == (0.1, '"2"')
    assert caller.call("PATCH", "/experiments/paint", {"alpha": 0.05}, **{"If-Match": '"1"'}).problem["code"] == "changed_meanwhile"
    started = caller.post("/experiments/paint/start")
    assert (started.json["status"], started.json["shares"]) == ("running", {"blue": 0.5, "red": 0.5})
    assert caller.call("PATCH", "/experiments/paint", {"alpha": 0.05}).problem["code"] == "experiment_state"
    assert caller.post("/experiments/paint/start").problem["code"] == "experiment_state"
    assert caller.call("DELETE", "/experiments/paint").problem["code"] == "experiment_state"
    assert caller.post("/experiments", {**DRAFT, "key": "again"}).status == 201
    assert caller.post("/experiments/again/start").problem["code"] == "experiment_state"
    results = caller.get("/experiments/paint/results").json
    assert results["summary"].startswith("0 participants")
    assert [comparison["verdict"] for comparison in results["comparisons"]] == ["waiting", "waiting"]
    assert [row["key"] for row in caller.get("/experiments?status=running").json["items"]] == ["paint"]
    stopped = caller.post("/experiments/paint/stop", {"outcome": "Nothing came of it."})
    assert (stopped.json["status"], stopped.json["outcome"]) == ("stopped", "Nothing came of it.")
    assert caller.call("DELETE", "/experiments/paint").status == 204
    assert caller.get("/experiments/paint").problem["code"] == "experiment_not_found"
    actions = AuditEvent.objects.filter(action__startswith="experiment_").order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        *(f"experiment_{verb}" for verb in ("create", "update", "start", "create", "stop", "delete")),
    ]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"key": "Not a key"}, "experiment_invalid", "key"),
        ({"flag": "nowhere"}, "flag_not_found", "flag"),
        ({"environment": "moon"}, "flag_not_found", "flag"),
        ({"control": "green"}, "experiment_invalid", "control"),
        ({"metrics": []}, "experiment_invalid", "metrics"),
        ({"metrics": [{"name": "a", "kind": "magic"}]}, "experiment_invalid", "metrics[0].kind"),
        ({"alpha": 0.5}, "experiment_invalid", "alpha"),
        ({"on_breach": "explode"}, "experiment_invalid", "on_breach"),
        ({"on_breach": "kill", "metrics": METRICS[:1]}, "experiment_invalid", "on_breach"),
        ({"description": "x" * 1_001}, "field_invalid", "description"),
        ({"more": 1}, "field_invalid", "more"),
    ],
)
def test_a_bad_experiment_is_refused(caller: Native, change: dict[str, Any], code: str, field: str) -> None:
    problem = caller.post("/experiments", {**DRAFT, **change}).problem
    assert (problem["code"], problem.get("field")) == (code, field)
    assert not Experiment.objects.exists()


def test_only_what_chance_splits_by_the_targeting_key_can_be_compared(caller: Native, tenant: Tenant) -> None:
    make_flag(tenant, "plain", serve={"variant": "red"})
    make_flag(tenant, "by-account", serve={**HALVES, "by": "account"})
    for key in ("plain", "by-account"):
        assert caller.post("/experiments", {**DRAFT, "key": key, "flag": key}).status == 201
        assert caller.post(f"/experiments/{key}/start").problem["field"] == "flag"


def test_events_are_taken_all_or_none(caller: Native, tenant: Tenant) -> None:
    caller.post("/experiments", DRAFT)
    caller.post("/experiments/paint/start")
    row = Experiment.objects.get()
    first = int(time.time() * 1000) - 60_000
    Participant.objects.create(experiment=row, subject=subject_of(tenant.account_id, "ann"), variant="blue", first_ms=first)
    event = {"event": "purchase", "targeting_key": "ann", "value": 9.5}
    sent = [event, {**event, "id": "a"}, {**event, "id": "a"}, {**event, "event": "other"}, {**event, "at": first - 5_000}]
    taken = caller.post("/events", {"events": sent})
    assert (taken.status, taken.json) == (202, {"accepted": 4, "unused": 1})
    assert caller.post("/events", {"events": sent, "environment": "staging"}).json == {"accepted": 0, "unused": 5}
    absorbing.events_absorb()
    assert list(Conversion.objects.values_list("event", "count", "total")) == [("purchase", 2, 19.0)]
    for bad, field in (
        ({"event": ""}, "event"),
        ({"event": "x" * 101}, "event"),
        ({"targeting_key": ""}, "targeting_key"),
        ({"targeting_key": "k" * 1_025}, "targeting_key"),
        ({"targeting_key": 7}, "targeting_key"),
        ({"value": "9"}, "value"),
        ({"value": 1e300}, "value"),
        ({"at": 5}, "at"),
        ({"at": first + 10**9}, "at"),
        ({"id": ""}, "id"),
        ({"id": "x" * 65}, "id"),
    ):
        problem = caller.post("/events", {"events": [event, {**event, **bad}]}).problem
        assert (problem["code"], problem["field"]) == ("event_invalid", f"events[1].{field}")
    for events in ([], [event] * 1_001, [7]):
        assert caller.post("/events", {"events": events}).problem["code"] == "event_invalid"
    absorbing.events_absorb()
    assert Conversion.objects.get().count == 2


def test_a_token_that_may_evaluate_may_send_events_and_no_more(caller: Native, client: Client, tenant: Tenant) -> None:
    _, secret = services.token_create(tenant=tenant, name="sdk", scopes=["flags:evaluate"], actor=SYSTEM)
    sdk = Native(client, tenant, secret)
    assert sdk.post("/events", {"events": [{"event": "a", "targeting_key": "k"}]}).status == 202
    assert sdk.get("/experiments").status == sdk.post("/experiments", DRAFT).status == 403


def test_a_version_flag(caller: Native, tenant: Tenant) -> None:
    version = caller.upload(name="shop").json["id"]
    caller.upload(name="other")
    assert caller.get("/workers/shop/version-flag").problem["code"] == "version_flag_not_found"
    make_flag(tenant, "which", kind="version", variants={"v": {"worker": "shop", "version": version}}, serve={"variant": "v"})
    set_ = caller.call("PUT", "/workers/shop/version-flag", {"flag": "which", "targeting": ["cookie:uid", "ip"]})
    assert (set_.status, set_.json["flag"], set_.json["targeting"]) == (200, "which", ["cookie:uid", "ip"])
    assert caller.call("PUT", "/workers/shop/version-flag", {"flag": "which"}).json["targeting"] == ["version-key"]
    assert caller.get("/workers/shop/version-flag").json["flag"] == "which"
    for body, code, field in (
        ({"flag": "colour"}, "version_flag_invalid", "flag"),
        ({"flag": "nowhere"}, "flag_not_found", "flag"),
        ({"flag": "which", "targeting": []}, "version_flag_invalid", "targeting"),
        ({"flag": "which", "targeting": ["cookie:"]}, "version_flag_invalid", "targeting"),
        ({"flag": "which", "targeting": ["body:x"]}, "version_flag_invalid", "targeting"),
    ):
        problem = caller.call("PUT", "/workers/shop/version-flag", body).problem
        assert (problem["code"], problem["field"]) == (code, field)
    assert caller.call("PUT", "/workers/other/version-flag", {"flag": "which"}).problem["code"] == "version_flag_invalid"
    assert caller.call("DELETE", "/workers/shop/version-flag").status == 204
    assert caller.call("DELETE", "/workers/shop/version-flag").problem["code"] == "version_flag_not_found"
