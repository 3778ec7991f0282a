"""Rollouts in a browser: check, start, watch a bad version being taken back; the operator's freeze switch."""

from __future__ import annotations

import threading

import pytest

from tests.ops.hostel import Hostel
from tests.ui.browser import PHONE, Browser
from tests.ui.furniture import native

GOOD = "export default { fetch() { return new Response('v1'); } };"
BAD = "export default { fetch() { if (Math.random() < 0.9) throw new Error('broken'); return new Response('v2'); } };"
TILL = "/t/demo/workers/till/rollouts"


@pytest.fixture(scope="module")
def till(hostel: Hostel) -> Hostel:
    """A worker with a live version and a bad one that waits."""
    for source, deploy in ((GOOD, "true"), (BAD, "false")):
        body = {"main_module": "worker.js", "modules": [{"name": "worker.js", "content": source}], "message": "A new <checkout>"}
        native(hostel, "POST", f"/workers/till/versions?deploy={deploy}", body)
    return hostel


def test_a_bad_version_is_checked_started_and_taken_back(browser: Browser, owner: Browser, till: Hostel) -> None:
    page = browser.page
    browser.go(TILL)
    browser.check()
    browser.shots("rollout-new")
    page.fill("#percent-0", "50")
    page.fill("[name=minutes-0]", "30")
    for row in (1, 2):
        page.fill(f"#percent-{row}", "")
        page.fill(f"[name=minutes-{row}]", "")
    page.fill("[name=minimum]", "8")
    page.fill("#keys", "ada, grace, edsger")
    page.click("text=Check first")
    page.wait_for_selector("#preflight")
    assert "Can start" in page.inner_text("#preflight")
    assert page.locator("#preflight tbody tr").count() == 3
    browser.check()
    browser.shots("rollout-checked")
    leave = threading.Event()

    def visit() -> None:
        while not leave.wait(0.02):
            till.worker("till")

    visitors = [threading.Thread(target=visit, daemon=True) for _ in range(2)]
    page.click("text=Start the rollout")
    page.wait_for_selector(".verdict")
    assert "Running" in page.inner_text(".verdict")
    for visitor in visitors:
        visitor.start()
    try:
        # The page says so by itself: nobody reloads it.
        page.wait_for_selector(".verdict.bad", timeout=120_000)
    finally:
        leave.set()
        for visitor in visitors:
            visitor.join()
    assert "v2 fails" in page.inner_text(".verdict")
    assert "rolled back after" in page.inner_text(".timeline")
    browser.check()
    browser.shots("rollout-rolled-back")
    page.set_viewport_size(PHONE)
    assert not browser.sticks_out()


def test_a_rollout_is_paused_resumed_and_rolled_back_by_hand(browser: Browser, owner: Browser, till: Hostel) -> None:
    page = browser.page
    browser.go(TILL)
    page.click("text=Start the rollout")
    page.wait_for_selector(".verdict")
    page.click("main >> text=Pause")
    page.wait_for_selector("text=Go on")
    browser.check()
    browser.shots("rollout-paused")
    page.click("text=Go on")
    page.wait_for_selector("main >> text=Pause")
    page.click("text=Roll back…")
    page.fill("#back-reason", "not today")
    page.click("#back button[type=submit]")
    page.wait_for_selector(".verdict.idle")
    assert "not today" in page.inner_text(".verdict")


def test_an_operator_freezes_rollouts(browser: Browser, owner: Browser, till: Hostel) -> None:
    page = browser.page
    browser.go("/operator/rollouts")
    browser.check()
    browser.shots("operator-rollouts")
    page.fill("#reason", "a holiday")
    page.click("text=Freeze all rollouts")
    page.wait_for_selector("text=Frozen")
    browser.check()
    browser.shots("operator-rollouts-frozen")
    browser.go(TILL)
    assert "a holiday" in page.inner_text("main")
    browser.go("/operator/rollouts")
    page.click("text=Let them go on")
    page.wait_for_selector("text=Freeze all rollouts")
