"""What every page shares, in a real browser: the frame, the command bar, the theme, sessions that end, nothing heavy."""

from __future__ import annotations

import re

from tests.ui.browser import Browser

SCRIPT_BYTES = 60_000


def test_the_front_page_of_a_visitor(browser: Browser) -> None:
    browser.go("/")
    assert browser.page.inner_text("h1") == "A home for guest code"
    browser.check()
    browser.shots("front")


def test_accounts_look_like_the_rest(browser: Browser) -> None:
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/no/such/page"):
        browser.go(path)
        browser.check()
    browser.go("/accounts/login/")
    browser.shots("login")


def test_the_list_of_workers(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    assert {"hello", "worker-loader", "platform"} <= set(browser.page.locator("tbody th").all_inner_texts())
    browser.check()
    browser.shots("workers")
    for width in (360, 768, 2560):
        browser.page.set_viewport_size({"width": width, "height": 900})
        assert not browser.sticks_out(), width
    browser.shot("workers-2560")


def test_slash_searches(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    browser.page.keyboard.press("/")
    browser.page.keyboard.type("load")
    browser.page.keyboard.press("Enter")
    browser.page.wait_for_url("**q=load")
    assert browser.page.locator("tbody th").all_inner_texts() == ["worker-loader"]


def test_the_command_bar(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    browser.page.keyboard.press("Control+k")
    browser.page.wait_for_selector("#found a")
    browser.page.keyboard.type("hello")
    browser.page.wait_for_function("() => document.querySelector('#found a')?.innerText.startsWith('hello')")
    browser.check()
    browser.shot("command-bar")
    browser.page.keyboard.press("Enter")
    browser.page.wait_for_url("**/t/demo/workers/hello/")


def test_the_theme_is_kept(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    with browser.page.expect_response("**/theme"):
        browser.page.click(".themes button[value=dark]")
    assert browser.page.evaluate("document.documentElement.dataset.theme") == "dark"
    browser.page.reload()
    assert browser.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_the_content(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    browser.page.keyboard.press("Tab")
    assert browser.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    browser.page.keyboard.press("Enter")
    browser.page.keyboard.press("Tab")
    assert browser.page.evaluate("document.activeElement.closest('main') !== null")


def test_the_menu_of_a_phone(browser: Browser, owner: Browser) -> None:
    browser.page.set_viewport_size({"width": 390, "height": 844})
    browser.go("/t/demo/")
    assert not browser.page.is_visible("#side")
    browser.page.click("button.menu")
    assert browser.page.is_visible("#side nav a[aria-current=page]")
    browser.shot("menu-phone")
    browser.page.keyboard.press("Escape")
    assert not browser.page.is_visible("#side")


def test_pages_are_light(browser: Browser, owner: Browser) -> None:
    sizes: dict[str, int] = {}
    browser.page.on("response", lambda found: sizes.update({found.url: len(found.body())}) if found.url.endswith(".js") else None)
    browser.go("/t/demo/")
    browser.page.wait_for_load_state("networkidle")
    assert sizes
    assert sum(sizes.values()) < SCRIPT_BYTES, sizes


def test_a_session_that_ends_loses_nothing(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/new")
    browser.page.fill("[name=name]", "kept-over")
    browser.page.context.clear_cookies(name=re.compile("session"))
    browser.page.click("text=Deploy")
    browser.page.wait_for_url("**/accounts/login/**")
    assert "is kept" in browser.page.inner_text(".flashes")
    browser.page.fill("[name=login]", browser.hostel.demo["admin_email"])
    browser.page.fill("[name=password]", browser.hostel.demo["admin_password"])
    browser.page.click("main form button[type=submit]")
    browser.page.wait_for_url("**/unsent/**")
    assert "kept-over" in browser.page.inner_text("main")
    browser.check()
    browser.shot("unsent")
    browser.page.click("text=Send it now")
    browser.page.wait_for_url("**/workers/kept-over/")


def test_a_fragment_says_that_the_session_has_ended(browser: Browser, owner: Browser) -> None:
    browser.go("/t/demo/")
    browser.page.context.clear_cookies(name=re.compile("session"))
    browser.page.keyboard.press("Control+k")
    browser.page.wait_for_selector("#toast:not([hidden])")
    assert "session has ended" in browser.page.inner_text("#toast")


def test_without_scripts(browser: Browser, hostel: object, chrome: object, session: object) -> None:
    context = chrome.new_context(java_script_enabled=False, storage_state=session)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{browser.origin}/t/demo/find?q=hello")
    page.click(".found a")
    assert page.url.endswith("/workers/hello/")
    page.goto(f"{browser.origin}/t/demo/")
    page.click(".themes button[value=dark]")
    assert page.get_attribute("html", "data-theme") == "dark"
    context.close()
