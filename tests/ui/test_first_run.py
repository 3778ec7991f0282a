"""The first minute: from sign-up to a live response, in a browser, with a clock. And the flows of a tenant's pages."""

from __future__ import annotations

import json
import time

from tests.ui.browser import SHOTS, Browser

# Generous: machines that test are busy. What it took is written down (var/screenshots/first-run.json).
FIRST_RUN_SECONDS = 120


def test_from_sign_up_to_a_live_response(browser: Browser) -> None:
    page, began = browser.page, time.monotonic()
    times: dict[str, float] = {}

    def step(name: str) -> None:
        times[name] = round(time.monotonic() - began, 2)

    browser.go("/")
    page.click("main >> text=Sign up")
    page.fill("[name=email]", "grace@example.com")
    page.fill("[name=password1]", "correct horse battery")
    page.fill("[name=password2]", "correct horse battery")
    page.click("main form button[type=submit]")
    page.wait_for_selector("text=Your tenants")
    step("signed up")
    page.click("main >> text=New tenant")
    page.fill("[name=slug]", "first-run")
    page.click("text=Make it")
    page.wait_for_url("**/t/first-run/new")
    step("tenant made")
    browser.check()
    page.fill("[name=name]", "hello")
    page.check("input[value=api]")
    page.click("text=Deploy")
    page.wait_for_url("**/t/first-run/workers/hello/")
    step("deployed")
    assert page.is_visible("#arrived .command")
    browser.check()
    browser.shot("first-run-waiting")
    answer = browser.hostel.call("hello.first-run.localhost", "/things")
    assert answer.status == 200
    assert answer.json[0]["name"] == "Lamp"
    step("first live response")
    assert times["first live response"] < FIRST_RUN_SECONDS
    # The page notices by itself.
    page.wait_for_selector("text=The first request has arrived.", timeout=60_000)
    step("page noticed")
    browser.shot("first-run-arrived")
    (SHOTS / "first-run.json").write_text(json.dumps(times, indent=2))


def test_no_data_at_all(browser: Browser) -> None:
    """A tenant with nothing: every list says what would be in it."""
    page = browser.page
    browser.go("/accounts/signup/")
    page.fill("[name=email]", "nobody@example.com")
    page.fill("[name=password1]", "correct horse battery")
    page.fill("[name=password2]", "correct horse battery")
    page.click("main form button[type=submit]")
    page.wait_for_selector("text=Your tenants")
    browser.go("/new")
    page.fill("[name=slug]", "empty")
    page.fill("[name=name]", "\u05e8\u05d9\u05e7")
    page.click("text=Make it")
    page.wait_for_url("**/t/empty/new")
    for path in ("", "domains", "metrics", "usage", "limits", "tokens", "members", "webhooks", "audit", "settings", "find"):
        assert browser.go(f"/t/empty/{path}").status == 200
        browser.check()
    browser.go("/t/empty/")
    assert "No workers yet" in page.inner_text("main")
    browser.shots("empty")
