"""Secrets: written, listed by name, never read."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tenants.models import Version
from tests.cfapi.conftest import Api

PATH = "/workers/scripts/hello/secrets"
TEXT = "s3cret-do-not-show"


@pytest.fixture(autouse=True)
def worker(api: Api) -> None:
    api.deploy(bindings=[{"type": "plain_text", "name": "PLAIN", "text": "1"}])


def test_put_list_get_delete(api: Api) -> None:
    assert api.put(PATH, {"name": "TOKEN", "text": TEXT, "type": "secret_text"}).result == {"name": "TOKEN", "type": "secret_text"}
    assert api.get(PATH).result == [{"name": "TOKEN", "type": "secret_text"}]
    assert api.get(f"{PATH}/TOKEN").result == {"name": "TOKEN", "type": "secret_text"}
    assert api.delete(f"{PATH}/TOKEN?url_encoded=true").result is None
    assert api.get(PATH).result == []
    assert api.get(PATH + "?page=2").result == []


def test_each_change_is_a_version_in_service(api: Api) -> None:
    api.put(PATH, {"name": "TOKEN", "text": TEXT, "type": "secret_text"})
    newest = api.get("/workers/scripts/hello/versions").result["items"][0]["id"]
    assert Version.objects.count() == 2
    assert api.get("/workers/scripts/hello/deployments").result["deployments"][0]["versions"][0]["version_id"] == newest


def test_bulk(api: Api) -> None:
    api.put(PATH, {"name": "OLD", "text": TEXT})
    secrets = {
        "OLD": None,
        "B1": {"name": "B1", "text": "x", "type": "secret_text"},
        "B2": {"name": "B2", "text": "y", "type": "secret_text"},
    }
    reply = api.patch(f"{PATH}-bulk", {"secrets": secrets}, kind="application/merge-patch+json")
    assert reply.result == [{"name": "B1", "type": "secret_text"}, {"name": "B2", "type": "secret_text"}]
    assert Version.objects.count() == 3


def test_survive_uploads_unless_they_say_what_to_keep(api: Api) -> None:
    api.put(PATH, {"name": "TOKEN", "text": TEXT})
    api.deploy(keep_bindings=["secret_text", "secret_key"])
    assert [secret["name"] for secret in api.get(PATH).result] == ["TOKEN"]
    api.deploy()
    assert [secret["name"] for secret in api.get(PATH).result] == ["TOKEN"]
    api.deploy(keep_bindings=[])
    assert api.get(PATH).result == []


def test_no_reply_row_or_log_line_shows_a_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.put(PATH, {"name": "TOKEN", "text": TEXT})
    for path in ("", "/settings", "/secrets", "/secrets/TOKEN", "/versions", "/deployments", "/content/v2", "/script-settings"):
        assert TEXT.encode() not in api.get(f"/workers/scripts/hello{path}").content
    assert TEXT not in str([(version.bindings, version.message) for version in Version.objects.all()])
    assert TEXT not in caplog.text


def test_a_version_that_nobody_deployed_is_not_brought_into_service(api: Api) -> None:
    api.add_version()
    reply = api.put(PATH, {"name": "TOKEN", "text": TEXT})
    assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (409, 10215, "latest_not_deployed")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"text": "x"}, "body_invalid"),
        ({"name": "A"}, "body_invalid"),
        ({"name": "A", "text": 1}, "body_invalid"),
        ({"name": "A", "text": "x", "type": "secret_key"}, "binding_unsupported"),
        ({"name": "1 A", "text": "x"}, "bundle_invalid"),
        ({"name": "PLAIN", "text": "x"}, "name_taken"),
        ([], "body_invalid"),
    ],
)
def test_bad_ones(api: Api, value: Any, code: str) -> None:
    reply = api.put(PATH, value)
    assert (reply.status // 100, reply.error["detail"]["code"]) == (4, code)
    assert Version.objects.count() == 1


@pytest.mark.parametrize("value", [{}, {"secrets": []}, {"secrets": {"A": 1}}, {"secrets": {"A": {"text": 1}}}, {"secrets": {}}])
def test_bad_bulks(api: Api, value: Any) -> None:
    assert api.patch(f"{PATH}-bulk", value).status == 400
    assert Version.objects.count() == 1


def test_what_is_not_there(api: Api) -> None:
    assert (api.get(f"{PATH}/GONE").status, api.get(f"{PATH}/GONE").error["code"]) == (404, 10056)
    assert (api.delete(f"{PATH}/GONE").status, api.delete(f"{PATH}/GONE").error["code"]) == (404, 10056)
    for reply in (
        api.get("/workers/scripts/gone/secrets"),
        api.put("/workers/scripts/gone/secrets", {"name": "A", "text": "x"}),
        api.patch("/workers/scripts/gone/secrets-bulk", {"secrets": {"A": {"text": "x"}}}),
    ):
        assert (reply.status, reply.error["code"]) == (404, 10007)
