"""Nobody gets at another tenant's things, and every refusal is an envelope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver

from cfapi import urls
from cfapi.endpoint import METHODS, AccountEndpoint, NotOffered, Unknown
from tenants import services
from tenants.actor import Actor
from tests.cfapi.conftest import Api
from tests.cfapi.forms import metadata, module

SCRIPT = "/workers/scripts/hello"
THEIRS = "/workers/dispatch/namespaces/theirs/scripts/hello"


def routes() -> Iterator[tuple[str, Any]]:
    """Path (parameters in angle brackets) and view class of every route in the table."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, path)
            elif isinstance(pattern, URLPattern):
                yield path, pattern.callback.view_class  # type: ignore[attr-defined]

    yield from walk(urls.urlpatterns, "")


def calls() -> list[tuple[str, str]]:
    """Method and path of every operation, with `{account}` and another tenant's things in the places of the parameters."""
    found = []
    for path, view in routes():
        if view is Unknown:
            continue
        clean = "/" + path.replace("^/*", "").replace("^", "").replace(r"(?:/[\s\S]*)?$", "/x").replace(r"[\s\S]*$", "x").lstrip("/")
        for name, value in {
            "account": "{account}",
            "name": "hello",
            "version": "{version}",
            "deployment": "{deployment}",
            "domain": "{domain}",
            "secret": "S",
            "namespace": "theirs",
            "tag": "t",
        }.items():
            clean = re.sub(rf"<(str|path):{name}>", value, clean)
        methods = METHODS if issubclass(view, NotOffered) else [method for method in METHODS if hasattr(view, method)]
        found += [(method.upper(), clean) for method in methods]
    return found  # fmt: skip


def test_the_walk_finds_the_routes() -> None:
    found = calls()
    assert len(found) > 60
    assert not [path for _, path in found if set(path) & set("<?^*$[")]
    assert all(issubclass(view, AccountEndpoint) for path, view in routes() if "<str:account>" in path)


@pytest.fixture
def theirs(stranger: Api) -> dict[str, str]:
    """Ids of the other tenant's things."""
    stranger.post("/workers/dispatch/namespaces", {"name": "theirs"})
    stranger.put(THEIRS, fields=[metadata(), module()])
    domain = stranger.put("/workers/domains", {"hostname": "app.example.com", "service": "hello"}).result["id"]
    deployment = stranger.get(f"{SCRIPT}/deployments").result["deployments"][0]
    return {
        "account": stranger.tenant.account_id,
        "version": deployment["versions"][0]["version_id"],
        "deployment": deployment["id"],
        "domain": domain,
    }


def test_every_route_refuses_a_caller_without_token(api: Api, theirs: dict[str, str]) -> None:
    for method, path in calls():
        reply = api.call(method, path.format(**theirs), headers={"Authorization": ""})
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (401, 10000, "credentials_missing"), path


def test_every_route_refuses_another_tenants_account(api: Api, stranger: Api, theirs: dict[str, str]) -> None:
    before = stranger.get(SCRIPT).content
    for method, path in calls():
        if "{account}" in path:
            reply = api.call(method, path.format(**theirs))
            assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (403, 10000, "account_forbidden"), path
    assert stranger.get(SCRIPT).content.split(b"\r\n", 1)[1][:100] == before.split(b"\r\n", 1)[1][:100]


def test_another_tenants_ids_are_nothing_in_ones_own_account(api: Api, theirs: dict[str, str]) -> None:
    api.deploy("mine")
    for path in (
        f"/workers/scripts/mine/versions/{theirs['version']}",
        f"/workers/scripts/mine/deployments/{theirs['deployment']}",
        f"/workers/scripts/mine/content/v2?version={theirs['version']}",
        f"/workers/domains/{theirs['domain']}",
        SCRIPT,
        f"{SCRIPT}/settings",
        "/workers/services/hello",
        "/workers/dispatch/namespaces/theirs",
        "/workers/dispatch/namespaces/theirs/scripts",
        THEIRS,
        f"{THEIRS}/content",
        f"{THEIRS}/secrets",
    ):
        assert api.get(path).status == 404, path
    assert api.put(THEIRS, fields=[metadata(), module()]).status == 404
    assert api.delete("/workers/dispatch/namespaces/theirs").status == 404
    assert api.get("/workers/dispatch/namespaces").result == []
    shares = [{"version_id": theirs["version"], "percentage": 100}]
    assert api.post("/workers/scripts/mine/deployments", {"strategy": "percentage", "versions": shares}).status == 404


