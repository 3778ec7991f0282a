"""Workers as scripts: what an upload makes, what a refused one leaves, and the way back."""

from __future__ import annotations

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cfapi.multipart import PartLimits, read_parts
from tenants.models import Deployment, Version, Worker
from tests.cfapi.conftest import Api
from tests.cfapi.forms import HELLO, Field, body, content_type, metadata, module

SCRIPT = "/workers/scripts/hello"


class TestUpload:
    def test_the_first_one_makes_worker_version_and_deployment(self, api: Api) -> None:
        reply = api.deploy(tags=["a"])
        assert reply.status == 200
        version = Version.objects.get()
        assert reply.result["id"] == "hello"
        assert reply.result["deployment_id"] == version.pk.hex
        assert reply.result["handlers"] == ["fetch"]
        assert reply.result["startup_time_ms"] == version.startup_time_ms
        assert reply.result["tags"] == ["a"]
        assert reply.result["script"] == HELLO
        deployments = api.get(f"{SCRIPT}/deployments").result["deployments"]
        assert [entry["versions"] for entry in deployments] == [[{"version_id": str(version.pk), "percentage": 100}]]

    def test_the_source_can_be_left_out_of_the_reply(self, api: Api) -> None:
        data = body([metadata(), module()])
        assert "script" not in api.put(f"{SCRIPT}?excludeScript=true", data=data, kind=content_type()).result

    def test_source_maps_are_kept_and_given_back(self, api: Api) -> None:
        api.put(SCRIPT, fields=[metadata(), module(), module("index.js.map", '{"version":3}', "application/source-map")])
        reply = api.get(f"{SCRIPT}/content/v2")
        parts = read_parts(io.BytesIO(reply.content), content_type=reply.headers["Content-Type"], content_length=None, limits=PartLimits())
        assert [(part.name, part.filename, part.content_type) for part in parts] == [
            ("index.js", "index.js", "application/javascript+module"),
            ("index.js.map", "index.js.map", "application/source-map"),
        ]
        assert parts[0].content.decode() == HELLO
        assert reply.headers["cf-entrypoint"] == "index.js"

    def test_content_of_an_older_version(self, api: Api) -> None:
        first = api.deploy(source="export default { fetch() { return new Response('1') } }").result["deployment_id"]
        api.deploy(source="export default { fetch() { return new Response('2') } }")
        assert b"'2'" in api.get(f"{SCRIPT}/content/v2").content
        assert b"'1'" in api.get(f"{SCRIPT}/content/v2?version={first}").content
        assert b"'2'" in api.get(SCRIPT).content

    def test_what_has_no_effect_is_said(self, api: Api) -> None:
        assert "from_the_future" in api.deploy(from_the_future=True).envelope["messages"][0]["message"]

    def test_flagship_is_a_binding_to_an_environment_of_flags(self, api: Api) -> None:
        flags = {"type": "flagship", "name": "FLAGS", "app_id": "staging"}
        assert api.deploy(bindings=[flags]).status == 200
        assert api.get(f"{SCRIPT}/settings").result["bindings"] == [flags]
        assert api.deploy(bindings=[{**flags, "app_id": "No such name"}]).status == 400

    def test_inheriting(self, api: Api) -> None:
        api.deploy(bindings=[{"type": "plain_text", "name": "A", "text": "1"}, {"type": "secret_text", "name": "S", "text": "s"}])
        inherit = [{"type": "inherit", "name": "A"}, {"type": "inherit", "name": "GONE"}]
        strict = api.put(f"{SCRIPT}?bindings_inherit=strict", fields=[metadata(bindings=inherit), module()])
        assert (strict.status, strict.error["code"], strict.error["detail"]["code"]) == (400, 10057, "inherit_unresolved")
        assert strict.error["detail"]["binding"] == "GONE"
        loose = api.deploy(bindings=inherit, keep_bindings=["secret_text"])
        assert "GONE" in loose.envelope["messages"][0]["message"]
        assert api.get(f"{SCRIPT}/settings").result["bindings"] == [
            {"type": "plain_text", "name": "A", "text": "1"},
            {"type": "secret_text", "name": "S"},
        ]

    def test_lists_cost_the_same_however_long_they_are(self, api: Api) -> None:
        api.deploy(name="one")
        costs = []
        for name in ("two", "three"):
            with CaptureQueriesContext(connection) as queries:
                assert api.get("/workers/scripts").status == 200
            costs.append(len(queries))
            api.deploy(name=name)
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get("/workers/scripts").result) == 3
        assert len({*costs, len(queries)}) == 1, (costs, len(queries))

    def test_the_author_is_an_address_or_nobody(self, api: Api) -> None:
        api.deploy()
        (version,) = api.get(f"{SCRIPT}/versions").result["items"]
        assert version["metadata"]["author_email"] == ""

    def test_lists_have_pages(self, api: Api) -> None:
        for name in ("a", "b", "c"):
            api.deploy(name)
        reply = api.get("/workers/scripts?page=2&per_page=2")
        assert [script["id"] for script in reply.result] == ["c"]
        assert reply.envelope["result_info"] == {"page": 2, "per_page": 2, "count": 1, "total_count": 3, "total_pages": 2}
        assert api.get("/workers/scripts?page=3&per_page=2").result == []
        assert [worker["name"] for worker in api.get("/workers/workers").result] == ["a", "b", "c"]

    @pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=1001", "per_page=-1", "page=99999999999999999999", "page=%C2%B2"])
    def test_bad_pages_are_named(self, api: Api, query: str) -> None:
        reply = api.get(f"/workers/scripts?{query}")
        assert (reply.status, reply.error["detail"]["field"]) == (400, query.partition("=")[0])


