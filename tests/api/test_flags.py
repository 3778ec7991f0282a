"""Feature flags over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import services
from tenants.actor import Actor
from tests.api.conftest import Native

PRO = {"attribute": "plan", "operator": "equals", "value": "pro"}
ON = {"variant": "on"}


@pytest.fixture
def flags(native: Native) -> Native:
    """A caller with `flags:write`."""
    _, secret = services.token_create(tenant=native.tenant, name="flags", scopes=["flags:write", "audit:read"], actor=Actor.system())
    return Native(native.client, native.tenant, secret)


def make(flags: Native, key: str = "f", **values: Any) -> dict[str, Any]:
    reply = flags.post("/flags", {"key": key, **values})
    assert reply.status == 201, reply.content
    return dict(reply.json)


def change(flags: Native, where: str = "/flags/f/environments/production", **values: Any) -> Any:
    reply = flags.call("PATCH", where, values)
    assert reply.status == 200, reply.content
    return reply.json


def test_a_life(flags: Native) -> None:
    made = make(flags, description="The new checkout")
    assert [state["environment"] for state in made["states"]] == ["production", "staging", "development"]
    assert made["states"][0]["sentence"] == "Off: everybody gets “off”."
    state = change(flags, enabled=True, serve={"variant": "off"}, rules=[{"name": "pros", "when": PRO, "serve": ON}], reason="for pros")
    assert state["sentence"] == "1 rule, then “off”."
    found = flags.post("/flags/f/evaluate", {"context": {"targetingKey": "u", "plan": "pro"}}).json
    assert (found["value"], found["variant"], found["reason"]) == (True, "on", "TARGETING_MATCH")
    assert (found["decided"]["by"], found["decided"]["index"]) == ("rule", 0)
    assert found["steps"][1]["sentence"] == "if plan is “pro”, serve “on”"
    assert flags.post("/flags/f/evaluate", {"environment": "staging"}).json["reason"] == "DISABLED"
    killed = flags.post("/flags/f/kill", {"reason": "it burns"}).json
    assert [state["killed"] for state in killed["states"]] == [True] * 3
    assert flags.post("/flags/f/evaluate", {"context": {"plan": "pro"}}).json["value"] is False
    restored = flags.post("/flags/f/restore", {"environment": "production"}).json
    assert [state["killed"] for state in restored["states"]] == [False, True, True]
    history = flags.get("/flags/f/history").json["items"]
    assert [line["action"] for line in history] == ["flag_restore", *["flag_kill"] * 3, "flag_update", "flag_create"]
    assert (history[1]["changes"], history[1]["reason"]) == ([{"path": "killed", "before": False, "after": True}], "it burns")
    assert flags.get("/flags?search=CHECKOUT").json["total"] == 1
    assert flags.get("/flags?search=none").json["total"] == 0
    assert flags.call("DELETE", "/flags/f").status == 204
    assert flags.get("/flags/f").problem["code"] == "flag_not_found"
    actions = {event["action"] for event in flags.get("/audit?action=flag_*").json["items"]}
    assert actions == {"flag_create", "flag_update", "flag_kill", "flag_restore", "flag_delete"}


def test_a_split_shows_its_bucket(flags: Native) -> None:
    salt = make(flags)["salt"]
    change(flags, enabled=True, serve={"split": [{"variant": "on", "percentage": 12.5}, {"variant": "off", "percentage": 87.5}]})
    found = flags.post("/flags/f/evaluate", {"context": {"targetingKey": "user-1"}}).json
    from flags.evaluation import bucket_of

    assert (found["reason"], found["bucket"]) == ("SPLIT", bucket_of(salt, "user-1"))
    assert found["value"] is (found["bucket"] < 12_500)
    assert found["steps"][-1]["bucket"] == found["bucket"]
    missing = flags.post("/flags/f/evaluate", {}).json
    assert (missing["error_code"], missing["reason"]) == ("TARGETING_KEY_MISSING", "ERROR")


def test_two_people_at_once(flags: Native) -> None:
    make(flags)
    where = "/flags/f/environments/production"
    tag = flags.get(where).headers["ETag"]
    assert flags.call("PATCH", where, {"enabled": True}, **{"If-Match": tag}).status == 200
    assert flags.call("PATCH", where, {"enabled": False}, **{"If-Match": tag}).problem["code"] == "changed_meanwhile"
    tag = flags.get("/flags/f").headers["ETag"]
    assert flags.call("PATCH", "/flags/f", {"description": "a"}, **{"If-Match": tag}).status == 200
    assert flags.call("PATCH", "/flags/f", {"description": "b"}, **{"If-Match": tag}).status == 412


def test_schedules_are_seen_ahead(flags: Native) -> None:
    make(flags)
    change(flags, enabled=True, **{"from": "2030-01-01T00:00:00Z"})
    ahead = {"at": "2030-06-01T00:00:00Z"}
    assert flags.post("/flags/f/evaluate", {}).json["decided"]["by"] == "schedule"
    assert flags.post("/flags/f/evaluate", ahead).json["value"] is True
    assert change(flags, **{"from": None})["from"] is None


def test_segments_layers_and_environments(flags: Native) -> None:
    segment = flags.post("/flag-segments", {"key": "pros", "when": PRO}).json
    assert flags.get("/flag-segments").json["items"] == [segment]
    assert flags.call("PATCH", "/flag-segments/pros", {"description": "who pays"}).json["revision"] == 2
    assert flags.post("/flag-layers", {"key": "checkout"}).status == 201
    make(flags)
    change(flags, enabled=True, rules=[{"when": {"segment": "pros"}, "serve": ON}], layer={"key": "checkout", "percentage": 30})
    assert flags.get("/flag-layers/checkout").json["slices"] == {"production": {"f": 30.0}}
    assert flags.call("DELETE", "/flag-segments/pros").problem["code"] == "flag_in_use"
    assert flags.call("DELETE", "/flag-layers/checkout").problem["code"] == "flag_in_use"
    assert flags.post("/flag-environments", {"name": "qa", "copy_of": "production"}).status == 201
    assert [one["name"] for one in flags.get("/flag-environments").json] == ["production", "staging", "development", "qa"]
    assert flags.call("DELETE", "/flag-environments/qa").status == 204
    assert flags.get("/flag-environments/qa").problem["code"] == "flag_environment_not_found"


def test_what_could_go(flags: Native) -> None:
    make(flags)
    change(flags, enabled=True, rules=[{"id": "a", "serve": ON}, {"id": "b", "serve": ON}])
    found = flags.get("/flag-report?days=30").json
    assert [(line["flag"], line["why"], line["rules"]) for line in found] == [("f", "dead_rules", ["b"])]
    assert flags.get("/flag-report?days=0").status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rules": [{"when": {"attribute": "a", "operator": "resembles", "value": 1}, "serve": ON}]}, "rules[0].when.operator"),
        ({"rules": [{"when": {"attribute": "a", "operator": "matches", "value": "(a{999}){999}"}, "serve": ON}]}, "rules[0].when.value"),
        ({"serve": {"split": [{"variant": "on", "percentage": 99}]}}, "serve.split"),
        ({"prerequisites": [{"flag": "f", "variants": ["on"]}]}, "prerequisites"),
        ({"enabled": "yes"}, "enabled"),
        ({"colour": "red"}, "colour"),
        ({"from": "soon"}, "from"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_what_is_refused(flags: Native, body: dict[str, Any], field: str) -> None:
    make(flags)
    reply = flags.call("PATCH", "/flags/f/environments/production", body)
    assert (reply.status, reply.problem["field"]) == (400, field)


@pytest.mark.parametrize(
    "context", [{"a": "x" * 70_000}, {"targetingKey": 7}, {"headers": 7}, {"a": [[[[[[[[[1]]]]]]]]]}, {str(n): n for n in range(2_001)}]
)
def test_contexts_that_are_refused(flags: Native, context: dict[str, Any]) -> None:
    make(flags)
    assert flags.post("/flags/f/evaluate", {"context": context}).problem["code"] == "flag_context_invalid"


def test_a_context_of_a_megabyte_is_refused(flags: Native) -> None:
    make(flags)
    assert flags.post("/flags/f/evaluate", {"context": {"a": "x" * 1_100_000}}).status == 413


def test_readers_change_nothing(flags: Native) -> None:
    make(flags)
    _, secret = services.token_create(tenant=flags.tenant, name="r", scopes=["flags:read"], actor=Actor.system())
    reader = Native(flags.client, flags.tenant, secret)
    assert reader.get("/flags").status == 200
    assert reader.post("/flags/f/evaluate", {}).status == 200
    for method, path in (
        ("POST", "/flags"),
        ("PATCH", "/flags/f"),
        ("POST", "/flags/f/kill"),
        ("DELETE", "/flags/f"),
        ("POST", "/flag-segments"),
    ):
        assert reader.call(method, path, {}).problem["code"] == "token_scope_missing"
