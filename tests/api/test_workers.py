"""Workers, versions and deployments through the native API."""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

import pytest

from tenants.models import Deployment, Version, Worker
from tests.api.conftest import HELLO, Native
from tests.cfapi.forms import body, content_type, metadata, module

FIELDS: dict[str, Any] = {"main_module": "worker.js", "modules": [{"name": "worker.js", "content": HELLO}]}


class TestVersions:
    def test_the_first_one_makes_the_worker(self, native: Native) -> None:
        reply = native.upload(message="first", tag="v1", bindings=[{"type": "secret_text", "name": "S", "text": "do-not-show"}])
        assert reply.status == 201
        made = reply.json
        assert (made["worker"], made["number"], made["message"], made["tag"]) == ("hello", 1, "first", "v1")
        assert made["handlers"] == ["fetch"]
        assert made["bindings"] == [{"type": "secret_text", "name": "S"}]
        assert made["modules"][0]["type"] == "js"
        assert b"do-not-show" not in reply.content
        worker = native.get("/workers/hello").json
        assert worker["url"].startswith("http://hello.acme.localhost")
        assert worker["live"]["id"] == made["deployment"]
        assert worker["live"]["versions"] == [{"version": made["id"], "percentage": 100.0}]
        assert native.get(f"/workers/hello/versions/{made['id']}").json == {
            key: value for key, value in made.items() if key not in {"worker", "deployment"}
        }

    def test_nothing_is_deployed_unasked(self, native: Native) -> None:
        assert native.upload(deploy=False).json["deployment"] is None
        assert native.get("/workers/hello").json["live"] is None

    def test_modules_of_every_kind(self, native: Native) -> None:
        modules = [
            *FIELDS["modules"],
            {"name": "t.txt", "type": "text", "content": " text \n"},
            {"name": "d.bin", "type": "data", "content_base64": base64.b64encode(b"\x00\xff").decode()},
            {"name": "j.json", "type": "json", "content": "[1]"},
            {"name": "w.wasm", "type": "wasm", "content_base64": "AGFzbQEAAAA="},
            {"name": "worker.js.map", "type": "source_map", "content": "{}"},
        ]
        made = native.upload(modules=modules).json
        assert [(item["name"], item["type"], item["size"]) for item in made["modules"]] == [
            ("worker.js", "js", len(HELLO)),
            ("t.txt", "text", 7),
            ("d.bin", "data", 2),
            ("j.json", "json", 3),
            ("w.wasm", "wasm", 8),
            ("worker.js.map", "source_map", 2),
        ]

    def test_as_multipart(self, native: Native) -> None:
        data = body([metadata(tags=["a"]), module()])
        reply = native.post("/workers/hello/versions?deploy=true", data=data, kind=content_type())
        assert (reply.status, reply.json["main_module"]) == (201, "index.js")
        assert native.get("/workers/hello/settings").json["tags"] == ["a"]

    def test_lists_have_pages(self, native: Native) -> None:
        for _ in range(3):
            native.upload()
        page = native.get("/workers/hello/versions?page=2&per_page=2").json
        assert ([item["number"] for item in page["items"]], page["total"]) == ([1], 3)
        assert native.get("/workers/hello/versions?page=9").json["items"] == []
        assert native.get("/workers").json["total"] == 1
        assert native.get("/workers?page=0").problem["field"] == "page"

    @pytest.mark.parametrize(
        ("change", "status", "code", "field"),
        [
            ({"main_module": "gone.js"}, 400, "bundle_invalid", "main_module"),
            ({"main_module": None}, 400, "field_invalid", "main_module"),
            ({"modules": []}, 400, "field_invalid", "modules"),
            ({"modules": [{"name": "worker.js"}]}, 400, "field_invalid", "modules.0.content"),
            ({"modules": [{"name": "worker.js", "content": "", "content_base64": ""}]}, 400, "field_invalid", "modules.0.content"),
            ({"modules": [{"name": "worker.js", "content_base64": "*"}]}, 400, "body_invalid", "modules.0.content_base64"),
            ({"modules": [{"name": "worker.js", "type": "cjs", "content": ""}]}, 400, "field_invalid", "modules.0.type"),
            ({"modules": [{"name": "../x", "content": ""}]}, 400, "module_name_invalid", "modules.name"),
            ({"modules": FIELDS["modules"] * 2}, 400, "module_duplicate", "modules"),
            ({"bindings": [{"type": "r2_bucket", "name": "R2"}]}, 400, "binding_unsupported", "bindings.type"),
            ({"bindings": [{"type": "inherit", "name": "GONE"}]}, 400, "inherit_unresolved", "bindings.name"),
            ({"limits": {"cpu_ms": 0}}, 400, "field_invalid", "limits.cpu_ms"),
            ({"limits": {"cpus": 1}}, 400, "bundle_invalid", "limits.cpus"),
            ({"compatibility_date": "soon"}, 400, "bundle_invalid", "compatibility_date"),
            ({"typo": 1}, 400, "field_invalid", "typo"),
            ({"message": "x" * 1001}, 400, "field_invalid", "message"),
        ],
    )
    def test_bad_uploads_leave_no_trace(self, native: Native, change: dict[str, Any], status: int, code: str, field: str) -> None:
        reply = native.upload(**change)
        assert (reply.status, reply.problem["code"], reply.problem["field"]) == (status, code, field)
        assert not Worker.objects.exists()

    def test_faults_of_the_code_are_placed(self, native: Native) -> None:
        problem = native.upload("export default {\n  fetch( {").problem
        assert (problem["status"], problem["code"], problem["file"], problem["line"]) == (400, "script_syntax_error", "worker.js", 2)
        assert not Version.objects.exists()

    @pytest.mark.parametrize("query", ["deploy=yes", "deploy=1", "deploy="])
    def test_a_bad_flag(self, native: Native, query: str) -> None:
        assert native.post(f"/workers/hello/versions?{query}", FIELDS).problem["field"] == "deploy"

    @pytest.mark.parametrize(
        ("data", "kind", "status", "code"),
        [
            (b"", "application/json", 400, "body_invalid"),
            (b"[]", "application/json", 400, "body_invalid"),
            (b'{"a": 1', "application/json", 400, "body_invalid"),
            (b'{"a": "\\u0000"}', "application/json", 400, "body_invalid"),
            (b"a=1", "application/x-www-form-urlencoded", 415, "upload_type_invalid"),
            (b"--x", "multipart/form-data", 400, "upload_boundary_missing"),
            (body([module()]), content_type(), 400, "metadata_missing"),
        ],
    )
    def test_bad_bodies(self, native: Native, data: bytes, kind: str, status: int, code: str) -> None:
        reply = native.post("/workers/hello/versions", data=data, kind=kind)
        assert (reply.status, reply.problem["code"]) == (status, code)

    def test_all_faults_of_a_body_are_told(self, native: Native) -> None:
        problem = native.upload(main_module=1.5, modules=[{}], compatibility_flags="x").problem
        assert {fault["field"] for fault in problem["errors"]} == {"modules.0.name", "compatibility_flags"}


