"""Secrets over the native API: set, named, dated, never shown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from telemetry.models import MINUTE, Rollup
from tenants.models import Version, Worker
from tests.api.conftest import Native

ECHO = "export default { fetch(request, env) { return new Response(env.KEY) } }"


def test_a_secret_is_set_dated_and_removed(native: Native) -> None:
    native.upload(ECHO)
    first = native.call("PUT", "/workers/hello/secrets/KEY", {"text": "s3cret-1"}).json
    assert (first["number"], first["deployment"] is not None) == (2, True)
    other = native.call("PUT", "/workers/hello/secrets/OTHER", {"text": ""}).json
    [key, second] = native.get("/workers/hello/secrets").json
    assert (key["name"], key["type"], key["since_version"], key["last_used"]) == ("KEY", "secret_text", 2, None)
    assert (second["name"], second["since_version"]) == ("OTHER", other["number"])
    # A new value is a new date; a version that only takes it over is none.
    native.call("PUT", "/workers/hello/secrets/KEY", {"text": "s3cret-2"})
    native.upload(ECHO.replace("KEY", "OTHER"), keep_bindings=["secret_text"])
    [key, second] = native.get("/workers/hello/secrets").json
    assert (key["since_version"], second["since_version"]) == (4, 3)
    assert native.call("DELETE", "/workers/hello/secrets/KEY").status == 200
    assert [row["name"] for row in native.get("/workers/hello/secrets").json] == ["OTHER"]
    assert native.call("DELETE", "/workers/hello/secrets/KEY").problem["code"] == "secret_not_found"
    for path in ("/workers/hello/secrets", "/workers/hello/versions", "/audit"):
        assert b"s3cret" not in native.get(path).content


def test_its_last_use_is_the_last_request_to_a_version_that_has_it(native: Native) -> None:
    native.upload(ECHO, bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
    native.upload(ECHO + " ", keep_bindings=["secret_text"])
    older, newer = Version.objects.order_by("number")
    worker, now = Worker.objects.get(), int(time.time() // 60 * 60)
    for version, at in ((older, now), (newer, now - 3_600)):
        Rollup.objects.create(tenant=native.tenant, worker_id=worker.pk, version=str(version.pk), step=MINUTE, at=at)
    [key] = native.get("/workers/hello/secrets").json
    from datetime import datetime

    assert datetime.fromisoformat(key["last_used"]).timestamp() == now
    # A new value was never used.
    native.call("PUT", "/workers/hello/secrets/KEY", {"text": "another"})
    assert native.get("/workers/hello/secrets").json[0]["last_used"] is None


@pytest.mark.parametrize("value", [{}, {"text": None}, {"text": ["x"]}, {"text": "x", "name": "y"}])
def test_bad_bodies(native: Native, value: Any) -> None:
    native.upload(ECHO)
    assert native.call("PUT", "/workers/hello/secrets/KEY", value).status == 400


@pytest.mark.parametrize("name", ["x" * 2_000, "%00", "%ED%A0%80", "a%20b"])
def test_odd_names_are_an_answer(native: Native, name: str) -> None:
    native.upload(ECHO)
    assert native.call("PUT", f"/workers/hello/secrets/{name}", {"text": "x"}).status in {200, 400, 404}


def test_operators_see_and_start_the_replacement_of_the_master_key(operator: Native, native: Native, settings: Any) -> None:
    from tenants.keys import KeyRing

    old = "a key for tests only and of no use elsewhere"
    settings.HOSTEL_KEYS = KeyRing(["a new master key " * 3, old])
    before = operator.get("/admin/keys").json
    assert before["sealed"] == {before["earlier"][0]: 1}
    # Jobs run where they are asked for here.
    assert operator.post("/admin/keys/rotate").status == 202
    after = operator.get("/admin/keys").json
    assert (after["sealed"], after["removable"]) == ({after["current"]: 1}, after["earlier"])
    assert native.get("/admin/keys").problem["code"] == "token_scope_missing"
