"""Every way to say who one is, and what follows: headers, sessions, roles, tokens for some workers only."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tenants import services
from tenants.actor import Actor
from tenants.models import Membership, Tenant, User
from tenants.roles import Role
from tests.api.conftest import HELLO, PREFIX, Native
from tests.cfapi.forms import content_type, upload

SYSTEM = Actor.system()


def person(tenant: Tenant, role: str, email: str = "") -> User:
    """Somebody with that role."""
    user = services.user_create(email=email or f"{role}@example.com", password=None, actor=SYSTEM)
    Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


def minted(tenant: Tenant, *scopes: str, **more: Any) -> str:
    return services.token_create(tenant=tenant, name="t", scopes=scopes, actor=SYSTEM, **more)[1]


class TestHeaders:
    def test_the_key_header_is_as_good_as_the_bearer(self, native: Native) -> None:
        key = {"Authorization": "", "X-API-Key": native.secret}
        assert native.get("/tenant", **key).json["slug"] == "acme"
        assert native.call("DELETE", "/workers/none", **key).problem["code"] == "worker_not_found"
        assert native.get("/tenant", **{**key, "X-API-Key": "hst_nonsense"}).problem["code"] == "token_invalid"
        assert native.get("/tenant", **{**key, "X-API-Key": " "}).problem["code"] == "credentials_missing"

    def test_and_so_it_is_for_the_other_api(self, native: Native) -> None:
        path = f"/client/v4/accounts/{native.tenant.account_id}/workers/scripts"
        assert native.client.get(path, headers={"x-api-key": native.secret}).json()["success"]
        assert native.client.get(path, headers={"x-api-key": "x"}).status_code == 401

    def test_a_bad_bearer_is_not_mended_by_a_good_key(self, native: Native) -> None:
        assert native.get("/tenant", **{"Authorization": "Bearer x", "X-API-Key": native.secret}).status == 401

    def test_replies_say_what_is_left(self, native: Native) -> None:
        first, second = native.get("/tenant"), native.get("/nothing-here")
        assert first.headers["RateLimit-Policy"] == '"calls";q=1200;w=60'
        name, remaining, resets = first.headers["RateLimit"].split(";")
        assert (name, remaining) == ('"calls"', "r=1199")
        assert 1 <= int(resets.removeprefix("t=")) <= 60
        # Nobody is counted at an address that is none.
        assert "RateLimit" not in second.headers
        reply = native.client.get("/client/v4/user", headers={"authorization": f"Bearer {native.secret}"})
        assert reply.headers["RateLimit"].startswith('"calls";r=1198;t=')


class TestSessions:
    @pytest.fixture
    def browser(self, native: Native) -> Native:
        """A person's browser, whose forms are checked; it names the tenant."""
        client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
        client.force_login(person(native.tenant, Role.DEVELOPER))
        return Native(client, native.tenant, "")

    def test_a_person_names_the_tenant(self, browser: Native, other_tenant: Tenant) -> None:
        assert browser.get("/workers", Authorization="").problem["code"] == "tenant_unnamed"
        named = {"Authorization": "", "X-Hostel-Tenant": "acme"}
        assert browser.get("/workers", **named).json["items"] == []
        assert browser.get("/workers?tenant=acme", Authorization="").status == 200
        for slug in ("globex", "nobody", "ACME", "../acme", "x" * 5000):
            reply = browser.get("/workers", **{**named, "X-Hostel-Tenant": slug})
            assert (reply.status, reply.problem["code"]) == (404, "tenant_not_found")

    def test_changes_need_the_form_token(self, browser: Native) -> None:
        named = {"Authorization": "", "X-Hostel-Tenant": "acme"}
        refused = browser.call("DELETE", "/workers/none", **named)
        assert (refused.status, refused.problem["code"]) == (403, "csrf_refused")
        token = "a" * 32
        browser.client.cookies["csrftoken"] = token
        assert browser.call("DELETE", "/workers/none", **named, **{"X-CSRFToken": token}).problem["code"] == "worker_not_found"
        elsewhere = {"X-CSRFToken": token, "Origin": "http://evil.acme.localhost:8787"}
        assert browser.call("DELETE", "/workers/none", **named, **elsewhere).problem["code"] == "csrf_refused"

    def test_who_may_not_log_in_any_more_is_out_at_once(self, browser: Native) -> None:
        User.objects.update(is_active=False)
        assert browser.get("/workers?tenant=acme", Authorization="").problem["code"] == "credentials_missing"

    def test_a_token_names_its_own_tenant_or_none(self, native: Native, other_tenant: Tenant) -> None:
        assert native.get("/workers", **{"X-Hostel-Tenant": "acme"}).status == 200
        for slug in ("globex", "nobody"):
            assert native.get("/workers", **{"X-Hostel-Tenant": slug}).problem["code"] == "account_forbidden"


