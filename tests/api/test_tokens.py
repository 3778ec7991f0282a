"""Tokens made with tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tenants import services
from tenants.actor import Actor
from tests.api.conftest import Native


def test_a_secret_is_shown_once_and_works_until_revoked(native: Native) -> None:
    made = native.post("/tokens", {"name": "ci", "scopes": ["workers:read"]})
    assert made.status == 201
    headers = {"Authorization": f"Bearer {made.json['secret']}"}
    assert native.get("/workers", **headers).status == 200
    assert native.get("/tokens", **headers).problem["code"] == "token_scope_missing"
    path = f"/tokens/{made.json['id']}"
    assert "secret" not in native.get(path).json
    assert made.json["secret"].encode() not in native.get("/tokens").content
    assert native.call("DELETE", path).status == 204
    assert native.get("/workers", **headers).problem["code"] == "token_invalid"
    assert native.get(path).json["revoked_at"]
    assert native.call("DELETE", path).status == 204


def test_nobody_gives_more_than_he_has(native: Native) -> None:
    _, secret = services.token_create(tenant=native.tenant, name="x", scopes=["tenant:write"], actor=Actor.system())
    reply = native.post("/tokens", {"name": "more", "scopes": ["workers:write"]}, Authorization=f"Bearer {secret}")
    assert (reply.status, reply.problem["code"], reply.problem["scope"]) == (403, "token_scope_missing", "workers:write")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"scopes": ["workers:read"]}, "name"),
        ({"name": "", "scopes": ["workers:read"]}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["operator"]}, "scopes.0"),
        ({"name": "x", "scopes": ["workers:read"], "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "scopes": ["workers:read"], "expires_at": (timezone.now() - timedelta(days=1)).isoformat()}, "expires_at"),
    ],
)
def test_bad_ones(native: Native, value: dict[str, Any], field: str) -> None:
    reply = native.post("/tokens", value)
    assert (reply.status, reply.problem["field"]) == (400, field)


def test_one_that_is_not_there(native: Native) -> None:
    assert native.get(f"/tokens/{uuid4()}").problem["code"] == "token_not_found"
    assert native.get("/tokens/nonsense").problem["code"] == "route_not_found"
