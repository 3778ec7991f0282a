"""The audit log over HTTP: one's own for a tenant, everybody's for an operator, and all of it as lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenants import chain, services
from tenants.actor import Actor
from tenants.services.audit import audit_key
from tests.api.conftest import Native, Reply


def lines(reply: Any) -> list[dict[str, Any]]:
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(reply.streaming_content).splitlines()]


def export(caller: Native, path: str = "/audit/export") -> list[dict[str, Any]]:
    return lines(caller.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {caller.secret}"}))


def test_a_call_leaves_who_what_where_and_why(native: Native) -> None:
    native.upload()
    reply = native.call(
        "DELETE", "/workers/hello", **{"User-Agent": "curl/8", "X-Forwarded-For": "198.51.100.9", "Hostel-Reason": "no longer needed"}
    )
    assert reply.status == 204
    event = native.get("/audit").json["items"][0]
    assert (event["action"], event["target"], event["via"], event["ip"]) == ("worker_delete", "hello", "api", "198.51.100.9")
    assert (event["user_agent"], event["reason"]) == ("curl/8", "no longer needed")
    assert event["request_id"] == reply.headers["X-Request-Id"]
    assert event["actor"].startswith("token:")
    assert native.get(f"/audit?request_id={event['request_id']}").json == {"items": [event], "next": None}


def test_a_reason_has_a_bound(native: Native) -> None:
    native.upload()
    assert native.call("DELETE", "/workers/hello", **{"Hostel-Reason": "x" * 501}).problem["field"] == "Hostel-Reason"
    assert native.call("DELETE", "/workers/hello", **{"Hostel-Reason": "x" * 500}).status == 204


def test_a_tenant_sees_its_own_chain_only(native: Native, stranger: Native) -> None:
    mine, theirs = (caller.get("/audit").json["items"] for caller in (native, stranger))
    assert {event["action"] for event in theirs} >= {"tenant_create", "version_upload"}
    assert {event["hash"] for event in mine}.isdisjoint(event["hash"] for event in theirs)
    assert [event["number"] for event in mine] == list(range(len(mine), 0, -1))
    assert {event["chain"] for event in export(native)[:-1]} == {native.tenant.account_id}


def test_pages(native: Native) -> None:
    for _ in range(3):
        native.upload()
    first = native.get("/audit?limit=2").json
    second = native.get(f"/audit?limit=2&cursor={first['next']}").json
    numbers = [event["number"] for event in first["items"] + second["items"]]
    assert numbers == list(range(numbers[0], numbers[0] - 4, -1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=0", "cursor"),
        ("cursor=99999999999999999999", "cursor"),
        ("since=yesterday", "since"),
        ("via=phone", "via"),
        ("action=" + "x" * 61, "action"),
        ("acton=x", "acton"),
        ("via=api&via=ui", "via"),
    ],
)
def test_a_bad_question_is_refused_by_name(native: Native, query: str, field: str) -> None:
    reply = native.get(f"/audit?{query}")
    assert (reply.status, reply.problem["field"]) == (400, field)


def test_an_export_proves_itself(native: Native) -> None:
    native.upload()
    *events, last = export(native)
    previous = ""
    for number, event in enumerate(events, 1):
        assert event["number"] == number
        assert event["previous"] == previous
        # What is exported is what was hashed, so whoever holds the key can check a file without the database.
        content = {name: event[name] for name in chain.FIELDS}
        from datetime import datetime

        content["created"] = datetime.fromisoformat(event["created"])
        assert chain.event_hash(audit_key(), content, previous=previous) == event["hash"]
        previous = event["hash"]
    assert last == {"head": {"number": len(events), "hash": previous}}


def test_an_export_is_sent_as_it_is_made(native: Native) -> None:
    """An ASGI server gets it in pieces."""
    import asyncio

    from api.streaming import JsonLines

    made = []

    def values() -> Any:
        for number in range(1_000):
            made.append(number)
            yield {"n": number}

    async def read() -> list[int]:
        seen = []
        async for chunk in JsonLines(values(), filename="x"):
            seen.append(len(made))
            assert chunk.endswith(b"\n")
        return seen

    assert asyncio.run(read()) == [200, 400, 600, 800, 1_000]


class TestOperator:
    def test_sees_every_chain_or_one(self, operator: Native, stranger: Native) -> None:
        everything = operator.get("/admin/audit?limit=100").json["items"]
        assert {event["tenant"] for event in everything} == {"acme", "stranger", None}
        one = operator.get("/admin/audit?tenant=stranger&action=tenant_*").json["items"]
        assert [(event["tenant"], event["action"], event["chain"]) for event in one] == [
            ("stranger", "tenant_create", stranger.tenant.account_id)
        ]
        assert operator.get("/admin/audit?tenant=platform").json["items"][-1]["action"] == "token_create"
        assert operator.get("/admin/audit?tenant=nobody").problem["code"] == "tenant_not_found"

    def test_exports_any_chain(self, operator: Native, stranger: Native) -> None:
        assert export(operator, "/admin/audit/export?tenant=stranger")[0]["action"] == "tenant_create"
        assert operator.get("/admin/audit/export").problem["field"] == "tenant"

    def test_verifies(self, operator: Native) -> None:
        found = operator.get("/admin/audit/verify").json
        assert found["intact"] is True
        assert found["heads"].keys() == {"platform", operator.tenant.account_id}
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_auditevent SET target = 'x' WHERE number = 1 AND chain = %s", [operator.tenant.account_id])
        found = operator.get("/admin/audit/verify").json
        assert found["intact"] is False
        assert [(one["chain"], one["number"]) for one in found["breaks"]] == [(operator.tenant.account_id, 1)]

    @pytest.mark.parametrize("path", ["/admin/audit", "/admin/audit/export?tenant=acme", "/admin/audit/verify"])
    def test_a_tenant_is_none(self, native: Native, path: str) -> None:
        reply: Reply = native.get(path)
        assert (reply.status, reply.problem["code"]) == (403, "token_scope_missing")


def test_what_pages_do_is_told_from_what_programs_do() -> None:
    from django.http import HttpResponse
    from django.test import RequestFactory

    from controlplane.middleware import ActingFrom
    from tenants import where

    seen: list[where.Where] = []

    def view(_request: Any) -> HttpResponse:
        seen.append(where.current())
        return HttpResponse()

    for path in ("/admin/", "/api/v1/tenant", "/client/v4/user"):
        ActingFrom(view)(RequestFactory().get(path, headers={"User-Agent": "Firefox"}))
    assert [(one.via, one.user_agent) for one in seen] == [("ui", "Firefox"), ("api", "Firefox"), ("api", "Firefox")]
    assert where.current() == where.Where()


def test_services_expose_the_check(native: Native) -> None:
    services.tenant_create(slug="more", actor=Actor.system())
    assert services.audit_verify().intact
