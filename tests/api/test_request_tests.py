"""Request tests: saved, run against versions, and holding back what has not passed."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import services
from tenants.actor import Actor
from tenants.errors import RequestTestsFailed
from tenants.models import AuditEvent, RequestTestRun, Version
from tests.api.conftest import Native

pytestmark = pytest.mark.usefixtures("runs_here")

ACTOR = Actor.system()


def answering(text: str, status: int = 200) -> str:
    return f"export default {{ fetch(r) {{ return new Response({text!r} + new URL(r.url).search, {{ status: {status} }}) }} }};"


def saved(native: Native, **values: Any) -> Any:
    reply = native.post(
        "/workers/hello/tests", {"name": "home", "url": "/", "expect": {"body": {"match": "contains", "value": "good"}}, **values}
    )
    assert reply.status == 201, reply.content
    return reply.json


def test_saved_changed_and_removed(native: Native) -> None:
    native.upload()
    made = saved(native, method="POST", headers=[["Authorization", "hush"]], body="x", expect={"status": 200})
    assert native.get("/workers/hello/tests").json["items"] == [made]
    assert made["expect"] == {"status": [200]}
    changed = native.call("PATCH", f"/workers/hello/tests/{made['id']}", {"url": "/other", "enabled": False}).json
    assert (changed["url"], changed["enabled"], changed["method"]) == ("/other", False, "POST")
    assert native.post("/workers/hello/tests", {"name": "home"}).problem["code"] == "name_taken"
    for wrong in (
        {"name": ""},
        {"name": "x", "url": "nowhere"},
        {"name": "x", "expect": {"status": "x"}},
        {"name": "x", "headers": [["a b", ""]]},
    ):
        assert native.post("/workers/hello/tests", wrong).status == 400
    assert native.call("DELETE", f"/workers/hello/tests/{made['id']}").status == 204
    assert native.get(f"/workers/hello/tests/{made['id']}").problem["code"] == "request_test_not_found"
    told = AuditEvent.objects.filter(action__startswith="request_test_")
    assert {event.action for event in told} == {"request_test_create", "request_test_update", "request_test_delete"}
    assert not any("hush" in str(event.data) for event in told)


def test_run_against_any_version(native: Native) -> None:
    native.upload(answering("good"))
    bad = native.upload(answering("bad"), deploy=False).json
    saved(native)
    saved(native, name="query", url="/?q=1", expect={"body": {"match": "exact", "value": "good?q=1"}})
    passed = native.post("/workers/hello/tests/run", {}).json
    assert (passed["passed"], passed["total"], passed["failed"]) == (True, 2, 0)
    failed = native.post("/workers/hello/tests/run", {"version": bad["id"]}).json
    assert (failed["passed"], failed["failed"], failed["version"]) == (False, 2, bad["id"])
    assert failed["results"][0]["problems"] == ["The body is 'bad', expected: contains 'good'."]
    assert failed["results"][0]["cpu_us"] > 0
    one = native.post("/workers/hello/tests/run", {"tests": [passed["results"][1]["test"]]}).json
    assert (one["total"], one["results"][0]["name"]) == (1, "query")
    listed = native.get("/workers/hello/tests/runs").json["items"]
    assert [run["id"] for run in listed] == [one["id"], failed["id"], passed["id"]]
    assert native.get(f"/workers/hello/tests/runs/{failed['id']}").json == failed
    assert native.post("/workers/hello/tests/run", {"version": "nonsense"}).problem["code"] == "version_not_found"


def test_an_error_can_be_what_is_expected(native: Native) -> None:
    native.upload("export default { fetch() { throw new Error('always') } };")
    saved(native, expect={"status": 500})
    saved(native, name="no", expect={})
    results = native.post("/workers/hello/tests/run", {}).json["results"]
    assert [result["passed"] for result in results] == [True, False]
    assert "worker_exception" in results[1]["problems"][-1]


def test_a_gate_holds_back_what_fails(native: Native) -> None:
    native.upload(answering("good one"))
    saved(native)
    assert native.call("PATCH", "/workers/hello/settings", {"gate_deploys": True}).json["gate_deploys"] is True
    before = Version.objects.count()
    refused = native.upload(answering("bad")).problem
    assert (refused["code"], refused["failed"][0]["name"]) == ("request_tests_failed", "home")
    assert Version.objects.count() == before

    # Made but not deployed is everybody's right; deploying it is not.
    bad = native.upload(answering("bad"), deploy=False).json
    good = native.upload(answering("good two"), deploy=False).json
    assert (
        native.post("/workers/hello/deployments", {"versions": [{"version": bad["id"], "percentage": 100}]}).problem["code"]
        == "request_tests_failed"
    )
    # That run is known: asking again runs nothing.
    runs = RequestTestRun.objects.count()
    assert native.post("/workers/hello/deployments", {"versions": [{"version": bad["id"], "percentage": 100}]}).status == 409
    assert RequestTestRun.objects.count() == runs
    assert native.post("/workers/hello/deployments", {"versions": [{"version": good["id"], "percentage": 100}]}).status == 201
    # Up to nothing is not up.
    shares = [{"version": good["id"], "percentage": 100}, {"version": bad["id"], "percentage": 0}]
    assert native.post("/workers/hello/deployments", {"versions": shares}).status == 201
    third = native.upload(answering("good three")).json
    assert third["deployment"]
    # Other tests, another proof: what had passed must pass again. Going back is free.
    saved(native, name="second", url="/x", expect={"body": {"match": "contains", "value": "three"}})
    assert native.post("/workers/hello/deployments", {"versions": [{"version": good["id"], "percentage": 100}]}).status == 409
    assert native.post("/workers/hello/rollback", {}).status == 201


def test_a_rollouts_way_to_ask(native: Native) -> None:
    made = services.version_upload(
        tenant=native.tenant, worker_name="hello", upload=_upload(answering("bad")), actor=ACTOR, source="t", deploy=True
    )
    services.request_tests_require(tenant=native.tenant, worker=made.worker, version=made.version, actor=ACTOR, trigger="rollout")
    saved(native)
    with pytest.raises(RequestTestsFailed):
        services.request_tests_require(tenant=native.tenant, worker=made.worker, version=made.version, actor=ACTOR, trigger="rollout")
    assert RequestTestRun.objects.get().trigger == "rollout"


def _upload(source: str) -> Any:
    from tests.conftest import script

    return script(source)
