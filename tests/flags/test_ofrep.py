"""OFREP over HTTP: its bodies, its errors, its ETag, who may see what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from flags import services
from tenants import services as tenants
from tenants.actor import Actor
from tenants.models import Tenant

SYSTEM = Actor.system()
PRO = {"attribute": "plan", "operator": "equals", "value": "pro"}
WHERE = "/ofrep/v1/evaluate/flags"


def furnish(tenant: Tenant) -> None:
    """Flags of every type; only `checkout` is public."""

    def make(key: str, state: dict[str, Any], **values: Any) -> None:
        services.flag_create(tenant=tenant, key=key, actor=SYSTEM, **values)
        services.flag_state_update(tenant=tenant, key=key, environment="production", changes={"enabled": True, **state}, actor=SYSTEM)

    make("checkout", {"serve": {"variant": "off"}, "rules": [{"id": "pros", "when": PRO, "serve": {"variant": "on"}}]}, public=True)
    make("colour", {"serve": {"variant": "blue"}}, type="string", variants={"red": "#f00", "blue": "#00f"})
    make("limit", {}, type="number", variants={"low": 2.5})
    make("theme", {}, type="json", variants={"dark": {"bg": "#000", "sizes": [1, 2]}})
    make("halves", {"serve": {"split": [{"variant": "on", "percentage": 50}, {"variant": "off", "percentage": 50}]}})


def token(tenant: Tenant, *scopes: str) -> str:
    return tenants.token_create(tenant=tenant, name="t", scopes=scopes, actor=SYSTEM)[1]


class Asker:
    def __init__(self, client: Client, secret: str) -> None:
        self.client, self.secret = client, secret

    def __call__(self, path: str = "", context: Any = None, *, data: bytes | None = None, **headers: str) -> Any:
        body = data if data is not None else json.dumps({"context": context or {}}).encode()
        sent = {"Authorization": f"Bearer {self.secret}", **headers}
        return self.client.generic("POST", WHERE + path, body, content_type="application/json", headers=sent)


@pytest.fixture
def ask(db: None, client: Client, tenant: Tenant) -> Asker:
    furnish(tenant)
    return Asker(client, token(tenant, "flags:evaluate"))


@pytest.fixture
def page(ask: Asker, tenant: Tenant) -> Asker:
    """A web page's token."""
    return Asker(ask.client, token(tenant, "flags:client"))


def test_one_flag(ask: Asker) -> None:
    reply = ask("/checkout", {"targetingKey": "u", "plan": "pro"})
    assert reply.status_code == 200
    assert reply.json() == {
        "key": "checkout",
        "value": True,
        "variant": "on",
        "reason": "TARGETING_MATCH",
        "metadata": {"environment": "production", "rule": "pros"},
    }
    assert ask("/halves", {"targetingKey": "u"}).json()["metadata"]["bucket"] >= 0
    assert ask("/theme").json()["value"] == {"bg": "#000", "sizes": [1, 2]}


def test_environments(ask: Asker) -> None:
    assert ask("/checkout", {"plan": "pro"}, **{"X-Hostel-Flag-Environment": "staging"}).json()["reason"] == "DISABLED"
    assert ask("/checkout", **{"X-Hostel-Flag-Environment": "none"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "data", "status", "code"),
    [
        ("/none", b"{}", 404, "FLAG_NOT_FOUND"),
        ("/halves", b'{"context": {}}', 400, "TARGETING_KEY_MISSING"),
        ("/checkout", b'{"context": 7}', 400, "INVALID_CONTEXT"),
        ("/checkout", b'{"context": {"targetingKey": 7}}', 400, "INVALID_CONTEXT"),
        ("/checkout", b'{"context": {"a": "' + b"x" * 1_000_000 + b'"}}', 400, "INVALID_CONTEXT"),
        ("/checkout", b"[]", 400, "INVALID_CONTEXT"),
        ("/checkout", b"{", 400, "PARSE_ERROR"),
        ("", b"\xff", 400, "PARSE_ERROR"),
        ("", b'{"context": []}', 400, "INVALID_CONTEXT"),
    ],
    ids=range(9),
)
def test_errors(ask: Asker, path: str, data: bytes, status: int, code: str) -> None:
    reply = ask(path, data=data)
    assert (reply.status_code, reply.json()["errorCode"]) == (status, code)
    assert reply.json()["errorDetails"]
    assert ("key" in reply.json()) == bool(path)


def test_everything_at_once(ask: Asker) -> None:
    first = ask("", {"targetingKey": "u"})
    assert [flag["key"] for flag in first.json()["flags"]] == ["checkout", "colour", "halves", "limit", "theme"]
    assert ask("", {"targetingKey": "u"}, **{"If-None-Match": first["ETag"]}).status_code == 304
    assert ask("", {"targetingKey": "u", "plan": "pro"}, **{"If-None-Match": first["ETag"]}).status_code == 200
    keyless = {flag["key"]: flag for flag in ask("").json()["flags"]}
    assert keyless["halves"]["errorCode"] == "TARGETING_KEY_MISSING"


def test_a_change_is_another_etag(ask: Asker, tenant: Tenant) -> None:
    tag = ask("")["ETag"]
    services.flag_kill(tenant=tenant, key="limit", actor=SYSTEM)
    assert ask("", **{"If-None-Match": tag}).status_code == 200


def test_pages_see_public_flags_only(page: Asker) -> None:
    assert page("/checkout", {"plan": "pro"}).json() == {
        "key": "checkout",
        "value": True,
        "variant": "on",
        "reason": "TARGETING_MATCH",
        "metadata": {"environment": "production"},
    }
    assert page("/colour").json()["errorCode"] == "FLAG_NOT_FOUND"
    assert page("/none").json()["errorCode"] == "FLAG_NOT_FOUND"
    assert [flag["key"] for flag in page("").json()["flags"]] == ["checkout"]


def test_pages_of_other_hosts_may_ask(page: Asker) -> None:
    asked = page.client.options(WHERE, headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "If-None-Match" in asked["Access-Control-Allow-Headers"]
    assert page("")["Access-Control-Allow-Origin"] == "*"
    assert page("/none")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), (("workers:read",), 403), (("flags:read",), 200), (("flags:write",), 200)])
def test_who_may(ask: Asker, tenant: Tenant, scopes: Any, status: int) -> None:
    secret = token(tenant, *scopes) if scopes else "hst_nobody"
    reply = Asker(ask.client, secret)("/checkout")
    assert reply.status_code == status
    assert status == 200 or reply.json()["errorDetails"]


def test_another_tenants_flags_are_not_there(ask: Asker, other_tenant: Tenant) -> None:
    stranger = Asker(ask.client, token(other_tenant, "flags:evaluate"))
    assert stranger("/checkout").status_code == 404
    assert stranger("").json()["flags"] == []


def test_too_many(ask: Asker, settings: Any) -> None:
    from dataclasses import replace

    settings.HOSTEL = replace(settings.HOSTEL, api_calls_per_minute=1)
    assert ask("/checkout").status_code == 200
    refused = ask("/checkout")
    assert (refused.status_code, refused.json()["errorCode"]) == (429, "GENERAL")
    assert int(refused["Retry-After"]) >= 1
