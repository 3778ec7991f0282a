"""Deployments over the API: cohorts, two people at once, signed overrides."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tenants import overrides
from tenants.models import AuditEvent, Worker
from tests.api.conftest import Native


def shares(*pairs: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"version": version, "percentage": percentage} for version, percentage in pairs]


@pytest.fixture
def ids(native: Native) -> list[str]:
    return [native.upload(f"export default {{ fetch() {{ return {n} }} }};", deploy=n == 0).json["id"] for n in range(3)]


def test_cohorts_have_shares_of_their_own(native: Native, ids: list[str]) -> None:
    beta = {"name": "beta", "versions": shares((ids[1], 33.33), (ids[2], 66.67)), "rules": [{"header": "X-Plan", "values": ["pro"]}]}
    made = native.post("/workers/hello/deployments", {"versions": shares((ids[0], 100)), "cohorts": [beta]}).json
    assert made["cohorts"] == [{**beta, "rules": [{"header": "x-plan", "values": ["pro"]}]}]
    # A version of a cohort is part of the deployment, so that overrides and previews know it.
    assert {share["version"]: share["percentage"] for share in made["versions"]} == {ids[0]: 100, ids[1]: 0, ids[2]: 0}
    assert native.get(f"/workers/hello/deployments/{made['id']}").json["cohorts"] == made["cohorts"]
    # Weights alone leave a cohort as it is while its versions are named; else it goes.
    kept = native.post("/workers/hello/deployments", {"versions": shares((ids[0], 50), (ids[1], 50), (ids[2], 0))}).json
    assert kept["cohorts"] == made["cohorts"]
    assert native.post("/workers/hello/deployments", {"versions": shares((ids[0], 100))}).json["cohorts"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "no name"}, "cohorts[0].name"),
        ({"name": ""}, "cohorts.0.name"),
        ({"versions": [{"version": "{0}", "percentage": 99}]}, "versions.percentage"),
        ({"versions": [{"version": "x", "percentage": 100}]}, "versions.version_id"),
        ({"versions": [{"version": "00000000-0000-0000-0000-000000000000", "percentage": 100}]}, "versions.version_id"),
        ({"rules": [{"path": "/x", "values": ["1"]}]}, "cohorts[0].rules[0]"),
        ({"rules": [{"header": "a b", "values": ["1"]}]}, "cohorts[0].rules[0].header"),
        ({"rules": [{"cookie": "a", "values": []}]}, "cohorts[0].rules[0].values"),
        ({"rules": [{"cookie": "a", "values": [1]}]}, "cohorts[0].rules[0].values"),
        ({"rules": [{"cookie": "a", "values": ["x" * 201]}]}, "cohorts[0].rules[0].values"),
    ],
)
def test_cohorts_that_cannot_be(native: Native, ids: list[str], change: dict[str, Any], field: str) -> None:
    for share in change.get("versions", ()):
        share["version"] = share["version"].format(*ids)
    cohort = {"name": "beta", "versions": shares((ids[0], 100)), **change}
    problem = native.post("/workers/hello/deployments", {"versions": shares((ids[0], 100)), "cohorts": [cohort]}).problem
    assert problem["field"] == field
    twice = [{"name": name, "versions": shares((ids[0], 100))} for name in ("a", "A")]
    assert native.post("/workers/hello/deployments", {"versions": shares((ids[0], 100)), "cohorts": twice}).status == 400


def test_two_people_at_once(native: Native, ids: list[str]) -> None:
    live = native.get("/workers/hello/deployments").json["items"][0]["id"]
    body = {"versions": shares((ids[1], 100))}
    first = native.post("/workers/hello/deployments", body, **{"If-Match": f'"{live}"'})
    assert (first.status, first.headers["ETag"]) == (201, f'"{first.json["id"]}"')
    second = native.post("/workers/hello/deployments", body, **{"If-Match": f'"{live}"'})
    assert (second.status, second.problem["code"], second.problem["deployment"]) == (412, "changed_meanwhile", first.json["id"])
    assert native.post("/workers/hello/deployments", body, **{"If-Match": "nonsense"}).problem["field"] == "If-Match"
    assert native.post("/workers/hello/deployments", body, **{"If-Match": "*"}).status == 201


def test_a_signed_override(native: Native, ids: list[str]) -> None:
    made = native.post(f"/workers/hello/versions/{ids[2]}/override", {"seconds": 60})
    assert (made.status, made.json["header"]) == (201, "Hostel-Version-Override")
    found = overrides.read(made.json["token"])
    assert found is not None
    assert (found.worker_tag, found.version_id) == (Worker.objects.get().tag, ids[2])
    assert 0 < found.ends - time.time() <= 60
    event = AuditEvent.objects.get(action="version_override_create")
    assert made.json["token"] not in str(event.data)
    for seconds in (0, 59, 86_401, "x"):
        assert native.post(f"/workers/hello/versions/{ids[2]}/override", {"seconds": seconds}).problem["field"] == "seconds"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"sticky": "dice"}, "sticky"),
        ({"sticky": "header:"}, "sticky"),
        ({"sticky": "header:a b"}, "sticky"),
        ({"version_headers": "maybe"}, "version_headers"),
        ({"retention": {"keep": 0}}, "retention.keep"),
        ({"retention": {"weeks": 1}}, "retention"),
    ],
)
def test_settings_that_cannot_be(native: Native, settings: dict[str, Any], field: str) -> None:
    native.upload()
    assert native.call("PATCH", "/workers/hello/settings", settings).problem["field"] == field


def test_settings_that_can(native: Native) -> None:
    native.upload()
    sent = {"sticky": "header:X-User", "version_headers": "stripped", "retention": {"keep": 5, "days": 30}, "gate_deploys": True}
    found = native.call("PATCH", "/workers/hello/settings", sent).json
    assert {name: found[name] for name in sent} == {**sent, "sticky": "header:x-user"}
    assert native.call("PATCH", "/workers/hello/settings", {"retention": {}}).json["retention"] is None
