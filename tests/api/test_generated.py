"""Every operation of the OpenAPI document, called with what its schema allows and with what it forbids: never a 5xx, and whatever is refused is
a problem with a code.

Deterministic: the examples are the same at every run, and nothing is remembered between runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis.generation.modes import GenerationMode

from tenants import services
from tenants.actor import Actor
from tests.api.conftest import PREFIX, Native, Reply

EXAMPLES = 5
WRITING = ("post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    call_command("spectacular", format="openapi-json", file=str(path))
    return json.loads(path.read_text())


@pytest.fixture
def generous(settings: Any) -> None:
    settings.HOSTEL = replace(django_settings.HOSTEL, api_calls_per_minute=1_000_000)


class Caller:
    """Calls anything with the token that fits the address; what comes back is judged."""

    def __init__(self, native: Native) -> None:
        self.client = Client(raise_request_exception=False, headers={"host": "localhost"})
        self.secret = native.secret
        _, self.operator = services.token_create(tenant=None, name="ops", scopes=["operator"], actor=Actor.system())
        self.calls = 0

    def call(self, method: str, target: str, body: bytes, kind: str, **headers: str) -> int:
        secret = self.operator if target.startswith(f"{PREFIX}/admin") else self.secret
        response = self.client.generic(method, target, body, content_type=kind, headers={"Authorization": f"Bearer {secret}", **headers})
        self.calls += 1
        told = f"{method} {target} {kind} {body[:300]!r} -> {response.status_code}"
        assert response.status_code < 500, told
        if response.status_code >= 400:
            assert not response.streaming, told
            problem = Reply(response.status_code, response.headers, response.content).problem
            assert problem["fault"] != "platform", told
        response.close()
        return response.status_code


@pytest.fixture
def caller(native: Native, generous: None, runs_here: None) -> Caller:
    assert native.upload().status == 201
    return Caller(native)


def operations(document: Any) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method in methods:
            yield path, method


def known(native: Native, path: str) -> dict[str, str]:
    """Ids that exist, for the parameters of a path."""
    version = native.get("/workers/hello/versions").json["items"][0]["id"] if "{version}" in path else ""
    deployment = native.get("/workers/hello/deployments").json["items"][0]["id"] if "{deployment}" in path else ""
    there = {"worker": "hello", "version": version, "deployment": deployment}
    return {name: value for name, value in there.items() if f"{{{name}}}" in path}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_operation_fails_whatever_it_is_sent(caller: Caller, native: Native, document: Any, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for path, method in operations(document):
        if (method, path) == ("delete", f"{PREFIX}/workers/{{worker}}"):
            # Everything after it would find nothing; deleting has tests of its own.
            continue
        fixed = known(native, path) if mode is GenerationMode.POSITIVE else {}
        options: dict[str, Any] = {"path_parameters": fixed} if fixed else {}

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode, **options))
        def check(case: schemathesis.Case) -> None:
            try:
                prepared = requests.Request(**_request(case)).prepare()
            except (UnicodeError, ValueError):
                # No HTTP client can send that.
                assume(False)
            parts = urlsplit(prepared.url)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
            caller.call(prepared.method, target, body, prepared.headers.get("Content-Type", "application/json"))

        check()
    assert caller.calls > 2 * len(document["paths"])


def _request(case: schemathesis.Case) -> dict[str, Any]:
    kwargs = case.as_transport_kwargs(base_url="http://localhost")
    return {name: kwargs.get(name) for name in ("method", "url", "headers", "params", "data", "json", "files", "cookies")}


BODIES = {
    "ten megabytes": b'{"name": "' + b"x" * 10_000_000 + b'"}',
    "ten megabytes of keys": b"{" + b",".join(b'"k%d":1' % number for number in range(600_000)) + b"}",
    "deeply nested": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "NUL": b'{"name": "a\\u0000b", "message": "\\u0000", "title": "\\u0000", "email": "a\\u0000@example.com"}',
    "raw NUL": b'{"name": "a\x00b"}',
    "a lone surrogate": b'{"name": "\\ud800", "message": "\\udfff", "email": "\\ud800@example.com"}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "a huge integer": b'{"name": 1' + b"0" * 5_000 + b', "percentage": 1' + b"0" * 400 + b"}",
    "a huge float": b'{"name": 1e999, "limits": {"cpu_ms": 1e999}, "percentage": -1e999}',
    "not a number": b'{"name": NaN, "limits": {"cpu_ms": Infinity}}',
    "numbers beyond 64 bits": b'{"limits": {"cpu_ms": 99999999999999999999999}, "expected_revision": 99999999999999999999}',
    "an array": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "a number": b"1",
    "nothing": b"",
    "cut off": b'{"name": "x',
    "two documents": b"{}{}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "the same key twice": b'{"name": "x", "name": "y"}',
    "an unknown field": b'{"surprise": 1}',
    "null everywhere": b'{"name": null, "scopes": null, "versions": null, "modules": null, "limits": null, "email": null, "role": null}',
    "wrong types": b'{"name": {}, "scopes": "x", "versions": {"a": 1}, "modules": [[]], "limits": [], "email": 1, "role": []}',
}
KINDS = (
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "application/json; charset=utf-16",
    "x",
    "/",
    "",
)


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused_everywhere(caller: Caller, document: Any, name: str) -> None:
    for path, method in operations(document):
        if method in WRITING and document["paths"][path][method].get("requestBody"):
            status = caller.call(method.upper(), _filled(path), BODIES[name], "application/json")
            assert status >= 400 or name in ("nothing", "the same key twice", "a byte order mark", "NUL"), (method, path, status)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_another_kind_is_refused_everywhere(caller: Caller, document: Any, kind: str) -> None:
    for path, method in operations(document):
        if method in WRITING and document["paths"][path][method].get("requestBody"):
            caller.call(method.upper(), _filled(path), b"\x00\xff nothing of it", kind)


NAMES = (
    "a%2Fb",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%ed%a0%80",
    "a%0d%0ab",
    "%F0%9F%92%A9",
    "x" * 300,
    "x" * 5_000,
    "'",
    '"',
    "%25s",
    "a%20b",
    "HELLO",
    "h%D0%B5llo",
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20])
def test_a_name_that_nothing_can_have_is_not_found_everywhere(caller: Caller, document: Any, name: str) -> None:
    for path, method in operations(document):
        if "{" in path:
            target = path
            for parameter in ("worker", "version", "deployment", "token_id", "member_id", "invitation_id", "request_id"):
                target = target.replace(f"{{{parameter}}}", name)
            target = target.replace("{", "").replace("}", "")
            body = b'{"main_module": "w.js", "modules": [{"name": "w.js", "content": ""}]}' if target.endswith("/versions") else b"{}"
            assert caller.call(method.upper(), target, body, "application/json") >= 400, (method, target)


QUERIES = (
    *("page=0", "page=-1", "page=x", "page=99999999999999999999", "page=1&page=2", "per_page=0", "per_page=1000000", "per_page=٣"),
    *("limit=-1", "limit=x", "limit=99999999999999999999999", "limit=1e9", "cursor=x", "cursor=%00", "cursor=" + "9" * 100, "cursor=%ff"),
    *("from=x", "from=-1", "from=99999999999999999999", "to=2026-13-45", "since=%00", "until=0000-00-00T00:00:00Z", "step=0", "step=x"),
    *(
        "deploy=maybe",
        "format=nonsense",
        "q=" + "x" * 10_000,
        "%00=%00",
        "&&&===",
        "worker=%00",
        "worker=../x",
        "level=loud",
        "outcome=%ff",
    ),
)


def test_bad_queries_are_refused_or_ignored_everywhere(caller: Caller, document: Any) -> None:
    for path, method in operations(document):
        if method == "get":
            for query in QUERIES:
                caller.call("GET", f"{_filled(path)}?{query}", b"", "application/json")


def _filled(path: str) -> str:
    """The path with a worker that is there and ids that are not."""
    filled = path.replace("{worker}", "hello")
    while "{" in filled:
        filled = filled.replace(filled[filled.index("{") : filled.index("}") + 1], "6f9619ff-8b86-4011-b42d-00cf4fc964ff")
    return filled