class TestRoles:
    def test_a_role_is_asked_at_every_request(self, native: Native) -> None:
        user = person(native.tenant, Role.VIEWER)
        native.client.force_login(user)
        where = {"Authorization": "", "X-Hostel-Tenant": "acme"}
        assert native.get("/workers", **where).status == 200
        refused = native.call("DELETE", "/workers/none", **where)
        assert (refused.status, refused.problem["scope"]) == (403, "workers:write")
        Membership.objects.update(role=Role.BILLING)
        assert native.get("/workers", **where).problem["scope"] == "workers:read"
        Membership.objects.all().delete()
        assert native.get("/workers", **where).problem["code"] == "tenant_not_found"

    def test_a_token_shrinks_with_its_person_and_ends_with_the_membership(self, native: Native) -> None:
        user = person(native.tenant, Role.DEVELOPER)
        bearer = {"Authorization": f"Bearer {minted(native.tenant, 'workers:write', 'tenant:read', user=user)}"}
        assert native.call("DELETE", "/workers/none", **bearer).status == 404
        Membership.objects.update(role=Role.VIEWER)
        assert native.call("DELETE", "/workers/none", **bearer).problem["scope"] == "workers:write"
        assert native.get("/workers", **bearer).status == 200
        Membership.objects.all().delete()
        assert native.get("/workers", **bearer).problem["code"] == "token_invalid"

    def test_nobody_makes_a_token_with_more_rights_than_one_has(self, native: Native) -> None:
        native.client.force_login(person(native.tenant, Role.DEVELOPER))
        where = {"Authorization": "", "X-Hostel-Tenant": "acme"}
        made = native.post("/tokens", {"name": "ci", "scopes": ["workers:deploy", "secrets:write"]}, **where)
        assert (made.status, made.json["user"]) == (201, "developer@example.com")
        for scope in ("tenant:write", "tenant:own", "billing:write"):
            refused = native.post("/tokens", {"name": "ci", "scopes": [scope]}, **where)
            assert (refused.status, refused.problem["scope"]) == (403, scope)

    def test_own_tokens_are_ones_own_to_revoke_others_are_the_admins(self, native: Native) -> None:
        theirs = native.get("/tokens").json["items"][0]["id"]
        native.client.force_login(person(native.tenant, Role.DEVELOPER))
        where = {"Authorization": "", "X-Hostel-Tenant": "acme"}
        mine = native.post("/tokens", {"name": "ci", "scopes": ["workers:read"]}, **where).json["id"]
        assert native.call("DELETE", f"/tokens/{theirs}", **where).problem["scope"] == "tenant:write"
        assert native.call("DELETE", f"/tokens/{mine}", **where).status == 204
        native.client.force_login(person(native.tenant, Role.ADMIN))
        assert native.call("DELETE", f"/tokens/{theirs}", **where).status == 204


class TestDeployAndSecrets:
    def test_deploying_is_not_all_of_writing(self, native: Native) -> None:
        bearer = {"Authorization": f"Bearer {minted(native.tenant, 'workers:deploy')}"}
        body = {"main_module": "worker.js", "modules": [{"name": "worker.js", "content": HELLO}]}
        assert native.post("/workers/hello/versions?deploy=true", body, **bearer).status == 201
        assert native.call("PATCH", "/workers/hello/settings", {"tags": ["x"]}, **bearer).problem["scope"] == "workers:write"
        assert native.call("DELETE", "/workers/hello", **bearer).problem["scope"] == "workers:write"
        secret = {**body, "bindings": [{"type": "secret_text", "name": "S", "text": "s"}]}
        assert native.post("/workers/hello/versions", secret, **bearer).problem["scope"] == "secrets:write"
        both = {"Authorization": f"Bearer {minted(native.tenant, 'workers:deploy', 'secrets:write')}"}
        assert native.post("/workers/hello/versions", secret, **both).status == 201

    def test_nor_is_it_in_the_other_api(self, native: Native) -> None:
        native.upload()
        scripts = f"/client/v4/accounts/{native.tenant.account_id}/workers/scripts/hello"

        def call(method: str, path: str, *scopes: str, **options: Any) -> Any:
            headers = {"authorization": f"Bearer {minted(native.tenant, *scopes)}"}
            return native.client.generic(method, scripts + path, headers=headers, **options)

        form: dict[str, Any] = {"data": upload(), "content_type": content_type()}
        put = {"data": b'{"name": "S", "text": "s"}', "content_type": "application/json"}
        assert call("PUT", "", "workers:deploy", **form).status_code == 200
        assert call("DELETE", "", "workers:deploy").status_code == 403
        assert call("PUT", "/secrets", "workers:deploy", **put).json()["errors"][0]["detail"]["scope"] == "secrets:write"
        assert call("PUT", "/secrets", "secrets:write", **put).status_code == 200
        assert call("GET", "/settings", "secrets:write").status_code == 403
        secret: dict[str, Any] = {
            "data": upload(bindings=[{"type": "secret_text", "name": "T", "text": "t"}]),
            "content_type": content_type(),
        }
        for method, path in (("PUT", ""), ("POST", "/versions")):
            assert call(method, path, "workers:deploy", **secret).json()["errors"][0]["detail"]["scope"] == "secrets:write"


