"""Every page of a tenant: it is there, nothing serious from axe in light and dark, nothing sticks out of a phone, and a picture of it."""

from __future__ import annotations

import pytest

from tests.ops.hostel import Hostel
from tests.ui.browser import PHONE, Browser
from tests.ui.furniture import LONG, furnish, native

SHOP = "/t/demo/workers/shop"
# Name of the picture -> address.
PAGES = {
    "workers-busy": "/t/demo/",
    "worker-new": "/t/demo/new",
    "find": "/t/demo/find?q=shop",
    "domains": "/t/demo/domains?url=https://shop.demo.localhost/cart",
    "tenant-metrics": "/t/demo/metrics?range=1h",
    "usage": "/t/demo/usage",
    "limits": "/t/demo/limits",
    "audit": "/t/demo/audit",
    "tokens": "/t/demo/tokens",
    "members": "/t/demo/members",
    "webhooks": "/t/demo/webhooks",
    "tenant-settings": "/t/demo/settings",
    "worker": f"{SHOP}/",
    "versions": f"{SHOP}/versions",
    "version": f"{SHOP}/versions/2",
    "compare": f"{SHOP}/compare?from=1&to=2",
    "compare-unified": f"{SHOP}/compare?from=1&to=2&view=unified",
    "deployments": f"{SHOP}/deployments",
    "metrics": f"{SHOP}/metrics?range=1h",
    "environment": f"{SHOP}/environment",
    "worker-limits": f"{SHOP}/limits",
    "worker-settings": f"{SHOP}/settings",
    "long-name": f"/t/demo/workers/{LONG}/",
    "account": "/accounts/",
    "tenants": "/",
    "tenant-new": "/new",
}


@pytest.fixture(scope="module")
def furnished(hostel: Hostel) -> Hostel:
    furnish(hostel)
    return hostel


@pytest.mark.parametrize("name", PAGES)
def test_a_page(browser: Browser, owner: Browser, furnished: Hostel, name: str) -> None:
    assert browser.go(PAGES[name]).status == 200
    browser.check()
    browser.shots(name, every=name in {"workers-busy", "worker", "compare", "limits"})
    browser.page.set_viewport_size({"width": 360, "height": 800})
    assert not browser.sticks_out()


def test_a_webhook_and_its_deliveries(browser: Browser, owner: Browser, furnished: Hostel) -> None:
    hook = native(furnished, "GET", "/webhooks")["items"][0]["id"]
    browser.go(f"/t/demo/webhooks/{hook}")
    assert "webhook.ping" in browser.page.inner_text("main")
    browser.check()
    browser.shots("webhook")


def test_what_a_worker_does_is_shown(browser: Browser, owner: Browser, furnished: Hostel) -> None:
    browser.go(f"{SHOP}/")
    text = browser.page.inner_text("main")
    # A failure with its name, as text and never as HTML.
    assert "There is no cart" in text
    assert "<b>" in text
    assert browser.page.locator("figure.plotted").count() == 4
    assert browser.page.locator(".mark-line").count() > 0
    browser.page.click("#plot-outcomes summary")
    assert browser.page.is_visible("#plot-outcomes tbody td")
    browser.go("/t/demo/")
    assert browser.page.inner_text("tbody tr:first-child th") == "shop", "what fails comes first"
    assert browser.page.inner_text("tbody tr:first-child .status") == "Failing"


def test_dialogs_by_keyboard(browser: Browser, owner: Browser, furnished: Hostel) -> None:
    browser.go(f"{SHOP}/settings")
    browser.page.focus("button[popovertarget=delete]")
    browser.page.keyboard.press("Enter")
    assert browser.page.evaluate("document.activeElement.id") == "delete-confirm"
    assert browser.page.is_disabled("#delete button[type=submit]")
    browser.check()
    browser.shot("confirm")
    browser.page.keyboard.press("Escape")
    assert not browser.page.is_visible("#delete")


def test_pages_say_nothing_of_a_secret(browser: Browser, owner: Browser, furnished: Hostel) -> None:
    for path in (f"{SHOP}/environment", f"{SHOP}/versions/2", f"{SHOP}/compare?from=1&to=2", "/t/demo/audit"):
        browser.go(path)
        assert "never shown" not in browser.page.content(), path


def test_errors_have_a_page(browser: Browser, owner: Browser, furnished: Hostel) -> None:
    for path, code in (
        ("/t/demo/workers/nobody/", "worker_not_found"),
        ("/t/nobody/", "tenant_not_found"),
        (f"{SHOP}/versions/99", "version_not_found"),
    ):
        assert browser.go(path).status == 404
        assert code in browser.page.inner_text("main")
    browser.check()
    browser.page.set_viewport_size(PHONE)
    browser.shot("error-phone")
