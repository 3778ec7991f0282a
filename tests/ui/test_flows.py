"""What is done on a tenant's pages, by pressing buttons: environment, deployments, domains, tokens, members, settings; and the bad days."""

from __future__ import annotations

import pytest

from tests.ops.hostel import Hostel, wait_until
from tests.ui.browser import Browser
from tests.ui.furniture import ONE, TWO, native, upload

FLOW = "/t/demo/workers/flow"


@pytest.fixture(scope="module")
def flow(hostel: Hostel) -> Hostel:
    """A worker of its own with two versions."""
    upload(hostel, "flow", ONE)
    upload(hostel, "flow", TWO)
    return hostel


def test_split_and_roll_back(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    browser.go(f"{FLOW}/deployments")
    page.fill("#share-2", "70")
    page.fill("#share-1", "20")
    page.click("main form button.primary")
    # The page says what is wrong, and is read out.
    page.wait_for_selector("#error")
    assert page.get_attribute("#error", "role") == "alert"
    browser.check()
    page.fill("#share-2", "70")
    page.fill("#share-1", "30")
    page.fill("#message", "Try the new one")
    page.click("main form button.primary")
    page.wait_for_selector("text=Deployed: it takes effect at once.")
    assert "v2 70 %" in page.inner_text("tbody tr:first-child")
    page.click("tbody tr:nth-child(2) >> text=Roll back to this")
    page.fill(".dialog:popover-open input[name=reason]", "It was slower")
    browser.check()
    page.click(".dialog:popover-open button.solid")
    page.wait_for_selector("text=Rolled back")
    assert "v2 100 %" in page.inner_text("tbody tr:first-child")
    assert "It was slower" in page.inner_text("tbody tr:first-child")


def test_a_version_is_deployed_from_its_page(browser: Browser, owner: Browser, flow: Hostel) -> None:
    browser.go(f"{FLOW}/versions/1")
    browser.page.click("button[popovertarget=deploy]")
    browser.page.click(".dialog:popover-open button.primary")
    browser.page.wait_for_url("**/workers/flow/")
    wait_until(lambda: flow.worker("flow").text == "one", 30)
    browser.go(f"{FLOW}/versions")
    browser.page.check("input[name=from][value='1']")
    browser.page.check("input[name=to][value='2']")
    browser.page.click("text=Compare the two chosen")
    browser.page.wait_for_url(lambda url: "from=1" in url and "to=2" in url)
    assert "Fails for /fail" in browser.page.inner_text(".diff")


def test_secrets_and_variables(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    native(flow, "POST", "/workers/flow/rollback", {})
    browser.go(f"{FLOW}/environment")
    page.fill("#secret-name", "TOKEN")
    page.fill("#secret-text", "s3cret-text")
    page.click("text=Set the secret")
    page.wait_for_selector("text=TOKEN is set, and served.")
    assert "s3cret-text" not in page.content()
    page.fill("#variable-name", "COLOURS")
    page.select_option("#variable-kind", "json")
    page.fill("#variable-text", "{not json")
    page.click("text=Set the variable")
    page.wait_for_selector("#error")
    assert "no JSON" in page.inner_text("#error")
    assert page.input_value("#variable-text") == "{not json", "nothing typed is lost"
    page.fill("#variable-text", '["red", "\u05d0\u05d3\u05d5\u05dd"]')
    page.click("text=Set the variable")
    page.wait_for_selector("text=COLOURS is set, and served.")
    browser.check()
    page.click("tr:has-text('TOKEN') >> text=Remove")
    assert page.is_disabled(".dialog:popover-open button.solid")
    page.fill(".dialog:popover-open [name=confirm]", "TOKEN")
    page.click(".dialog:popover-open button.solid")
    page.wait_for_selector("text=TOKEN is gone.")


def test_a_domain_and_which_rule_wins(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    browser.go("/t/demo/domains")
    page.fill("#hostname", "localhost")
    page.click('main button:text-is("Add")')
    page.wait_for_selector("#error")
    page.fill("#hostname", "flow.example.com")
    page.select_option("#worker", "flow")
    page.click('main button:text-is("Add")')
    page.wait_for_selector("text=flow.example.com leads to flow.")
    page.fill("#url", "https://flow.example.com:8443/a/path?x=1")
    page.click("text=Explain")
    page.wait_for_url("**url=**")
    assert "it is led to the worker flow" in page.inner_text("main")
    assert flow.call("flow.example.com").status == 200
    page.click("tr:has-text('flow.example.com') >> text=Give up")
    page.fill(".dialog:popover-open [name=confirm]", "flow.example.com")
    page.click(".dialog:popover-open button.solid")
    page.wait_for_selector("text=flow.example.com is given up.")


def test_a_token_is_made_used_and_revoked(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    browser.go("/t/demo/tokens")
    if not page.is_visible("#name"):
        page.click("summary:has-text('New token')")
    page.fill("#name", "from the page")
    page.check("input[value='workers:read']")
    page.click("text=Make the token")
    page.wait_for_selector("#made")
    secret = page.inner_text("#made code >> nth=0")
    browser.check()
    assert flow.call("localhost", "/api/v1/workers", Authorization=f"Bearer {secret}").status == 200
    browser.go("/t/demo/tokens")
    assert secret not in page.content()
    page.click("tr:has-text('from the page') >> text=Revoke")
    page.fill(".dialog:popover-open [name=reason]", "It was a test")
    page.click(".dialog:popover-open button.solid")
    page.wait_for_selector("text=is refused from now on")
    assert flow.call("localhost", "/api/v1/workers", Authorization=f"Bearer {secret}").status == 401
    browser.go("/t/demo/audit?action=token_revoke")
    assert "It was a test" in page.inner_text("main")


def test_somebody_is_invited_and_joins(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    browser.go("/t/demo/members")
    page.select_option("#role", "viewer")
    page.click('button:text-is("Invite")')
    page.wait_for_selector("#made")
    link = page.inner_text("#made code")
    browser.check()
    page.context.clear_cookies()
    browser.go("/accounts/signup/")
    page.fill("[name=email]", "guest@example.com")
    page.fill("[name=password1]", "correct horse battery")
    page.fill("[name=password2]", "correct horse battery")
    page.click("main form button[type=submit]")
    page.wait_for_selector("text=Your tenants")
    page.goto(link.replace("127.0.0.1", "localhost"))
    page.click('button:text-is("Accept")')
    page.wait_for_selector("main >> text=Demo")
    browser.go("/t/demo/workers/flow/settings")
    assert page.is_disabled("[name=mode]"), "a viewer looks"
    assert not page.is_visible("text=Danger zone")
    assert browser.go("/t/demo/audit").status == 403
    browser.check()


def test_two_tabs(browser: Browser, owner: Browser, flow: Hostel) -> None:
    page = browser.page
    browser.go(f"{FLOW}/settings")
    other = page.context.new_page()
    other.goto(page.url)
    other.select_option("[name=mode]", "fresh")
    other.click("main form button.primary")
    other.wait_for_selector("text=The settings are changed.")
    page.check("[name=previews_enabled]")
    page.click("main form button.primary")
    page.wait_for_selector("#error")
    assert "changed_meanwhile" in page.inner_text("#error")
    assert page.input_value("[name=mode]") == "fresh", "it shows how it is now"
    browser.check()
    page.check("[name=previews_enabled]")
    page.click("main form button.primary")
    page.wait_for_selector("text=The settings are changed.")
    other.close()


def test_a_worker_is_deleted_by_its_name(browser: Browser, owner: Browser, hostel: Hostel) -> None:
    upload(hostel, "short-lived", ONE)
    page = browser.page
    browser.go("/t/demo/workers/short-lived/settings")
    page.click("button[popovertarget=delete]")
    page.fill("#delete-confirm", "short-live")
    assert page.is_disabled("#delete button.solid")
    page.fill("#delete-confirm", "short-lived")
    page.fill("#delete-reason", "Not needed")
    page.click("#delete button.solid")
    page.wait_for_selector("text=short-lived is deleted.")
    wait_until(lambda: hostel.worker("short-lived").status == 404, 30)
