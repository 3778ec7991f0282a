"""Rollouts over the native API."""

from __future__ import annotations

import pytest

from tests.api.conftest import Native

HELLO = "export default { fetch() { return new Response('hello'); } };"
STAGES = [{"percent": 10, "seconds": 60}, {"percent": 50, "seconds": 60, "gate": "approval"}, {"percent": 100}]


@pytest.fixture
def versions(native: Native) -> list[str]:
    first = native.upload(HELLO).json["id"]
    second = native.upload(HELLO.replace("hello", "hullo"), deploy=False).json["id"]
    return [first, second]


def test_a_rollout_from_its_start_to_its_end(native, versions):
    started = native.post("/workers/hello/rollouts", {"version": versions[1], "stages": STAGES, "message": "try it"})
    assert started.status == 201, started.content
    made = started.json
    assert (made["state"], made["stage"], made["new"], made["old"]["number"]) == ("running", 0, {"version": versions[1], "number": 2}, 1)
    assert [guard["title"] for guard in made["guards"]] == ["error rate", "p95 wall time", "p95 CPU time"]
    live = native.get("/workers/hello/deployments").json["items"][0]
    assert {entry["version"]: entry["percentage"] for entry in live["versions"]} == {versions[1]: 10, versions[0]: 90}
    where = f"/workers/hello/rollouts/{made['id']}"
    again = native.post("/workers/hello/rollouts", {"version": versions[1]})
    assert (again.status, again.problem["code"], again.problem["rollout"]) == (409, "rollout_under_way", made["id"])
    seen = native.get(where)
    assert [line["kind"] for line in seen.json["timeline"]] == ["started", "stage"]
    paused = native.post(f"{where}/pause", {"reason": "lunch"}, **{"If-Match": seen.headers["ETag"]})
    assert paused.json["state"] == "paused"
    assert native.post(f"{where}/resume", {}, **{"If-Match": seen.headers["ETag"]}).status == 412
    assert native.post(f"{where}/approve", {}).problem["code"] == "rollout_state_wrong"
    assert native.post(f"{where}/resume", {}).json["state"] == "running"
    assert native.post(f"{where}/abort", {}).status == 400
    ended = native.post(f"{where}/abort", {"reason": "no good"}).json
    assert (ended["state"], ended["reason"]) == ("aborted", "no good")
    live = native.get("/workers/hello/deployments").json["items"][0]
    assert {entry["version"]: entry["percentage"] for entry in live["versions"]} == {versions[0]: 100}
    assert [row["id"] for row in native.get("/rollouts").json["items"]] == [made["id"]]
    assert [row["id"] for row in native.get("/workers/hello/rollouts").json["items"]] == [made["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stages": []}, "stages"),
        ({"stages": [{"percent": 50, "seconds": 5}, {"percent": 10, "seconds": 5}, {"percent": 100}]}, "stages[1].percent"),
        ({"stages": [{"percent": 50, "seconds": 5}]}, "stages[0].percent"),
        ({"stages": [{"percent": 50}, {"percent": 100}]}, "stages[0].seconds"),
        ({"stages": [{"percent": 100, "seconds": 9}]}, "stages[0].seconds"),
        ({"stages": [{"percent": 0.001, "seconds": 9}, {"percent": 100}]}, "stages[0].percent"),
        ({"guards": [{"metric": "errors"}, {"metric": "errors"}]}, "guards[1].metric"),
        ({"guards": [{"metric": "outcome", "name": "x"}]}, "guards[0].status"),
        ({"guards": [{"metric": "outcome", "name": "x", "status": "9xx"}]}, "guards[0].status"),
        ({"guards": [{"metric": "wall_p95", "status": "4xx"}]}, "guards[0].metric"),
        ({"guards": [{"metric": "errors", "tolerance": -1}]}, "guards[0].tolerance"),
        ({"false_alarm": 0.9}, "false_alarm"),
    ],
)
def test_a_plan_that_is_wrong_names_its_field(native, versions, body, field):
    reply = native.post("/workers/hello/rollouts", {"version": versions[1], **body})
    assert (reply.status, reply.problem["code"], reply.problem["field"]) == (400, "rollout_invalid", field)


def test_the_preflight_changes_nothing_and_says_what_it_finds(native, versions):
    keys = [f"user-{number}" for number in range(50)]
    reply = native.post("/workers/hello/rollouts/preflight", {"version": versions[1], "stages": STAGES, "keys": keys})
    assert {check["name"]: check["finding"] for check in reply.json["checks"]} == {
        "other rollouts": "ok", "freeze": "ok", "versions": "ok", "tests": "warning", "secrets": "ok", "limits": "ok", "guards": "ok",
    }  # fmt: skip
    stages = {row["key"]: row["stage"] for row in reply.json["reached"]}
    assert set(stages) == set(keys)
    assert set(stages.values()) <= {0, 1, 2}
    assert all((row["bucket"] < 10_000) == (row["stage"] == 0) for row in reply.json["reached"])
    assert native.get("/workers/hello/rollouts").json["items"] == []
    assert native.post("/workers/hello/rollouts/preflight", {"version": versions[0]}).json["checks"][2]["finding"] == "stop"
    assert native.post("/workers/hello/rollouts/preflight", {"version": versions[1], "keys": ["k"] * 201}).problem["field"] == "keys"


def test_the_freeze_switch(native, operator, versions):
    assert operator.call("PUT", "/admin/rollouts/freeze", {"reason": "a holiday"}).json["tenant"] is None
    assert operator.call("PUT", "/admin/tenants/acme/rollouts/freeze", {"reason": "unpaid"}).json["tenant"] == "acme"
    refused = native.post("/workers/hello/rollouts", {"version": versions[1]})
    assert (refused.status, refused.problem["code"]) == (409, "rollouts_frozen")
    assert "a holiday" in refused.problem["detail"]
    assert [row["reason"] for row in operator.get("/admin/rollouts/freezes").json] == ["a holiday", "unpaid"]
    assert operator.call("DELETE", "/admin/rollouts/freeze").status == 204
    assert "unpaid" in native.post("/workers/hello/rollouts", {"version": versions[1]}).problem["detail"]
    assert operator.call("DELETE", "/admin/tenants/acme/rollouts/freeze").status == 204
    assert native.post("/workers/hello/rollouts", {"version": versions[1]}).status == 201
    assert [row["tenant"] for row in operator.get("/admin/rollouts?active=true").json["items"]] == ["acme"]
    assert operator.call("PUT", "/admin/rollouts/freeze", {}).status == 400
