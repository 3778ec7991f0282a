"""What can be done with versions over the API: compare, restore, go back, keep and let go, name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants import referring, selectors, services
from tenants.actor import Actor
from tenants.models import AuditEvent, Deployment, Version, Worker
from tests.api.conftest import Native

ACTOR = Actor.system()


def source(text: str) -> str:
    return f"export default {{ fetch(r, env) {{\n  return new Response({text!r} + env.KEY);\n}} }};"


def make(native: Native, text: str, *, deploy: bool = True, **more: Any) -> str:
    reply = native.upload(source(text), deploy=deploy, **more)
    assert reply.status == 201, reply.content
    return str(reply.json["id"])


def deploy(native: Native, *shares: tuple[str, float], **more: Any) -> Any:
    return native.post("/workers/hello/deployments", {"versions": [{"version": v, "percentage": p} for v, p in shares], **more})


def secret(text: str) -> dict[str, Any]:
    return {"bindings": [{"type": "secret_text", "name": "KEY", "text": text}]}


class TestDiff:
    def test_two_versions(self, native: Native) -> None:
        one, two = make(native, "one", **secret("a"), limits={"cpu_ms": 50}), make(native, "two", **secret("b"))
        found = native.get(f"/workers/hello/versions/{one}/diff/{two}").json
        (file,) = found["files"]
        assert file["hunks"][0]["lines"][1:3] == ["-  return new Response('one' + env.KEY);", "+  return new Response('two' + env.KEY);"]
        assert found["bindings"] == [{"name": "KEY", "type": "secret_text", "change": "changed", "before": None, "after": None}]
        assert found["limits"] == [{"name": "cpu_ms", "before": 50, "after": None}]
        assert (found["before"]["number"], found["after"]["number"], found["same"]) == (1, 2, False)
        assert native.get(f"/workers/hello/versions/{one}/diff/{one}").json["same"] is True
        gone = "00000000-0000-0000-0000-000000000000"
        assert native.get(f"/workers/hello/versions/{one}/diff/{gone}").problem["code"] == "version_not_found"


class TestRestore:
    def test_a_new_version_of_what_an_earlier_one_was(self, native: Native) -> None:
        one = make(native, "one", **secret("a"), limits={"cpu_ms": 50})
        make(native, "two", **secret("b"))
        made = native.post(f"/workers/hello/versions/{one}/restore", {}).json
        rows = {row.number: row for row in Version.objects.all()}
        assert (made["number"], made["deployment"], made["message"]) == (3, None, "Restored from version 1")
        assert (rows[3].modules, rows[3].limits) == (rows[1].modules, rows[1].limits)
        # The secret's value is today's unless it was asked otherwise.
        assert rows[3].bindings[0]["digest"] == rows[2].bindings[0]["digest"]
        exact = native.post(f"/workers/hello/versions/{one}/restore", {"secrets": "original", "deploy": True, "message": "as it was"}).json
        row = Version.objects.get(number=4)
        assert (row.sha256, exact["message"]) == (rows[1].sha256, "as it was")
        assert exact["deployment"] is not None
        assert AuditEvent.objects.filter(action="version_restore").count() == 2


class TestRollback:
    def test_code_and_configuration_together_with_warnings(self, native: Native) -> None:
        native.upload(name="friend")
        one = make(native, "one", bindings=[*secret("a")["bindings"], {"type": "service", "name": "FRIEND", "service": "friend"}])
        two = make(native, "two")
        native.call("DELETE", "/workers/friend")
        preview = native.get("/workers/hello/rollback").json
        assert [share["version"] for share in preview["target"]["versions"]] == [one]
        made = native.post("/workers/hello/rollback", {"message": "errors went up"})
        assert made.status == 201
        assert sorted((warned["code"], warned["name"]) for warned in made.json["warnings"]) == [
            ("secret_gone", "KEY"),
            ("service_gone", "FRIEND"),
        ]
        assert made.json["warnings"] == preview["warnings"]
        assert (made.json["message"], made.json["rolled_back_to"]) == ("errors went up", preview["target"]["id"])
        event = AuditEvent.objects.filter(action="deployment_create").latest("id")
        assert (event.reason, event.before, event.after) == ("errors went up", {two: 10_000}, {one: 10_000})
        # Going back again leads to what was before, not to the deployment that is like the live one.
        again = native.post("/workers/hello/rollback", {})
        assert [share["version"] for share in again.json["versions"]] == [two]

    def test_what_cannot_be_gone_back_to(self, native: Native) -> None:
        make(native, "one", deploy=False)
        assert native.post("/workers/hello/rollback", {}).problem["code"] == "deployment_not_found"
        live = make(native, "two")
        assert native.post("/workers/hello/rollback", {}).problem["code"] == "deployment_not_found"
        own = native.get("/workers/hello/deployments").json["items"][0]["id"]
        assert native.post("/workers/hello/rollback", {"deployment": own}).problem["code"] == "rollback_impossible"
        assert native.post("/workers/hello/rollback", {"deployment": "x"}).problem["code"] == "deployment_not_found"
        make(native, "three")
        Version.objects.filter(pk=live).delete()
        assert native.post("/workers/hello/rollback", {"deployment": own}).problem["code"] == "rollback_impossible"

    def test_cohorts_come_back(self, native: Native) -> None:
        one, two = make(native, "one"), make(native, "two", deploy=False)
        cohorts = [{"name": "beta", "versions": [{"version": two, "percentage": 100}], "rules": []}]
        deploy(native, (one, 100), cohorts=cohorts)
        deploy(native, (two, 100))
        assert native.post("/workers/hello/rollback", {}).json["cohorts"] == cohorts

    def test_a_secret_that_is_set_keeps_the_cohorts(self, native: Native) -> None:
        one = make(native, "one")
        deploy(native, (one, 100), cohorts=[{"name": "beta", "versions": [{"version": one, "percentage": 100}], "rules": []}])
        native.call("PUT", "/workers/hello/secrets/KEY", {"text": "x"})
        live = native.get("/workers/hello/deployments").json["items"][0]
        assert live["cohorts"][0]["versions"][0]["version"] == live["versions"][0]["version"] != one


class TestRetention:
    def versions(self, native: Native, count: int) -> list[str]:
        return [make(native, str(number)) for number in range(count)]

    def test_what_must_stay_stays(self, native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tenants.services.retention.DEPLOYMENTS_KEPT", 2)
        ids = self.versions(native, 7)
        native.call("PUT", f"/workers/hello/versions/{ids[0]}/pin", {"reason": "the good one"})
        native.call("PUT", "/workers/hello/aliases/demo", {"version": ids[1]})
        monkeypatch.setattr(referring, "_questions", {"a rollout": lambda _worker: [ids[2]]})
        worker = Worker.objects.get()
        why = selectors.versions_needed(tenant=native.tenant, worker=worker)
        assert [why.get(one) for one in ids] == ["pinned", "alias", "a rollout", None, None, "deployed lately", "live"]
        # No policy, nothing goes.
        assert services.versions_prune() == 0
        native.call("PATCH", "/workers/hello/settings", {"retention": {"keep": 1, "days": 1}})
        assert services.versions_prune() == 0
        soon = timezone.now() + timedelta(days=2)
        worker.refresh_from_db()
        assert services.versions_prune(now=soon) == 2
        assert services.versions_prune(now=soon) == 0
        assert sorted(Version.objects.values_list("number", flat=True)) == [1, 2, 3, 6, 7]
        event = AuditEvent.objects.get(action="versions_prune")
        assert event.data["versions"] == [4, 5]
        # The numbers go on, and old deployments say what is left of them.
        assert native.upload(source("x")).json["number"] == 8
        assert Deployment.objects.count() == 8

    def test_one_at_a_time(self, native: Native) -> None:
        one, two = make(native, "one", deploy=False), make(native, "two", deploy=False)
        assert native.call("DELETE", f"/workers/hello/versions/{two}").problem["why"] == "newest"
        make(native, "three")
        deploy(native, (two, 1), (Version.objects.get(number=3).pk.hex, 99))
        assert native.call("DELETE", f"/workers/hello/versions/{two}").problem["code"] == "version_in_use"
        assert native.call("DELETE", f"/workers/hello/versions/{one}").status == 204
        assert native.call("DELETE", f"/workers/hello/versions/{one}").problem["code"] == "version_not_found"
        assert deploy(native, (one, 100)).problem["code"] == "version_not_found"

    def test_pins(self, native: Native) -> None:
        one = make(native, "one")
        pinned = native.call("PUT", f"/workers/hello/versions/{one}/pin", {"reason": "good"}).json
        assert (pinned["version"], pinned["reason"]) == (one, "good")
        assert native.call("PUT", f"/workers/hello/versions/{one}/pin", {"reason": "better"}).json["reason"] == "better"
        assert native.call("DELETE", f"/workers/hello/versions/{one}/pin").status == 204
        assert native.call("DELETE", f"/workers/hello/versions/{one}/pin").status == 204


class TestAliases:
    def test_a_name_for_a_preview(self, native: Native) -> None:
        one, two = make(native, "one"), make(native, "two")
        assert selectors.preview_lookup("demo-hello.acme.localhost") is None
        native.call("PATCH", "/workers/hello/settings", {"previews_enabled": True})
        assert native.call("PUT", "/workers/hello/aliases/demo", {"version": one}).json["number"] == 1
        found = selectors.preview_lookup("demo-hello.acme.localhost")
        assert found is not None
        assert [version.id for version in found.versions] == [one]
        native.call("PUT", "/workers/hello/aliases/demo", {"version": two})
        moved = selectors.preview_lookup("demo-hello.acme.localhost")
        assert moved is not None
        assert moved.versions[0].id == two
        assert [(alias["name"], alias["version"]) for alias in native.get("/workers/hello/aliases").json["items"]] == [("demo", two)]
        for host in (
            "demo-hello.globex.localhost",
            "demo-other.acme.localhost",
            "emo-hello.acme.localhost",
            "demo-hello.example.com",
            "-.acme.localhost",
        ):
            assert selectors.preview_lookup(host) is None
        assert native.call("DELETE", "/workers/hello/aliases/demo").status == 204
        assert native.call("DELETE", "/workers/hello/aliases/demo").problem["code"] == "alias_not_found"

    @pytest.mark.parametrize("name", ["A", "1a", "a-", "x" * 41, "deadbeef", "a_b"])
    def test_names_that_are_none(self, native: Native, name: str) -> None:
        one = make(native, "one")
        assert native.call("PUT", f"/workers/hello/aliases/{name}", {"version": one}).problem["field"] == "alias"

    def test_wranglers_annotation(self, native: Native, tenant: Any) -> None:
        from tests.conftest import script

        for alias in ("staging", "Not One"):
            services.version_upload(
                tenant=tenant,
                worker_name="hello",
                upload=script(source("x"), annotations={"workers/alias": alias}),
                actor=ACTOR,
                source="t",
                deploy=True,
            )
        worker = Worker.objects.get()
        assert [(alias.name, alias.version.number) for alias in selectors.alias_list(tenant=tenant, worker=worker)] == [("staging", 1)]
