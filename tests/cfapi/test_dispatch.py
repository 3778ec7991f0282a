"""Dispatch namespaces as wrangler, Alchemy and the SDKs ask for them (their recorded sessions: test_recordings.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import services
from tenants.actor import Actor
from tests.cfapi.conftest import Api
from tests.cfapi.forms import Field, metadata, module

pytestmark = pytest.mark.django_db(transaction=True)

SPACES = "/workers/dispatch/namespaces"
HI = "export default { fetch() { return new Response('hi'); } };"
SCRIPT = f"{SPACES}/production/scripts/api"


@pytest.fixture
def production(api: Api) -> Api:
    assert api.post(SPACES, {"name": "production"}).status == 200
    return api


def put(api: Api, path: str = SCRIPT, **meta: Any) -> Any:
    return api.put(path, fields=[metadata(**meta), module(source=HI)])


def test_namespaces(api: Api) -> None:
    made = api.post(SPACES, {"name": "production"}).result
    assert (made["namespace_name"], made["script_count"], made["trusted_workers"], len(made["namespace_id"])) == (
        "production",
        0,
        False,
        32,
    )
    put(api)
    assert api.get(f"{SPACES}/production").result == {**made, "script_count": 1}
    assert [row["namespace_name"] for row in api.get(SPACES).result] == ["production"]
    assert api.put(f"{SPACES}/production", {"name": "live"}).result["namespace_name"] == "live"
    assert api.get(f"{SPACES}/live/scripts/api").status == 200
    assert api.delete(f"{SPACES}/live").result is None
    assert api.get(SPACES).result == []
    for reply in (
        api.get(f"{SPACES}/live"),
        api.delete(f"{SPACES}/live"),
        api.get(f"{SPACES}/live/scripts"),
        put(api, f"{SPACES}/live/scripts/a"),
    ):
        assert (reply.status, reply.error["detail"]["code"]) == (404, "namespace_not_found")


def test_namespaces_that_are_not_made(production: Api) -> None:
    refused: list[tuple[Any, str]] = [
        ({}, "namespace_name_invalid"),
        ({"name": "a:b"}, "namespace_name_invalid"),
        ({"name": 7}, "body_invalid"),
        ([], "body_invalid"),
        ({"name": "a", "nome": "b"}, "body_invalid"),
        ({"name": "a", "trusted_workers": True}, "feature_unsupported"),
        ({"name": "production"}, "name_taken"),
    ]
    for body, code in refused:
        reply = production.post(SPACES, body)
        assert (reply.status // 100, reply.error["detail"]["code"]) == (4, code), body
    assert len(production.get(SPACES).result) == 1


def test_a_script_is_one_of_its_namespace(production: Api) -> None:
    reply = production.get(SCRIPT)
    assert (reply.status, reply.error["code"]) == (404, 10092)
    made = put(production, bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}], tags=["free"]).result
    assert (made["id"], made["tags"]) == ("api", ["free"])
    shown = production.get(SCRIPT).result
    assert (shown["dispatch_namespace"], shown["script"]["id"], shown["script"]["etag"]) == ("production", "api", made["etag"])
    # Not one of the account's own, by any address.
    assert production.get("/workers/scripts").result == []
    for path in ("/workers/scripts/api", "/workers/scripts/production:api", "/workers/services/production:api"):
        assert production.get(path).status == 404
        assert production.delete(path).status == 404
    assert put(production, "/workers/scripts/production:api").status == 404
    assert production.put("/workers/domains", {"hostname": "a.example.com", "service": "production:api"}).status == 404
    assert [row["name"] for row in production.get(f"{SCRIPT}/bindings").result] == ["KEY"]
    assert b"s3cret" not in production.get(f"{SCRIPT}/bindings").content + production.get(f"{SCRIPT}/settings").content
    assert b"new Response('hi')" in production.get(f"{SCRIPT}/content").content
    # An upload keeps secrets; new code alone keeps everything.
    put(production)
    code = production.put(
        f"{SCRIPT}/content",
        fields=[
            Field("metadata", '{"main_module": "index.js"}'),
            module(source="export default { fetch() { return new Response('b'); } };"),
        ],
    )
    assert code.result["etag"] != made["etag"]
    assert production.get(f"{SCRIPT}/secrets").result == [{"name": "KEY", "type": "secret_text"}]
    assert production.delete(f"{SCRIPT}?force=true").status == 200
    assert production.delete(SCRIPT).error["code"] == 10092


def test_secrets_settings_and_tags(production: Api) -> None:
    put(production)
    assert production.put(f"{SCRIPT}/secrets", {"name": "A", "text": "1", "type": "secret_text"}).result == {
        "name": "A",
        "type": "secret_text",
    }
    assert production.get(f"{SCRIPT}/secrets/A").status == 200
    assert [row["name"] for row in production.patch(f"{SCRIPT}/secrets-bulk", {"secrets": {"A": None, "B": {"text": "2"}}}).result] == ["B"]
    assert production.delete(f"{SCRIPT}/secrets/B").status == 200
    assert production.get(f"{SCRIPT}/secrets").result == []
    settings = production.patch(f"{SCRIPT}/settings", fields=[Field("settings", '{"tags": ["a", "b"]}')]).result
    assert settings["tags"] == ["a", "b"]
    assert production.put(f"{SCRIPT}/tags", ["a", "c", "a"]).result == ["a", "c"]
    assert production.put(f"{SCRIPT}/tags/d%2Fe").status == 200
    assert production.delete(f"{SCRIPT}/tags/c").status == 200
    assert production.get(f"{SCRIPT}/tags").result == ["a", "d/e"]
    for wrong in ({"a": 1}, [1]):
        assert production.put(f"{SCRIPT}/tags", wrong).error["detail"]["code"] == "body_invalid"
    for path in ("/tags", "/secrets", "/bindings", "/settings", "/content"):
        assert production.get(f"{SPACES}/production/scripts/gone{path}").error["code"] == 10092


def test_scripts_by_tag(production: Api) -> None:
    for name, tags in {"one": ["x", "y"], "two": ["x"], "three": []}.items():
        put(production, f"{SPACES}/production/scripts/{name}", tags=tags)
    scripts = f"{SPACES}/production/scripts"

    def listed(query: str) -> list[str]:
        return [row["id"] for row in production.get(f"{scripts}{query}").result]

    assert listed("") == ["one", "three", "two"]
    assert (listed("?tags=x:yes"), listed("?tags=x:yes,y:no"), listed("?tags=x:no")) == (["one", "two"], ["two"], ["three"])
    for wrong in ("x", "x:maybe", ":yes"):
        assert production.get(f"{scripts}?tags={wrong}").error["detail"]["field"] == "tags"
    # Without a tag it would be all of them.
    assert production.delete(scripts).status == 400
    assert production.delete(f"{scripts}?tags=x:yes").result == [{"id": "one"}, {"id": "two"}]
    assert listed("") == ["three"]


def test_a_dispatchers_binding_is_shown_as_it_was_sent(production: Api) -> None:
    put(production, "/workers/scripts/out")
    binding = {
        "type": "dispatch_namespace",
        "name": "D",
        "namespace": "production",
        "outbound": {"worker": {"service": "out"}, "params": [{"name": "p"}]},
    }
    put(production, "/workers/scripts/router", bindings=[binding])
    assert production.get("/workers/scripts/router/settings").result["bindings"] == [binding]
    missing = put(production, "/workers/scripts/router", bindings=[{**binding, "namespace": "gone"}])
    assert (missing.status, missing.error["code"]) == (400, 10143)
    assert production.put(f"{SPACES}/production", {"name": "live"}).error["detail"]["code"] == "namespace_in_use"


def test_scopes_and_tokens_that_are_limited(production: Api) -> None:
    put(production)

    def as_token(method: str, path: str, scopes: list[str], workers: list[str] | None = None, **more: Any) -> int:
        _, secret = services.token_create(tenant=production.tenant, name="x", scopes=scopes, workers=workers, actor=Actor.system())
        return production.call(method, path, headers={"Authorization": f"Bearer {secret}"}, **more).status

    upload = {"fields": [metadata(), module()]}
    assert as_token("GET", SPACES, ["workers:read"]) == 200
    assert as_token("DELETE", f"{SPACES}/production", ["workers:deploy"]) == 403
    assert as_token("PUT", SCRIPT, ["workers:read"], **upload) == 403
    assert as_token("PUT", SCRIPT, ["workers:deploy"], **upload) == 200
    assert as_token("PUT", SCRIPT, ["workers:write"], ["production:api"], **upload) == 200
    assert as_token("PUT", SCRIPT, ["workers:write"], ["api"], **upload) == 404
    assert as_token("DELETE", f"{SPACES}/production", ["workers:write"], ["production:api"]) == 404
    assert as_token("DELETE", f"{SPACES}/production/scripts?tags=a:yes", ["workers:write"], ["production:api"]) == 404
