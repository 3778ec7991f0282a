"""Dispatch namespaces and promotion in the native API."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import services
from tenants.actor import Actor
from tests.api.conftest import HELLO, Native


@pytest.fixture
def chain(native: Native) -> Native:
    """production, and staging that leads to it."""
    assert native.post("/namespaces", {"name": "production"}).status == 201
    assert native.post("/namespaces", {"name": "staging", "promotes_to": "production"}).status == 201
    return native


def patch(native: Native, path: str, value: Any) -> Any:
    return native.call("PATCH", path, value)


def test_namespaces(chain: Native) -> None:
    listed = chain.get("/namespaces").json
    assert [(one["name"], one["promotes_to"], one["workers"]) for one in listed["items"]] == [
        ("production", None, 0),
        ("staging", "production", 0),
    ]
    chain.upload(name="staging:api")
    assert [one["workers"] for one in chain.get("/namespaces").json["items"]] == [0, 1]
    assert patch(chain, "/namespaces/staging", {"promotes_to": None}).json["promotes_to"] is None
    assert patch(chain, "/namespaces/staging", {"name": "test"}).json["name"] == "test"
    assert chain.get("/workers/test:api").status == 200
    assert chain.call("DELETE", "/namespaces/test").status == 204
    assert chain.get("/namespaces/test").problem["code"] == "namespace_not_found"
    assert chain.get("/workers/test:api").problem["code"] == "worker_not_found"


def test_an_environments_own_values_are_never_told(chain: Native) -> None:
    bindings = {"KEY": {"type": "secret_text", "text": "s3cret"}, "MODE": {"type": "plain_text", "text": "live"}}
    reply = patch(chain, "/namespaces/production", {"bindings": bindings})
    assert reply.json["bindings"] == [{"type": "secret_text", "name": "KEY"}, {"type": "plain_text", "name": "MODE", "text": "live"}]
    for path in ("/namespaces", "/namespaces/production", "/audit"):
        assert b"s3cret" not in chain.get(path).content
    assert [one["name"] for one in patch(chain, "/namespaces/production", {"bindings": {"KEY": None}}).json["bindings"]] == ["MODE"]


def test_changes_that_are_refused_change_nothing(chain: Native) -> None:
    before = chain.get("/namespaces/production").json
    other = {"bindings": {"OTHER": {"type": "plain_text", "text": "x"}}}
    refused: list[tuple[Any, str]] = [
        ({"promotes_to": "nowhere", **other}, "namespace_not_found"),
        ({"promotes_to": "staging", **other}, "field_invalid"),
        ({"name": "Big", **other}, "namespace_name_invalid"),
        ({"name": "staging", **other}, "name_taken"),
        ({"bindings": {"A": {"type": "worker_loader"}}}, "binding_unsupported"),
        ({"bindings": {"A": {"type": "plain_text"}}}, "binding_invalid"),
        ({"bindings": {"A": 7}}, "field_invalid"),
        ({"trusted": True, **other}, "field_invalid"),
        ([], "body_invalid"),
    ]
    for value, code in refused:
        reply = patch(chain, "/namespaces/production", value)
        assert (reply.status // 100, reply.problem["code"]) == (4, code), value
        assert chain.get("/namespaces/production").json == before


def test_workers_in_a_namespace_have_the_routes_of_any_worker(chain: Native) -> None:
    chain.upload(HELLO.replace("hello", "outside"), name="api")
    made = chain.upload(name="staging:api").json
    assert (made["worker"], made["number"]) == ("staging:api", 1)
    shown = chain.get("/workers/staging:api").json
    assert (shown["name"], shown["namespace"], shown["qualified_name"], shown["url"]) == ("api", "staging", "staging:api", None)
    outside = chain.get("/workers/api").json
    assert (outside["namespace"], outside["qualified_name"], outside["url"]) == (None, "api", "http://api.acme.localhost:8787")
    assert [one["qualified_name"] for one in chain.get("/workers").json["items"]] == ["api"]
    for path in ("/settings", "/limits", "/versions", f"/versions/{made['id']}", "/deployments", f"/deployments/{made['deployment']}"):
        assert chain.get(f"/workers/staging:api{path}").status == 200
    assert chain.get(f"/workers/api/versions/{made['id']}").status == 404
    assert patch(chain, "/workers/staging:api/settings", {"subdomain_enabled": True}).problem["field"] == "subdomain_enabled"
    patch(chain, "/workers/staging:api/settings", {"tags": ["a"]})
    chain.upload(name="staging:other")
    names = [
        [one["name"] for one in chain.get(f"/namespaces/staging/workers{query}").json["items"]] for query in ("", "?tag=a", "?tag=a&tag=b")
    ]
    assert names == [["api", "other"], ["api"], []]
    assert chain.call("DELETE", "/workers/staging:api").status == 204
    assert chain.get("/workers/api").status == 200


def test_promotion(chain: Native) -> None:
    where = "/workers/staging:api/promotion"
    assert chain.get(where).problem["code"] == "worker_not_found"
    bindings = [{"type": "secret_text", "name": "KEY", "text": "staging key"}, {"type": "plain_text", "name": "MODE", "text": "staged"}]
    chain.upload(name="staging:api", bindings=bindings)
    preview = chain.get(where).json
    assert (preview["source"], preview["target"], preview["changes"], preview["missing_secrets"]) == (
        "staging:api",
        "production:api",
        True,
        ["KEY"],
    )
    refused = chain.post(where, {})
    assert (refused.status, refused.problem["code"], refused.problem["secrets"]) == (409, "promotion_incomplete", ["KEY"])
    assert chain.get("/workers/production:api").status == 404

    own = {"KEY": {"type": "secret_text", "text": "live key"}, "MODE": {"type": "plain_text", "text": "live"}}
    patch(chain, "/namespaces/production", {"bindings": own})
    stale = chain.post(where, {"preview": preview["preview"]})
    assert (stale.status, stale.problem["code"]) == (409, "promotion_changed")
    preview = chain.get(where).json
    assert [(one["name"], one["change"], one["origin"], one["after"]) for one in preview["versions"][0]["bindings"]] == [
        ("KEY", "added", "environment", None),
        ("MODE", "added", "environment", {"text": "live"}),
    ]
    done = chain.post(where, {"preview": preview["preview"], "message": "go"})
    assert done.status == 201
    assert (len(done.json["made"]), done.json["deployment"]["message"]) == (1, "go")
    live = chain.get("/workers/production:api").json["live"]
    assert (live["id"], live["versions"]) == (done.json["deployment"]["id"], [{"version": done.json["made"][0], "percentage": 100.0}])
    again = chain.post(where, {})
    assert (again.status, again.json["made"], again.json["deployment"]["id"]) == (200, [], live["id"])
    assert not chain.get(where).json["changes"]
    assert b"key" not in chain.get(where).content + done.content
    assert chain.get("/workers/production:api/promotion").problem["code"] == "promotion_impossible"
    for wrong in ({"preview": []}, {"message": "m" * 1001}, {"to": "production"}):
        assert chain.post(where, wrong).status == 400


def test_promoting_is_deploying(chain: Native) -> None:
    chain.upload(name="staging:api")

    def as_token(method: str, path: str, *scopes: str, workers: list[str] | None = None) -> int:
        _, secret = services.token_create(tenant=chain.tenant, name="x", scopes=scopes, workers=workers, actor=Actor.system())
        return chain.call(method, path, {}, Authorization=f"Bearer {secret}").status

    where = "/workers/staging:api/promotion"
    assert as_token("GET", where, "workers:read") == 200
    assert as_token("POST", where, "workers:read") == 403
    assert as_token("POST", where, "workers:deploy", workers=["staging:api"]) == 404
    assert as_token("POST", where, "workers:deploy", workers=["staging:api", "production:api"]) == 201
    assert as_token("PATCH", "/namespaces/staging", "workers:deploy") == 403
    assert as_token("PATCH", "/namespaces/staging", "workers:write", workers=["staging:api"]) == 404