class TestChosenWorkers:
    """A token for `mine` only, in a tenant that has `mine` and `hello`, each with a host name."""

    @pytest.fixture
    def limited(self, native: Native) -> Native:
        for name in ("hello", "mine"):
            assert native.upload(name=name).status == 201
            services.domain_add(tenant=native.tenant, worker_name=name, hostname=f"{name}.example.com", actor=SYSTEM)
        return Native(native.client, native.tenant, minted(native.tenant, "workers:write", workers=["mine", "later"]))

    def account(self, limited: Native, method: str, path: str, **options: Any) -> Any:
        where = f"/client/v4/accounts/{limited.tenant.account_id}{path}"
        return limited.client.generic(method, where, headers={"authorization": f"Bearer {limited.secret}"}, **options)

    def test_it_sees_no_other(self, limited: Native) -> None:
        assert [worker["name"] for worker in limited.get("/workers").json["items"]] == ["mine"]
        for path in ("", "/settings", "/limits", "/versions", "/deployments"):
            assert limited.get(f"/workers/mine{path}").status == 200
            assert limited.get(f"/workers/hello{path}").problem["code"] == "worker_not_found"
        assert [script["id"] for script in self.account(limited, "GET", "/workers/scripts").json()["result"]] == ["mine"]
        assert [row["hostname"] for row in self.account(limited, "GET", "/workers/domains").json()["result"]] == ["mine.example.com"]
        for path in (
            "/workers/scripts/hello",
            "/workers/scripts/hello/settings",
            "/workers/services/hello",
            "/workers/scripts/hello/secrets",
        ):
            assert self.account(limited, "GET", path).status_code == 404, path

    def test_and_touches_no_other(self, native: Native, limited: Native) -> None:
        before = native.get("/workers/hello").content
        assert limited.upload(name="hello").problem["code"] == "worker_not_found"
        assert limited.upload(name="new").problem["code"] == "worker_not_found"
        assert limited.upload(name="later").status == 201
        assert limited.call("DELETE", "/workers/hello").status == 404
        assert limited.call("PATCH", "/workers/hello/settings", {"tags": ["x"]}).status == 404
        form: dict[str, Any] = {"data": upload(), "content_type": content_type()}
        assert self.account(limited, "PUT", "/workers/scripts/hello", **form).status_code == 404
        assert self.account(limited, "PUT", "/workers/scripts/mine", **form).status_code == 200
        assert self.account(limited, "DELETE", "/workers/services/hello").status_code == 404
        take = b'{"hostname": "hello.example.com", "service": "mine"}'
        assert self.account(limited, "PUT", "/workers/domains", data=take, content_type="application/json").status_code == 409
        other = native.client.get(
            f"/client/v4/accounts/{native.tenant.account_id}/workers/domains?hostname=hello.example.com",
            headers={"authorization": f"Bearer {native.secret}"},
        ).json()["result"][0]["id"]
        assert self.account(limited, "DELETE", f"/workers/domains/{other}").status_code == 404
        assert native.get("/workers/hello").content == before

    def test_nor_calls_another_by_a_binding(self, limited: Native) -> None:
        binding = {"type": "service", "name": "B", "service": "hello"}
        assert limited.upload(name="mine", bindings=[binding]).problem["code"] == "binding_target_missing"
        assert limited.upload(name="mine", bindings=[{**binding, "service": "mine"}]).status == 201

    def test_it_makes_no_tokens_and_has_no_rights_past_its_workers(self, native: Native, limited: Native) -> None:
        body = {"name": "x", "scopes": ["workers:read"]}
        assert limited.post("/tokens", body).problem["code"] == "token_scope_missing"
        made = native.post("/tokens", {**body, "workers": ["mine", "mine"]})
        assert (made.status, made.json["workers"]) == (201, ["mine"])
        refused = native.post("/tokens", {**body, "scopes": ["tenant:read"], "workers": ["mine"]})
        assert (refused.status, refused.problem["field"]) == (400, "scopes")
        for bad in ([], ["MINE"], ["\uff4dine"], ["a/b"], [f"w{n}" for n in range(101)]):
            refused = native.post("/tokens", {**body, "workers": bad})
            assert (refused.status, refused.problem["field"].partition(".")[0]) == (400, "workers"), bad


def test_the_document_says_who_may(client: Client) -> None:
    paths = client.get(f"{PREFIX}/openapi.json").json()["paths"]
    made = paths[f"{PREFIX}/workers/{{worker}}/versions"]["post"]
    assert made["x-hostel-access"] == {"kind": "tenant", "scope": "workers:deploy"}
    assert made["security"] == [{"token": []}, {"key": []}, {"session": []}]
    assert "X-Hostel-Tenant" in [parameter["name"] for parameter in made["parameters"]]
    assert paths[f"{PREFIX}/admin/pool"]["get"]["x-hostel-access"] == {"kind": "operator", "scope": "operator"}
