"""Webhooks over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import Webhook, WebhookDelivery
from tests.api.conftest import Native

URL = "https://hooks.example/x"


@pytest.fixture(autouse=True)
def unsent(settings: Any) -> None:
    """Nothing leaves this machine."""
    settings.HOSTEL_BACKGROUND = f"{__name__}.nobody"


def nobody(**_values: object) -> None:
    """Whoever would send."""


def make(native: Native, **values: Any) -> dict[str, Any]:
    reply = native.post("/webhooks", {"url": URL, "events": ["worker.*"], **values})
    assert reply.status == 201, reply.content
    return reply.json


def test_a_life(native: Native) -> None:
    made = make(native, description="ours")
    secret = made.pop("secret")
    where = f"/webhooks/{made['id']}"
    assert secret.startswith("whsec_")
    assert native.get(where).json == made
    assert native.get("/webhooks").json["items"] == [made]
    changed = native.call("PATCH", where, {"events": ["*"], "active": False}).json
    assert (changed["events"], changed["active"], changed["description"]) == (["*"], False, "ours")
    rotated = native.post(f"{where}/secret", {"keep_hours": 2}).json
    assert rotated["secret"] not in ("", secret)
    assert rotated["earlier_until"] is not None
    assert native.call("DELETE", where).status == 204
    assert native.get(where).problem["code"] == "webhook_not_found"
    actions = [event["action"] for event in native.get("/audit?action=webhook_*").json["items"]]
    assert actions == ["webhook_delete", "webhook_secret_rotate", "webhook_update", "webhook_create"]
    assert secret not in native.get("/audit").content.decode()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": "https://x.example/" + "x" * 2_000}, "url"),
        ({"events": []}, "events"),
        ({"events": ["Worker"]}, "events"),
        ({"description": "x" * 201}, "description"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_is_refused(native: Native, value: dict[str, Any], field: str) -> None:
    reply = native.post("/webhooks", {"url": URL, "events": ["*"], **value})
    assert (reply.status, reply.problem["field"].split(".")[0]) == (400, field)
    assert not Webhook.objects.exists()


def test_deliveries_are_seen_and_replayed(native: Native) -> None:
    where = f"/webhooks/{make(native)['id']}"
    pinged = native.post(f"{where}/ping")
    assert (pinged.status, pinged.json["event"], pinged.json["state"]) == (202, "webhook.ping", "pending")
    native.upload()
    native.call("DELETE", "/workers/hello")
    listed = native.get(f"{where}/deliveries").json
    assert [row["event"] for row in listed["items"]] == ["worker.deleted", "webhook.ping"]
    assert native.get(f"{where}/deliveries?state=failed").json["items"] == []
    assert native.get(f"{where}/deliveries?state=lost").problem["field"] == "state"
    one = f"{where}/deliveries/{pinged.json['id']}"
    WebhookDelivery.objects.update(state="failed")
    assert native.get(one).json["state"] == "failed"
    replayed = native.post(f"{one}/replay")
    assert (replayed.status, replayed.json["id"], replayed.json["state"]) == (202, pinged.json["id"], "pending")


def test_one_that_is_off_is_not_sent_to(native: Native) -> None:
    made = make(native, active=False)
    assert native.post(f"/webhooks/{made['id']}/ping").problem["code"] == "webhook_inactive"