class TestRefusedUpload:
    """Each kind of bad upload: status, number, stable code, and nothing left behind."""

    @pytest.mark.parametrize(
        ("fields", "status", "number", "code"),
        [
            ([module()], 400, 10026, "metadata_missing"),
            ([Field("metadata", "{"), module()], 400, 10026, "metadata_invalid"),
            ([Field("metadata", "{}"), module()], 400, 10026, "metadata_invalid"),
            ([metadata()], 400, 10021, "bundle_invalid"),
            ([metadata(main_module="other.js"), module()], 400, 10021, "bundle_invalid"),
            ([metadata(), module(), module()], 400, 10021, "module_duplicate"),
            ([metadata(), module("../x"), module()], 400, 10021, "module_name_invalid"),
            ([metadata(), module(), module("x.cjs", "", "application/javascript")], 400, 10021, "commonjs_unsupported"),
            ([metadata(), module(), module("x.py", "", "text/x-python")], 400, 10021, "python_unsupported"),
            ([metadata(), module(), module("x", "", "a/b")], 400, 10021, "module_type_unknown"),
            ([metadata(bindings=[{"type": "r2_bucket", "name": "R2"}]), module()], 400, 10021, "binding_unsupported"),
            ([metadata(bindings=[{"type": "plain_text", "name": "A"}]), module()], 400, 10021, "binding_invalid"),
            ([metadata(bindings=[{"type": "plain_text", "text": "A"}]), module()], 400, 10021, "binding_invalid"),
            ([metadata(bindings=[{"type": "service", "name": "S", "service": "gone"}]), module()], 400, 10143, "binding_target_missing"),
            ([metadata(migrations={"new_classes": ["A"]}), module()], 400, 10021, "feature_unsupported"),
            ([metadata(compatibility_date="yesterday"), module()], 400, 10021, "bundle_invalid"),
            ([metadata(limits={"cpu_ms": -1}), module()], 400, 10021, "bundle_invalid"),
            ([metadata(tags=["x"] * 1000), module()], 400, 98400, "setting_invalid"),
        ],
    )  # fmt: skip
    def test_by_name_and_without_trace(self, api: Api, fields: list[Field], status: int, number: int, code: str) -> None:
        reply = api.put(SCRIPT, fields=fields)
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (status, number, code)
        assert code in reply.error["message"]
        assert reply.error["detail"]["fault"] == "tenant"
        assert "field" in reply.error["detail"]
        assert reply.error["source"]["pointer"].startswith("/")
        assert not Worker.objects.exists()
        assert not Version.objects.exists()

    def test_an_unsupported_binding_is_named(self, api: Api) -> None:
        detail = api.deploy(bindings=[{"type": "r2_bucket", "name": "BUCKET", "bucket_name": "b"}]).error["detail"]
        assert detail["binding"] == "BUCKET"
        assert "r2_bucket" in api.deploy(bindings=[{"type": "r2_bucket", "name": "BUCKET"}]).error["message"]

    def test_the_service_worker_format(self, api: Api) -> None:
        script = module("index.js", "addEventListener('fetch', () => {})", "application/javascript")
        reply = api.put(SCRIPT, fields=[Field("metadata", '{"body_part": "index.js"}'), script])
        assert (reply.status, reply.error["detail"]["code"]) == (400, "service_worker_unsupported")
        raw = api.put(SCRIPT, data=b"addEventListener('fetch', () => {})", kind="application/javascript")
        assert (raw.status, raw.error["detail"]["code"]) == (400, "service_worker_unsupported")

    def test_a_truncated_body(self, api: Api) -> None:
        data = body([metadata(), module()])
        reply = api.put(SCRIPT, data=data[: len(data) // 2], kind=content_type())
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (400, 10026, "upload_truncated")

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [("application/json", 415, "upload_type_invalid"), ("multipart/form-data", 400, "upload_boundary_missing")],
    )
    def test_a_wrong_content_type(self, api: Api, kind: str, status: int, code: str) -> None:
        reply = api.put(SCRIPT, data=body([metadata(), module()]), kind=kind)
        assert (reply.status, reply.error["detail"]["code"]) == (status, code)

    def test_a_body_of_65_mib(self, api: Api) -> None:
        reply = api.put(SCRIPT, data=b"x" * (65 << 20), kind=content_type())
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (413, 10027, "upload_too_large")

    @pytest.mark.parametrize("name", ["UPPER", "a b", "-a", "a" * 64, "a.b", "é"])
    def test_a_bad_name(self, api: Api, name: str) -> None:
        reply = api.deploy(name)
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (400, 10016, "worker_name_invalid")

    def test_a_refused_second_upload_leaves_the_first_in_service(self, api: Api) -> None:
        api.deploy()
        live = Deployment.objects.get().pk
        assert api.deploy(source="export default {").status == 400
        assert Version.objects.count() == 1
        assert Deployment.objects.get().pk == live


class TestStartup:
    """What the sandbox finds when it starts the code once."""

    @pytest.mark.parametrize(
        ("source", "number", "code", "line"),
        [
            ("export default {\n  fetch( {", 10021, "script_syntax_error", 2),
            ("\n\nthrow new Error('no')", 10021, "script_top_level_threw", 3),
            ("import './gone.js'; export default {}", 10021, "module_not_found", None),
            ("export const nothing = 1", 10068, "script_no_handlers", None),
            ("for (;;) {}", 10021, "startup_cpu_exceeded", None),
        ],
    )
    def test_faults_are_placed(self, api: Api, source: str, number: int, code: str, line: int | None) -> None:
        reply = api.deploy(source=source)
        error = reply.error
        assert (reply.status, error["code"], error["detail"]["code"]) == (400, number, code), error
        if line is not None:
            assert (error["detail"]["file"], error["detail"]["line"]) == ("index.js", line)
            assert isinstance(error["detail"]["column"], int)
            assert f"index.js:{line}" in error["message"]
        assert not Worker.objects.exists()

    def test_wrangler_is_not_made_to_run_an_endless_start_up_itself(self, api: Api) -> None:
        assert "startup" not in api.deploy(source="for (;;) {}").error["message"].lower()


class TestDelete:
    @pytest.mark.parametrize("path", ["/workers/scripts/hello?force=true", "/workers/services/hello?force=false"])
    def test_takes_everything(self, api: Api, path: str) -> None:
        api.deploy()
        reply = api.delete(path)
        assert (reply.status, reply.result) == (200, None)
        assert not Worker.objects.exists()
        assert not Version.objects.exists()

    def test_of_nothing(self, api: Api) -> None:
        assert (api.delete(SCRIPT).status, api.delete(SCRIPT).error["code"]) == (404, 10007)
        assert api.delete("/workers/services/hello").error["code"] == 10090