class TestDeployments:
    @pytest.fixture
    def two(self, native: Native) -> tuple[str, str]:
        return native.upload().json["id"], native.upload(deploy=False).json["id"]

    def test_a_split_and_the_way_back(self, native: Native, two: tuple[str, str]) -> None:
        shares = [{"version": two[1], "percentage": 12.5}, {"version": two[0], "percentage": 87.5}]
        made = native.post("/workers/hello/deployments", {"versions": shares, "message": "canary"})
        assert (made.status, made.json["versions"], made.json["message"]) == (201, shares, "canary")
        assert native.get(f"/workers/hello/deployments/{made.json['id']}").json == made.json
        back = native.post("/workers/hello/rollback", {"message": "oops"})
        assert (back.status, back.json["versions"]) == (201, [{"version": two[0], "percentage": 100.0}])
        forth = native.post("/workers/hello/rollback", {"deployment": made.json["id"]}).json
        assert (forth["versions"], forth["message"]) == (shares, f"Rollback to {made.json['id']}")
        listed = native.get("/workers/hello/deployments").json
        assert ([item["id"] for item in listed["items"]][:2], listed["total"]) == ([forth["id"], back.json["id"]], 4)

    def test_there_may_be_nothing_to_go_back_to(self, native: Native, two: tuple[str, str]) -> None:
        assert native.post("/workers/hello/rollback", {}).problem["code"] == "deployment_not_found"
        assert native.post("/workers/hello/rollback", {"deployment": str(uuid4())}).problem["code"] == "deployment_not_found"
        assert native.post("/workers/hello/rollback", {"deployment": "x"}).problem["code"] == "deployment_not_found"

    @pytest.mark.parametrize(
        ("shares", "code"),
        [
            ([], "field_invalid"),
            ([{"version": "FIRST", "percentage": 99}], "deployment_invalid"),
            ([{"version": "FIRST", "percentage": 101}], "field_invalid"),
            ([{"version": "FIRST", "percentage": 33.333}], "deployment_invalid"),
            ([{"version": "x", "percentage": 100}], "deployment_invalid"),
            ([{"version": str(uuid4()), "percentage": 100}], "version_not_found"),
            ([{"percentage": 100}], "field_invalid"),
        ],
    )
    def test_bad_ones_change_nothing(self, native: Native, two: tuple[str, str], shares: list[dict[str, Any]], code: str) -> None:
        sent = [{**share, **({"version": two[0]} if share.get("version") == "FIRST" else {})} for share in shares]
        assert native.post("/workers/hello/deployments", {"versions": sent}).problem["code"] == code
        assert Deployment.objects.count() == 1


