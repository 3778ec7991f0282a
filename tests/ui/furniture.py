"""What pages are looked at with: a worker with two versions, failures and traffic, and one of everything a tenant can have.

Made through the APIs and the gateway of the running Hostel, as anybody would.
"""

from __future__ import annotations

import json
from typing import Any

from tests.ops.hostel import Hostel, form, wait_until

ONE = 'export default { fetch() { return new Response("one"); } };\n'
TWO = """// Fails for /fail.
export default {
  fetch(request) {
    if (new URL(request.url).pathname === "/fail") throw new TypeError("There is no cart: \u05e9\u05dc\u05d5\u05dd <b>");
    return new Response("two");
  },
};
"""
# Every character that a name may have, and as long as it may be.
LONG = "a_b-0123456789_abcdefghijklmnopqrstuvwxyz-_abcdefghijklmnopqrs_"
HEBREW = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"


def native(hostel: Hostel, method: str, path: str, body: Any = None) -> Any:
    """One call of the native API as the demo's token; its JSON."""
    data = json.dumps(body).encode() if body is not None else None
    answer = hostel.call(
        "localhost", f"/api/v1{path}", method, data, Authorization=f"Bearer {hostel.demo['api_token']}", Content_Type="application/json"
    )
    assert answer.status < 300, (path, answer.text)
    return answer.json if answer.body else None


def upload(hostel: Hostel, name: str, source: str, bindings: Any = ()) -> None:
    body, kind = form({"main_module": "worker.js", "compatibility_date": "2026-01-01", "bindings": list(bindings)}, {"worker.js": source})
    answer = hostel.api("PUT", f"/workers/scripts/{name}", body, Content_Type=kind)
    assert answer.status == 200, answer.text


def furnish(hostel: Hostel) -> None:
    upload(hostel, "shop", ONE, [{"type": "plain_text", "name": "GREETING", "text": HEBREW}])
    upload(
        hostel,
        "shop",
        TWO,
        [{"type": "plain_text", "name": "GREETING", "text": "Hello"}, {"type": "secret_text", "name": "API_KEY", "text": "never shown"}],
    )
    upload(hostel, LONG, ONE)
    for number in range(30):
        hostel.worker("shop", "/fail" if number % 10 == 0 else "/")
    native(hostel, "POST", "/webhooks", {"url": "https://hooks.example.com/hostel", "events": ["deployment.*"], "description": HEBREW})
    hook = native(hostel, "GET", "/webhooks")["items"][0]["id"]
    native(hostel, "POST", f"/webhooks/{hook}/ping")
    account = hostel.demo["account_id"]
    hostel.call(
        "localhost",
        f"/client/v4/accounts/{account}/workers/scripts/shop/domains/records",
        "PUT",
        json.dumps({"origins": [{"hostname": "shop.example.com"}]}).encode(),
        Authorization=f"Bearer {hostel.demo['api_token']}",
        Content_Type="application/json",
    )
    wait_until(lambda: native(hostel, "GET", "/workers/shop/metrics")["totals"]["invocations"] >= 30, 60)
