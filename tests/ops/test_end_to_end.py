"""The milestone, through the front door: upload, call, a second version, a split, a runaway. One real Hostel for all of it."""

from __future__ import annotations

import stat
import time
from collections import Counter

import pytest

from tests.ops.hostel import database, started

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="looks into /proc")

ONE = 'export default { fetch: () => new Response("one") };'
TWO = 'export default { fetch: () => new Response("two") };'
SPIN = """export default { fetch(request) {
  if (new URL(request.url).pathname === "/spin") for (;;);
  return new Response("still here");
} };"""


@pytest.fixture(scope="module")
def hostel(tmp_path_factory):
    with database() as environ, started(tmp_path_factory.mktemp("home"), **environ) as running:
        yield running


def test_demo_json_is_complete_and_private(hostel):
    assert stat.S_IMODE((hostel.home / "demo.json").stat().st_mode) == 0o600
    demo = hostel.demo
    assert set(demo) == {"gateway_base", "api_base", "account_id", "api_token", "tenant", "admin_email", "admin_password"}
    assert demo["gateway_base"] == f"http://127.0.0.1:{hostel.port}"
    assert demo["api_base"] == f"http://127.0.0.1:{hostel.port}/client/v4"
    assert len(demo["account_id"]) == 32
    assert demo["tenant"] == "demo"


def test_the_terminal_shows_no_secret_and_no_warning(hostel):
    text = "".join(hostel.lines)
    demo = hostel.demo
    assert demo["api_token"] not in text
    assert demo["admin_password"] not in text
    assert not [line for line in hostel.lines if line.startswith("[")], text


def test_the_health_page_answers(hostel):
    assert hostel.call("localhost", "/healthz").status == 200


def test_the_seeded_examples_answer(hostel):
    assert hostel.worker("hello", "/?name=you").text == "Hello, you!\n"
    assert hostel.worker("worker-loader").status == 200
    assert hostel.worker("worker-loader", "/dynamic").status == 200
    assert hostel.worker("platform", "/ada/x").text == "Hello from Ada's worker, at /x, as ada.\n"
    assert hostel.worker("ada").status == 404


def test_an_unknown_host_gets_a_page(hostel):
    answer = hostel.worker("nobody", Accept="text/html")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_upload_call_second_version_split(hostel):
    first = hostel.upload("split", ONE)
    assert first.status == 200, first.text
    assert hostel.worker("split").text == "one"

    second = hostel.upload("split", TWO, method="POST", path="/versions")
    assert second.status == 200, second.text
    assert {hostel.worker("split").text for _ in range(10)} == {"one"}

    listed = hostel.api("GET", "/workers/scripts/split/versions").json["result"]["items"]
    versions = [{"version_id": version["id"], "percentage": 50} for version in listed[:2]]
    body = b'{"strategy": "percentage", "versions": %s}' % str(versions).replace("'", '"').encode()
    deployed = hostel.api("POST", "/workers/scripts/split/deployments", body, Content_Type="application/json")
    assert deployed.status == 200, deployed.text

    # Live within a second, then about half of a few hundred each (five standard deviations is 56).
    time.sleep(1.0)
    seen = Counter(hostel.worker("split").text for _ in range(500))
    assert set(seen) == {"one", "two"}
    assert abs(seen["one"] - 250) <= 56, seen

    # A visitor with a key stays where they are, and both sides have visitors.
    keys = {key: {hostel.worker("split", Cloudflare_Workers_Version_Key=key).text for _ in range(5)} for key in map(str, range(16))}
    assert all(len(answers) == 1 for answers in keys.values())
    assert {next(iter(answers)) for answers in keys.values()} == {"one", "two"}


def test_a_new_version_takes_over(hostel):
    hostel.upload("takeover", ONE)
    assert hostel.worker("takeover").text == "one"
    hostel.upload("takeover", TWO)
    deadline = time.monotonic() + 1.0
    while hostel.worker("takeover").text != "two":
        assert time.monotonic() < deadline, "the new version was not live within a second"


def test_a_runaway_is_stopped_and_nobody_else_notices(hostel):
    assert hostel.upload("spin", SPIN).status == 200
    answer = hostel.worker("spin", "/spin")
    assert answer.status == 503
    assert "worker_exceeded_cpu" in answer.text
    assert hostel.worker("spin").text == "still here"
    assert hostel.worker("hello").status == 200


@pytest.mark.parametrize(
    "source",
    ["export default { fetch( { return }", "throw new Error('no')", "for (;;);", "import './missing.js'", "export const nothing = 1"],
    ids=["syntax", "throw", "loop", "import", "no handler"],
)
def test_a_bad_upload_is_refused_and_leaves_no_trace(hostel, source):
    answer = hostel.upload("refused", source)
    assert 400 <= answer.status < 500, answer.text
    assert answer.json["success"] is False
    assert hostel.api("GET", "/workers/scripts/refused/settings").status == 404
    assert hostel.worker("refused").status == 404


def test_a_wrong_token_is_refused(hostel):
    path = f"/client/v4/accounts/{hostel.demo['account_id']}/workers/scripts"
    assert hostel.call("localhost", path, Authorization="Bearer wrong").status in (401, 403)