class TestWorkers:
    def test_settings(self, native: Native) -> None:
        native.upload()
        changed = native.call("PATCH", "/workers/hello/settings", {"mode": "fresh", "limits": {"cpu_ms": 20}, "subdomain_enabled": False})
        assert (changed.status, changed.json["mode"], changed.json["limits"]) == (200, "fresh", {"cpu_ms": 20})
        assert native.get("/workers/hello/settings").json == changed.json
        assert native.get("/workers/hello").json["url"] is None

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"mode": "x"}, "mode"), ({"limits": {"cpu_ms": -1}}, "limits.cpu_ms"), ({"tags": "x"}, "tags"), ({"x": 1}, "x")],
    )
    def test_bad_settings(self, native: Native, change: dict[str, Any], field: str) -> None:
        native.upload()
        assert native.call("PATCH", "/workers/hello/settings", change).problem["field"] == field

    def test_limits_say_where_they_come_from(self, native: Native) -> None:
        native.upload(limits={"subrequests": 3})
        native.call("PATCH", "/workers/hello/settings", {"limits": {"cpu_ms": 20}})
        limits = {item["name"]: (item["value"], item["source"]) for item in native.get("/workers/hello/limits").json}
        assert limits["cpu_ms"] == (20, "worker")
        assert limits["subrequests"] == (3, "version")
        assert limits["memory_bytes"][1] == "platform"
        assert {item["name"]: item["source"] for item in native.get("/limits").json}["cpu_ms"] == "platform"

    def test_delete(self, native: Native) -> None:
        native.upload()
        assert native.call("DELETE", "/workers/hello").status == 204
        assert not Worker.objects.exists()
        assert native.call("DELETE", "/workers/hello").problem["code"] == "worker_not_found"

    @pytest.mark.parametrize(
        "path", ["", "/settings", "/limits", "/versions", f"/versions/{uuid4()}", "/deployments", f"/deployments/{uuid4()}"]
    )
    def test_one_that_is_not_there(self, native: Native, path: str) -> None:
        reply = native.get(f"/workers/gone{path}")
        assert (reply.status, reply.problem["code"]) == (404, "worker_not_found")

    def test_the_tenant(self, native: Native) -> None:
        found = native.get("/tenant").json
        assert (found["slug"], found["account_id"], found["suspended"]) == (native.tenant.slug, native.tenant.account_id, False)