class TestCredentials:
    @pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x"])
    def test_none(self, api: Api, value: str) -> None:
        reply = api.get("/user", headers={"Authorization": value})
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (401, 10000, "credentials_missing")

    @pytest.mark.parametrize("value", ["Bearer nonsense", "bearer \xff", "Bearer " + "a" * 5000])
    def test_bad(self, api: Api, value: str) -> None:
        reply = api.get("/user", headers={"Authorization": value})
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (401, 10000, "token_invalid")
        assert api.get("/user/tokens/verify", headers={"Authorization": value}).error["code"] == 1000

    def test_revoked(self, api: Api) -> None:
        token, secret = services.token_create(tenant=api.tenant, name="x", scopes=["workers:read"], actor=Actor.system())
        headers = {"Authorization": f"Bearer {secret}"}
        assert api.get("/user", headers=headers).status == 200
        services.token_revoke(token=token, actor=Actor.system())
        assert api.get("/user", headers=headers).status == 401

    def test_reading_is_not_writing(self, api: Api) -> None:
        api.deploy()
        _, secret = services.token_create(tenant=api.tenant, name="x", scopes=["workers:read"], actor=Actor.system())
        headers = {"Authorization": f"Bearer {secret}"}
        assert api.get(f"{SCRIPT}/settings", headers=headers).status == 200
        reply = api.delete(SCRIPT, headers=headers)
        assert (reply.status, reply.error["code"], reply.error["detail"]["scope"]) == (403, 10000, "workers:write")

    def test_an_operators_token_has_no_account(self, api: Api) -> None:
        _, secret = services.token_create(tenant=None, name="x", scopes=["operator", "workers:write"], actor=Actor.system())
        headers = {"Authorization": f"Bearer {secret}"}
        assert api.get("/accounts", headers=headers).result == []
        assert api.get(SCRIPT, headers=headers).status == 403

    def test_a_suspended_tenant_reads_and_writes_nothing(self, api: Api) -> None:
        api.deploy()
        services.tenant_suspend(tenant=api.tenant, reason="unpaid", actor=Actor.system())
        assert api.get(f"{SCRIPT}/settings").status == 200
        reply = api.put(SCRIPT, fields=[metadata(), module()])
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (403, 10015, "tenant_suspended")


class TestEnvelopes:
    @pytest.mark.parametrize(
        "path", ["/client/v4", "/client/v4/", "/client/v4/nothing", "/client/v4/accounts/x/y", "/client/v4/graphql", "/client/v4/a%0Ab"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE", "FOO"])
    def test_an_unknown_address(self, api: Api, method: str, path: str) -> None:
        response = api.client.generic(method, path)
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/json"
        assert response.json()["errors"][0]["code"] == 7003  # fmt: skip

    def test_a_known_address_and_a_method_it_does_not_take(self, api: Api) -> None:
        reply = api.post("/workers/subdomain", {})
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (405, 10405, "method_not_allowed")
        assert reply.headers["Allow"] == "GET, PUT"

    def test_two_slashes(self, api: Api) -> None:
        response = api.client.get(
            f"/client/v4//accounts/{api.tenant.account_id}/workers/subdomain", headers={"Authorization": f"Bearer {api.secret}"}
        )
        assert response.json()["result"] == {"subdomain": api.tenant.slug}

    def test_what_nobody_foresaw_tells_nothing(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_: Any) -> None:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr("tenants.selectors.worker_get", broken)
        reply = api.get(f"{SCRIPT}/settings")
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (500, 10013, "internal_error")
        assert b"hunter2" not in reply.content

    def test_too_many_calls(self, api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.HOSTEL = replace(settings.HOSTEL, api_calls_per_minute=3)
        monkeypatch.setattr("cfapi.endpoint.MINUTE", 3600)
        statuses = [api.get("/user").status for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        reply = api.get("/user")
        assert (reply.error["code"], reply.error["detail"]["code"]) == (1015, "throttled")
        assert 0 < int(reply.headers["Retry-After"]) <= 3600
