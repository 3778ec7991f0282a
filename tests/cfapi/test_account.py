"""The caller, the account, host names, and the lists that are empty."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.cfapi.conftest import Api

DOMAINS = "/workers/domains"


def test_who_am_i(api: Api) -> None:
    account = {"id": api.tenant.account_id, "name": api.tenant.name or api.tenant.slug, "type": "standard"}
    assert api.get("/user/tokens/verify").result["status"] == "active"
    assert "email" in api.get("/user").result
    assert api.get("/accounts?page=1").result == [account]
    assert api.get("/accounts?page=2").result == []
    assert api.get(f"/accounts/{api.tenant.account_id}").result == account
    assert api.get("/memberships?page=1").result[0]["account"] == account


def test_the_subdomain_is_the_tenants_and_stays(api: Api) -> None:
    assert api.put("/workers/subdomain", {"subdomain": api.tenant.slug}).result == {"subdomain": api.tenant.slug}
    refused = api.put("/workers/subdomain", {"subdomain": "another"})
    assert (refused.status, refused.error["detail"]["code"]) == (400, "feature_unsupported")


@pytest.mark.parametrize(
    "path",
    [
        "/workers/durable_objects/namespaces?per_page=1000&page=1",
        "/storage/kv/namespaces?per_page=100&order=title&direction=asc&page=1",
        "/workers/tails/by-consumer/hello",
        "/workers/scripts/hello/queue-consumers?perPage=100",
        "/zones?name=example.com",
    ],
)
def test_empty_lists(api: Api, path: str) -> None:
    api.deploy()
    assert api.get(path).result == []


@pytest.mark.parametrize(
    ("method", "path", "value"),
    [
        ("POST", "/storage/kv/namespaces", {"title": "x"}),
        ("PUT", "/storage/kv/namespaces/1/values/a%2Fb", None),
        ("GET", "/d1/database", None),
        ("POST", "/queues", {"queue_name": "q"}),
        ("POST", "/r2/buckets", {"name": "b"}),
        ("GET", "/workflows", None),
        ("POST", "/workers/scripts/hello/tails", {"filters": []}),
        ("POST", "/workers/scripts/hello/assets-upload-session", {"manifest": {}}),
        ("PUT", "/workers/scripts/hello/schedules", [{"cron": "* * * * *"}]),
        ("PUT", "/workers/scripts/hello/routes", [{"pattern": "example.com/*"}]),
    ],
)
def test_what_hostel_does_not_offer_is_named(api: Api, method: str, path: str, value: Any) -> None:
    api.deploy()
    reply = api.call(method, path, value)
    assert (reply.status, reply.error["detail"]["code"]) == (400, "feature_unsupported")
    assert reply.error["detail"]["feature"]


def test_no_schedules_and_no_routes_can_be_set(api: Api) -> None:
    api.deploy()
    assert api.put("/workers/scripts/hello/schedules", []).result == {"schedules": []}
    assert api.get("/workers/scripts/hello/schedules").result == {"schedules": []}
    assert api.put("/workers/scripts/hello/routes", []).result == []


def test_references_name_what_binds_to_a_worker(api: Api) -> None:
    api.deploy()
    empty = {"incoming": [], "outgoing": [], "pages_function": False}
    assert api.get("/workers/scripts/hello/references").result == {"services": empty, "durable_objects": [], "dispatch_outbounds": []}
    api.deploy("front", bindings=[{"type": "service", "name": "BACK", "service": "hello"}])
    incoming = api.get("/workers/scripts/hello/references").result["services"]["incoming"]
    assert incoming == [{"name": "BACK", "service": "front", "environment": "production"}]


class TestDomains:
    def test_add_list_get_remove(self, api: Api) -> None:
        api.deploy()
        row = api.put(DOMAINS, {"zone_id": "z", "hostname": "app.example.com", "service": "hello", "environment": "production"}).result
        assert (row["hostname"], row["service"], row["zone_name"]) == ("app.example.com", "hello", "example.com")
        assert api.get(DOMAINS).result == [row]
        assert api.get(f"{DOMAINS}?hostname=other.example.com").result == []
        assert api.get(f"{DOMAINS}/{row['id']}").result == row
        assert api.delete(f"{DOMAINS}/{row['id']}").result is None
        assert api.get(DOMAINS).result == []

    def test_wranglers_way(self, api: Api) -> None:
        api.deploy()
        path = "/workers/scripts/hello/domains"
        change = api.post(f"{path}/changeset?replace_state=true", [{"hostname": "app.example.com"}]).result
        assert (change["added"], change["updated"], change["removed"], change["conflicting"]) == (
            [{"hostname": "app.example.com"}],
            [],
            [],
            [],
        )
        origins = [{"hostname": "app.example.com"}, {"hostname": "b.example.com"}]
        assert api.put(f"{path}/records", {"override_scope": True, "origins": origins}).status == 200
        assert [row["hostname"] for row in api.get(DOMAINS).result] == ["app.example.com", "b.example.com"]
        api.put(f"{path}/records", {"override_scope": True, "origins": origins[1:]})
        assert [row["hostname"] for row in api.get(DOMAINS).result] == ["b.example.com"]

    def test_all_or_nothing(self, api: Api) -> None:
        api.deploy()
        origins = [{"hostname": "good.example.com"}, {"hostname": "bad"}]
        assert api.put("/workers/scripts/hello/domains/records", {"origins": origins}).status == 400
        assert api.get(DOMAINS).result == []

    def test_a_name_of_another_tenant(self, api: Api, stranger: Api) -> None:
        api.deploy()
        row = stranger.put(DOMAINS, {"hostname": "app.example.com", "service": "hello"}).result
        reply = api.put(DOMAINS, {"hostname": "app.example.com", "service": "hello"})
        assert (reply.status, reply.error["detail"]["code"]) == (409, "name_taken")
        for method in ("GET", "DELETE"):
            assert api.call(method, f"{DOMAINS}/{row['id']}").error["detail"]["code"] == "domain_not_found"
        assert stranger.get(DOMAINS).result == [row]

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            ({"hostname": "a.example.com"}, "service"),
            ({"service": "hello"}, "hostname"),
            ({"hostname": "localhost", "service": "hello"}, "hostname"),
        ],
    )
    def test_bad_ones(self, api: Api, value: dict[str, str], field: str) -> None:
        api.deploy()
        assert api.put(DOMAINS, value).error["detail"]["field"] == field

    @pytest.mark.parametrize("domain", [uuid4().hex, "nonsense"])
    def test_one_that_is_not_there(self, api: Api, domain: str) -> None:
        assert api.get(f"{DOMAINS}/{domain}").status == 404
