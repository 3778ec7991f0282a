"""Every refusal is a problem, and the description matches. (Who may do what: tests/access.)"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from api.problems import problem
from cfapi.errors import ModuleTypeUnknown
from tests.api.conftest import PREFIX, Native


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The OpenAPI document, as the command makes it: any warning fails."""
    path: Path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", file=str(path))
    return json.loads(path.read_text())


class TestDescription:
    def test_every_operation_is_described(self, document: Any) -> None:
        found = [operation for methods in document["paths"].values() for operation in methods.values()]
        assert len(found) > 15
        for operation in found:
            assert operation["description"]
            assert operation["security"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
        ids = [operation["operationId"] for operation in found]
        assert len(set(ids)) == len(ids)

    def test_it_is_served(self, client: Client, document: Any) -> None:
        served = client.get(f"{PREFIX}/openapi.json").json()
        assert served["paths"] == document["paths"]

    def test_the_page_asks_nobody_else(self, client: Client) -> None:
        page = client.get(f"{PREFIX}/docs")
        assert page.status_code == 200
        text = page.content.decode()
        assert "https://" not in text
        assert "<script>" not in text
        assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"].split("script-src")[-1].split("style-src")[0]
        for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
            assert f"/static/drf_spectacular_sidecar/swagger-ui-dist/{asset}" in text
            assert client.get(f"/static/drf_spectacular_sidecar/swagger-ui-dist/{asset}").status_code == 200

    def test_the_fields_it_promises_are_there(self, native: Native, document: Any) -> None:
        made = native.upload().json
        schemas = document["components"]["schemas"]
        for name, value in (
            ("Made", made),
            ("Worker", native.get("/workers/hello").json),
            ("WorkerSettings", native.get("/workers/hello/settings").json),
            ("Deployment", native.get(f"/workers/hello/deployments/{made['deployment']}").json),
            ("Tenant", native.get("/tenant").json),
            ("Limit", native.get("/limits").json[0]),
            ("Token", native.get("/tokens").json["items"][0]),
        ):
            assert set(value) == set(schemas[name]["properties"]), name


class TestProblems:
    @pytest.mark.parametrize("path", ["", "/", "/nothing", "/workers/a/b/c", "/workers/%0A/x/y", "/docs/x"])
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "FOO"])
    def test_an_unknown_address(self, native: Native, method: str, path: str) -> None:
        reply = native.call(method, path)
        assert (reply.status, reply.problem["code"]) == (404, "route_not_found" if path else "page_not_found")

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS", "TRACE"])
    def test_a_method_the_route_does_not_take(self, native: Native, method: str) -> None:
        reply = native.call(method, "/tenant")
        assert (reply.status, reply.problem["code"]) == (405, "method_not_allowed")
        assert reply.headers["Allow"].startswith("GET")

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense"])
    def test_whatever_a_client_would_like_it_gets_json(self, native: Native, accept: str) -> None:
        assert native.get("/tenant", Accept=accept).json["slug"] == native.tenant.slug

    @pytest.mark.parametrize(
        ("value", "code"), [("Basic eDp5", "credentials_missing"), ("Bearer x", "token_invalid"), ("Bearer", "credentials_missing")]
    )
    def test_bad_credentials(self, native: Native, value: str, code: str) -> None:
        reply = native.get("/tenant", Authorization=value)
        assert (reply.status, reply.problem["code"]) == (401, code)

    def test_what_nobody_foresaw_tells_nothing(self, native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_: Any) -> None:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr("tenants.selectors.worker_get", broken)
        reply = native.get("/workers/x")
        assert (reply.status, reply.problem["code"], reply.problem["fault"]) == (500, "internal_error", "platform")
        assert b"hunter2" not in reply.content

    def test_too_many_calls(self, native: Native, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.HOSTEL = replace(settings.HOSTEL, api_calls_per_minute=3)
        monkeypatch.setattr("api.auth.MINUTE", 3600)
        assert [native.get("/tenant").status for _ in range(5)] == [200, 200, 200, 429, 429]
        reply = native.get("/tenant")
        assert reply.problem["code"] == "throttled"
        assert 0 < int(reply.headers["Retry-After"]) <= 3600


def test_a_fact_does_not_take_the_place_of_the_problems_own(native: Native) -> None:
    modules = [{"name": "worker.js", "content": "export default {}"}, {"name": "x.wasm", "type": "wasm", "content": "x"}]
    binding = {"type": "secret_key", "name": "K"}
    refused = native.post("/workers/x/versions", {"main_module": "worker.js", "modules": modules[:1], "bindings": [binding]})
    assert refused.problem["type"] == f"urn:hostel:error:{refused.problem['code']}"
    assert problem(ModuleTypeUnknown(type="text/x"))["type"] == "urn:hostel:error:module_type_unknown"
