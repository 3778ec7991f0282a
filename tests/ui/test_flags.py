"""Flags in a browser: made, switched on, evaluated as somebody, killed, without a line of script of their own."""

from __future__ import annotations

from tests.ui.browser import Browser


def test_a_flag_from_nothing_to_the_kill_switch(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/flags")
    browser.check()
    groups(browser)
    made(browser)
    killed(browser)


def groups(browser: Browser) -> None:
    page = browser.page
    browser.go("/t/demo/segments")
    page.fill("[name=key] >> nth=0", "staff")
    page.fill("[name='rule.0.0.attribute']", "email")
    page.select_option("[name='rule.0.0.operator']", "ends_with")
    page.fill("[name='rule.0.0.value']", "@example.com")
    page.click("text=Make the segment")
    page.wait_for_selector("text=email ends with")
    page.fill("#layer-key", "checkout")
    page.click("text=Make the layer")
    page.wait_for_selector("text=No flag is in it")
    browser.check()
    browser.shots("segments", full=True)


def made(browser: Browser) -> None:
    page = browser.page
    browser.go("/t/demo/flags/new")
    browser.check()
    browser.shots("flag-new", full=True)
    page.fill("#key", "new-checkout")
    page.fill("#description", "The checkout in one page instead of three")
    page.click("text=Make the flag")
    page.wait_for_url("**/flags/new-checkout/production")

    page.check("[name=enabled]")
    page.click("summary:has-text('Add a rule')")
    page.select_option("[name='rule.0.0.operator']", "segment")
    page.fill("[name='rule.0.0.value']", "staff")
    page.select_option("[name='rule.0.serve.variant']", "on")
    page.check("[name='serve.kind'][value=split]")
    page.fill("[name='serve.share.on']", "10")
    page.fill("[name='serve.share.off']", "90")
    page.fill("#reason", "a first tenth")
    page.click("#state button[type=submit]")
    page.wait_for_selector("text=live in production within a second")

    page.fill("#as-key", "user-1")
    page.fill("#as-context", '{"email": "ada@example.com"}')
    page.click("form[action='#as'] button")
    page.wait_for_selector("text=Because: if in segment")
    assert page.locator(".steps .decides").count() == 1
    browser.check()
    browser.shots("flag", full=True)


def killed(browser: Browser) -> None:
    page = browser.page
    page.click("text=Kill switch…")
    page.fill("#kill-reason", "orders fail")
    browser.shot("flag-kill")
    page.click("#kill button[type=submit]")
    page.wait_for_selector("text=The kill switch is on.")
    browser.check()
    browser.go("/t/demo/flags")
    assert "Killed" in page.locator("table.flags").inner_text()
    browser.check()
    browser.shots("flags")
    browser.go("/t/demo/flags/new-checkout/production")
    page.click("text=Restore in production")
    page.wait_for_selector("text=Restored in production")
