"""Limits that explain themselves, plans, overrides, previews: as tenants and operators meet them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sandbox.limits import MOST, Limits
from tenants import selectors, services
from tenants.actor import Actor
from tenants.definitions import DEFINITIONS
from tenants.models import AuditEvent, LimitOverride, Plan
from tests.api.conftest import HELLO, Native, Reply

SYSTEM = Actor.system()


def named(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.content
    return {item["name"]: item for item in reply.json}


def put(caller: Native, path: str, value: Any, **headers: str) -> Reply:
    return caller.call("PUT", path, value, data=None, kind="application/json", **headers)


def override(caller: Native, name: str, value: Any, worker: str | None = None, **more: Any) -> Reply:
    middle = f"/workers/{worker}" if worker else ""
    return put(caller, f"/admin/tenants/acme{middle}/overrides/{name}", {"value": value, "reason": "a launch", **more})


@pytest.fixture
def billing(native: Native) -> Native:
    """Somebody who looks at what is used."""
    _, secret = services.token_create(tenant=native.tenant, name="billing", scopes=["billing:read"], actor=SYSTEM)
    return Native(native.client, native.tenant, secret)


BAD: list[Any] = [0, -1, "5", True, 1.5, 1.0, None, [1], {}, MOST + 1, 10**30]


BAD_PLANS: list[tuple[Any, str]] = [
    ({"limits": {"cpu_ms": 0}}, "limits.cpu_ms"),
    ({"limits": {"cpu_ms": "5"}}, "limits.cpu_ms"),
    ({"limits": {"cpu_ms": True}}, "limits.cpu_ms"),
    ({"limits": {"cpu_ms": 1.0}}, "limits.cpu_ms"),
    ({"limits": {"cpus": 5}}, "limits.cpus"),
    ({"limits": {"cpus": None}}, "limits.cpus"),
    ({"limits": 5}, "limits"),
    ({"cpu_weight": 0}, "cpu_weight"),
    ({"cpu_weight": 101}, "cpu_weight"),
    ({"cpu_weight": "2"}, "cpu_weight"),
    ({"cpu_weight": True}, "cpu_weight"),
    ({"log_retention_days": -1}, "log_retention_days"),
    ({"log_retention_days": 401}, "log_retention_days"),
    ({"tail_allowed": "true"}, "tail_allowed"),
    ({"tail_allowed": 1}, "tail_allowed"),
    ({"internet_allowed": None}, "internet_allowed"),
    ({"title": "x" * 201}, "title"),
    ({"description": "x" * 1_001}, "description"),
    ({"colour": "red"}, "colour"),
]
BAD_OVERRIDES: list[tuple[str, Any, str]] = [
    ("cpus", {}, "name"),
    ("cpu_ms", {"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ("cpu_ms", {"expires_at": "2126-01-01T00:00:00Z"}, "expires_at"),
    ("cpu_ms", {"expires_at": "soon"}, "expires_at"),
    ("cpu_ms", {"expires_at": 5}, "expires_at"),
    ("cpu_ms", {"reason": ""}, "reason"),
    ("cpu_ms", {"reason": "x" * 501}, "reason"),
    ("cpu_ms", {"reason": None}, "reason"),
    ("cpu_ms", {"author": "me"}, "author"),
]


class TestExplained:
    def test_everything_that_can_be_limited_is_there(self, native: Native) -> None:
        found = named(native.get("/limits"))
        assert list(found) == list(DEFINITIONS)
        cpu = found["cpu_ms"]
        assert (cpu["value"], cpu["source"], cpu["unit"], cpu["kind"]) == (Limits().cpu_ms, "platform", "ms", "request")
        assert cpu["breach"] == {
            "code": "worker_exceeded_cpu",
            "status": 503,
            "outcome": "exceededCpu",
            "what": "the request is stopped",
        }
        assert (cpu["used"], cpu["levels"]) == (None, [{"level": "platform", "value": Limits().cpu_ms}])
        assert (found["requests_per_day"]["value"], found["requests_per_day"]["used"]) == (None, None)
        assert (found["workers"]["value"], found["workers"]["used"], found["tokens"]["used"]) == (500, 0, 1)

    def test_every_level_is_heard_and_one_decides(self, native: Native, operator: Native) -> None:
        operator.post("/admin/plans", {"name": "small", "limits": {"cpu_ms": 50, "requests_per_day": 9}})
        put(operator, "/admin/tenants/acme/plan", {"plan": "small"})
        native.upload(limits={"cpu_ms": 90})
        ends = timezone.now() + timedelta(hours=1)
        assert override(operator, "cpu_ms", 100, expires_at=ends.isoformat()).status == 200
        assert override(operator, "cpu_ms", 95, worker="hello").status == 200
        put(native, "/limits", {"limits": {"cpu_ms": 80}})
        tenant = named(native.get("/limits"))["cpu_ms"]
        assert (tenant["value"], tenant["source"]) == (80, "tenant")
        worker = named(native.get("/workers/hello/limits"))["cpu_ms"]
        assert (worker["value"], worker["source"]) == (90, "version")
        assert worker["levels"] == [
            {"level": "platform", "value": 1_000},
            {"level": "plan", "value": 50, "plan": "small"},
            {
                "level": "override",
                "value": 100,
                "scope": "tenant",
                "reason": "a launch",
                "expires_at": ends.isoformat().replace("+00:00", "Z"),
            },
            {"level": "tenant", "value": 80},
            {"level": "override", "value": 95, "scope": "worker", "reason": "a launch", "expires_at": None},
            {"level": "version", "value": 90},
        ]
        # Who made it is the operator's business.
        assert b"author" not in native.get("/workers/hello/limits").content
        day = named(native.get("/limits"))["requests_per_day"]
        assert (day["value"], day["used"], day["source"], day["period"]) == (9, 0, "plan", "day")
        assert day["resets_at"] > timezone.now().isoformat()[:19]

    def test_what_is_counted(self, native: Native, billing: Native) -> None:
        two = "export default { fetch() { return new Response('two'); } };"
        native.upload()
        native.upload(two)
        native.upload(two, name="other")
        counted = named(billing.get("/usage/counts"))
        assert {name: item["used"] for name, item in counted.items()} == {
            "workers": 2,
            "workers_per_namespace": 0,
            "namespaces": 0,
            "versions_per_worker": 2,
            "stored_bytes": len(HELLO) + 2 * len(two),
            "domains": 0,
            "flags": 0,
            "flag_segments": 0,
            "tokens": 2,
            "deployments_per_hour": 3,
        }
        assert (counted["workers"]["limit"], counted["tokens"]["limit"]) == (500, None)
        assert named(native.get("/workers/other/limits"))["versions_per_worker"]["used"] == 1

    def test_operators_see_the_same(self, native: Native, billing: Native, operator: Native) -> None:
        assert operator.get("/admin/tenants/acme/limits").json == native.get("/limits").json
        assert operator.get("/admin/tenants/acme/usage/counts").json == billing.get("/usage/counts").json
        assert operator.get("/admin/tenants/gone/limits").problem["code"] == "tenant_not_found"


class TestOwnLimits:
    def test_a_tenant_lowers_its_own(self, native: Native) -> None:
        reply = put(native, "/limits", {"limits": {"cpu_ms": 70, "requests_per_minute": 600}})
        assert named(reply)["cpu_ms"]["value"] == 70
        assert named(put(native, "/limits", {"limits": {"cpu_ms": 5_000}}))["cpu_ms"]["value"] == 1_000
        assert named(native.get("/limits"))["requests_per_minute"]["value"] is None

    def test_two_at_once(self, native: Native) -> None:
        tag = native.get("/limits").headers["ETag"]
        assert put(native, "/limits", {"limits": {"cpu_ms": 70}}, **{"If-Match": tag}).status == 200
        reply = put(native, "/limits", {"limits": {"cpu_ms": 80}}, **{"If-Match": tag})
        assert (reply.status, reply.problem["code"]) == (412, "changed_meanwhile")

    def test_not_while_suspended(self, native: Native) -> None:
        services.tenant_suspend(tenant=native.tenant, reason="late", actor=SYSTEM)
        assert put(native, "/limits", {"limits": {}}).problem["code"] == "tenant_suspended"

    def test_bad_values_are_named(self, native: Native) -> None:
        for value in BAD:
            reply = put(native, "/limits", {"limits": {"cpu_ms": value}})
            assert (reply.status, reply.problem["field"]) == (400, "limits.cpu_ms")
            assert native.call("PATCH", "/workers/none/settings", {"limits": {"cpu_ms": value}}).problem["field"] == "limits.cpu_ms"

    def test_bad_bodies_are_named(self, native: Native) -> None:
        bodies: list[tuple[Any, str]] = [
            ({"limits": {"cpus": 5}}, "limits.cpus"),
            ({"limits": []}, "limits"),
            ({}, "limits"),
            ({"limits": {}, "x": 1}, "x"),
        ]
        for body, field in bodies:
            assert put(native, "/limits", body).problem["field"] == field


class TestPlans:
    def test_the_default_plan_is_there_before_anybody_has_made_it(self, native: Native, operator: Native) -> None:
        [plan] = operator.get("/admin/plans").json["items"]
        assert (plan["name"], plan["is_default"], plan["limits"], plan["cpu_weight"]) == ("default", True, {}, 1)
        assert not Plan.objects.exists()
        changed = operator.call("PATCH", "/admin/plans/default", {"limits": {"cpu_ms": 300}, "cpu_weight": 2})
        assert (changed.status, changed.json["limits"], changed.json["cpu_weight"]) == (200, {"cpu_ms": 300}, 2)
        assert named(native.get("/limits"))["cpu_ms"]["value"] == 300
        assert operator.get("/admin/tenants/acme/plan").json == {"tenant": "acme", "plan": "default", "follows_default": True}

    def test_a_plans_life(self, native: Native, operator: Native) -> None:
        fields = {
            "title": "Small",
            "limits": {"workers": 3, "domains": 0},
            "log_retention_days": 0,
            "tail_allowed": False,
            "internet_allowed": False,
            "quota_headers": False,
        }
        made = operator.post("/admin/plans", {"name": "small", **fields})
        assert made.status == 201
        assert {name: made.json[name] for name in fields} == fields
        assert operator.post("/admin/plans", {"name": "small"}).problem["code"] == "name_taken"
        assert operator.post("/admin/plans", {"name": "default"}).problem["code"] == "name_taken"
        merged = operator.call("PATCH", "/admin/plans/small", {"limits": {"workers": None, "cpu_ms": 9}})
        assert merged.json["limits"] == {"domains": 0, "cpu_ms": 9}
        assert put(operator, "/admin/tenants/acme/plan", {"plan": "small"}).json["follows_default"] is False
        assert operator.get("/admin/plans/small").json["tenants"] == 1
        assert operator.call("DELETE", "/admin/plans/small").problem["code"] == "plan_in_use"
        assert put(operator, "/admin/tenants/acme/plan", {"plan": None}).json["plan"] == "default"
        assert operator.call("DELETE", "/admin/plans/small").status == 204
        assert operator.get("/admin/plans/small").problem["code"] == "plan_not_found"
        actions = [event.action for event in AuditEvent.objects.filter(action__contains="plan").order_by("pk")]
        assert actions == ["plan_create", "plan_update", "tenant_plan_set", "tenant_plan_set", "plan_delete"]
        event = AuditEvent.objects.get(action="plan_update")
        assert (event.before["limits"], event.after["limits"]) == (
            {"workers": 3, "domains": 0},
            {"domains": 0, "cpu_ms": 9},
        )

    def test_another_default(self, native: Native, operator: Native) -> None:
        operator.post("/admin/plans", {"name": "free", "limits": {"cpu_ms": 10}, "is_default": True})
        assert named(native.get("/limits"))["cpu_ms"]["value"] == 10
        assert operator.get("/admin/plans/default").problem["code"] == "plan_not_found"
        assert operator.call("DELETE", "/admin/plans/free").problem["code"] == "plan_in_use"
        assert operator.call("PATCH", "/admin/plans/free", {"is_default": False}).problem["field"] == "is_default"
        operator.post("/admin/plans", {"name": "paid", "limits": {"cpu_ms": 20}})
        operator.call("PATCH", "/admin/plans/paid", {"is_default": True})
        assert named(native.get("/limits"))["cpu_ms"]["value"] == 20
        assert [plan["name"] for plan in operator.get("/admin/plans").json["items"] if plan["is_default"]] == ["paid"]

    def test_two_at_once(self, operator: Native) -> None:
        tag = operator.post("/admin/plans", {"name": "small"}).headers["ETag"]
        assert operator.call("PATCH", "/admin/plans/small", {"title": "a"}, **{"If-Match": tag}).status == 200
        assert operator.call("PATCH", "/admin/plans/small", {"title": "b"}, **{"If-Match": tag}).problem["code"] == "changed_meanwhile"
        assert operator.call("DELETE", "/admin/plans/small", None, **{"If-Match": tag}).problem["code"] == "changed_meanwhile"

    def test_names_that_are_none(self, operator: Native) -> None:
        for name in ("", "Small", "-a", "a" * 64, "a/b", "a b", "\u0430", "a\n"):
            reply = operator.post("/admin/plans", {"name": name})
            assert (reply.status, reply.problem["field"]) == (400, "name")

    def test_bad_fields_are_named(self, operator: Native) -> None:
        for body, field in BAD_PLANS:
            for reply in (operator.post("/admin/plans", {"name": "p", **body}), operator.call("PATCH", "/admin/plans/default", body)):
                assert (reply.status, reply.problem["field"]) == (400, field)
        assert not Plan.objects.exists()

    def test_a_tenant_is_no_operator(self, native: Native) -> None:
        for method, path in (("GET", "/admin/plans"), ("PUT", "/admin/tenants/acme/plan"), ("PUT", "/admin/tenants/acme/overrides/cpu_ms")):
            assert native.call(method, path, {}).problem["code"] == "token_scope_missing"


class TestOverrides:
    def test_they_raise_up_to_the_platform(self, native: Native, operator: Native) -> None:
        operator.call("PATCH", "/admin/plans/default", {"limits": {"cpu_ms": 50}})
        made = override(operator, "cpu_ms", 1_000)
        assert (made.status, made.json["active"], made.json["worker"], made.json["author"]) == (200, True, None, "ops")
        assert named(native.get("/limits"))["cpu_ms"]["source"] == "override"
        refused = override(operator, "cpu_ms", 1_001)
        assert (refused.status, refused.problem["field"], refused.problem["limit"]) == (400, "value", 1_000)
        # What has no limit of the platform's can be anything.
        assert override(operator, "requests_per_day", MOST).status == 200
        assert operator.call("DELETE", "/admin/tenants/acme/overrides/cpu_ms").status == 204
        assert named(native.get("/limits"))["cpu_ms"]["value"] == 50
        assert operator.call("DELETE", "/admin/tenants/acme/overrides/cpu_ms").problem["code"] == "override_not_found"

    def test_a_second_one_replaces_the_first(self, native: Native, operator: Native) -> None:
        native.upload()
        for value in (10, 20):
            override(operator, "cpu_ms", value)
            override(operator, "cpu_ms", value + 1, worker="hello")
        found = operator.get("/admin/tenants/acme/overrides").json["items"]
        assert sorted((one["worker"] or "", one["value"]) for one in found) == [("", 20), ("hello", 21)]
        assert operator.get("/admin/tenants/acme/overrides/cpu_ms").json["value"] == 20
        assert operator.get("/admin/tenants/acme/workers/hello/overrides/cpu_ms").json["value"] == 21
        events = list(AuditEvent.objects.filter(action="override_set").order_by("pk"))
        assert (events[2].before["value"], events[2].after["value"]) == (10, 20)
        assert {event.tenant_id for event in events} == {native.tenant.pk}

    def test_one_that_has_expired_counts_for_nothing_and_stays_to_be_seen(self, native: Native, operator: Native) -> None:
        override(operator, "cpu_ms", 10, expires_at=(timezone.now() + timedelta(days=1)).isoformat())
        LimitOverride.objects.update(expires_at=timezone.now())
        assert named(native.get("/limits"))["cpu_ms"]["value"] == 1_000
        [row] = operator.get("/admin/tenants/acme/overrides").json["items"]
        assert row["active"] is False

    def test_also_while_the_tenant_is_suspended(self, native: Native, operator: Native) -> None:
        services.tenant_suspend(tenant=native.tenant, reason="late", actor=SYSTEM)
        assert override(operator, "cpu_ms", 10).status == 200

    def test_bad_values_are_named(self, operator: Native) -> None:
        for value in BAD:
            assert override(operator, "cpu_ms", value).problem["field"] == "value"

    def test_bad_fields_are_named(self, operator: Native) -> None:
        for name, body, field in BAD_OVERRIDES:
            reply = override(operator, name, 5, **body)
            assert (reply.status, reply.problem["field"]) == (400, field)
        assert not LimitOverride.objects.exists()

    def test_of_workers(self, native: Native, stranger: Native, operator: Native) -> None:
        assert override(operator, "cpu_ms", 5, worker="gone").problem["code"] == "worker_not_found"
        native.upload()
        refused = override(operator, "requests_per_day", 5, worker="hello")
        assert (refused.status, refused.problem["field"]) == (400, "name")
        override(operator, "cpu_ms", 5, worker="hello")
        assert named(native.get("/workers/hello/limits"))["cpu_ms"]["value"] == 5
        # The other tenant's worker of the same name has nothing to do with it.
        assert named(stranger.get("/workers/hello/limits"))["cpu_ms"]["value"] == 1_000
        native.call("DELETE", "/workers/hello")
        assert not LimitOverride.objects.exists()


class TestPreviews:
    @pytest.fixture
    def world(self, native: Native, stranger: Native, operator: Native) -> Native:
        native.upload(limits={"cpu_ms": 400})
        native.upload(name="modest", limits={"cpu_ms": 100})
        native.upload(name="silent")
        return operator

    def test_of_a_plan(self, world: Native) -> None:
        body = {"limits": {"cpu_ms": 200, "workers": 2, "tokens": 1, "subrequests": 5}}
        reply = world.call("PATCH", "/admin/plans/default?preview=true", body)
        assert reply.status == 200
        version = selectors.version_latest(tenant=self.acme(), worker=selectors.worker_get(tenant=self.acme(), name="hello"))
        assert reply.json == {
            "looked_at": 2,
            "tenants": 1,
            "workers": 1,
            "items": [
                {
                    "tenant": "acme",
                    "worker": None,
                    "version": None,
                    "limit": "workers",
                    "before": 500,
                    "after": 2,
                    "actual": 3,
                    "why": "used",
                },
                {
                    "tenant": "acme",
                    "worker": "hello",
                    "version": str(version.pk),
                    "limit": "cpu_ms",
                    "before": 400,
                    "after": 200,
                    "actual": 400,
                    "why": "declared",
                },
            ],
        }
        assert not Plan.objects.exists()
        few = world.call("PATCH", "/admin/plans/default?preview=true&items=1", body).json
        assert (len(few["items"]), few["tenants"], few["workers"]) == (1, 1, 1)

    def test_whoever_has_an_override_is_spared(self, world: Native) -> None:
        override(world, "workers", 4)
        override(world, "cpu_ms", 400, worker="hello")
        reply = world.call("PATCH", "/admin/plans/default?preview=true", {"limits": {"cpu_ms": 200, "workers": 2}})
        assert (reply.json["tenants"], reply.json["workers"], reply.json["items"]) == (0, 0, [])

    def test_of_a_tenants_plan_and_of_overrides(self, world: Native) -> None:
        world.post("/admin/plans", {"name": "small", "limits": {"versions_per_worker": 1, "stored_bytes": 10, "cpu_ms": 300}})
        reply = put(world, "/admin/tenants/acme/plan?preview=true", {"plan": "small"})
        assert [(one["limit"], one["why"]) for one in reply.json["items"]] == [("stored_bytes", "used"), ("cpu_ms", "declared")]
        put(world, "/admin/tenants/acme/plan", {"plan": "small"})
        override(world, "stored_bytes", 10_000)
        gone = world.call("DELETE", "/admin/tenants/acme/overrides/stored_bytes?preview=true")
        assert [(one["limit"], one["before"], one["after"]) for one in gone.json["items"]] == [("stored_bytes", 10_000, 10)]
        lowered = put(world, "/admin/tenants/acme/overrides/code_bytes?preview=true", {"value": 3, "reason": "x"})
        assert {(one["worker"], one["why"]) for one in lowered.json["items"]} == {
            (worker, "measured") for worker in ("hello", "modest", "silent")
        }
        assert lowered.json["workers"] == 3
        assert LimitOverride.objects.count() == 1

    def test_of_a_new_default(self, world: Native) -> None:
        new = {"name": "free", "limits": {"workers": 1}, "is_default": True}
        assert world.post("/admin/plans?preview=true", new).json["tenants"] == 1
        assert world.post("/admin/plans?preview=true", {**new, "is_default": False}).json["looked_at"] == 0
        assert not Plan.objects.exists()

    def test_bad_questions(self, operator: Native) -> None:
        for query, field in [("preview=yes", "preview"), ("preview=true&items=0", "items"), ("preview=true&items=101", "items")]:
            assert operator.call("PATCH", f"/admin/plans/default?{query}", {"title": "x"}).problem["field"] == field
        assert not Plan.objects.exists()

    def test_what_the_change_would_refuse_the_preview_refuses(self, operator: Native) -> None:
        assert operator.call("PATCH", "/admin/plans/gone?preview=true", {}).problem["code"] == "plan_not_found"
        assert operator.call("PATCH", "/admin/plans/default?preview=true", {"limits": {"cpu_ms": 0}}).problem["field"] == "limits.cpu_ms"
        reply = put(operator, "/admin/tenants/acme/overrides/cpu_ms?preview=true", {"value": 10_000, "reason": "x"})
        assert reply.problem["field"] == "value"

    def acme(self) -> Any:
        return selectors.tenant_named(name="acme")
