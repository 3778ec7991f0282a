"""The editor, logs and charts in a real browser: trying, saving, what is wrong where, deploying, following, and the bad days."""

from __future__ import annotations

import re
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.ops.hostel import FRONTEND
from tests.ui.browser import Browser
from ui.frontend import build

needs_editor = pytest.mark.skipif(not build.current(FRONTEND), reason="CodeMirror could not be fetched (make frontend)")
EDIT = "/t/demo/workers/hello/edit"
SOURCE = 'export default {\n  async fetch(request) {\n    console.log("tried");\n    return new Response("from the draft");\n  },\n};\n'


def opened(browser: Browser) -> None:
    browser.go(EDIT)
    browser.page.wait_for_selector("html[data-editor=ready]")


def typed(browser: Browser, text: str) -> None:
    content = browser.page.locator(".mount .cm-content")
    content.click()
    browser.page.keyboard.press("Control+a")
    # Typing over a selection, Chromium's own editing tries the style of what was there; the policy refuses that, and says so.
    browser.page.keyboard.press("Delete")
    browser.page.keyboard.insert_text(text)


def clean(browser: Browser) -> None:
    """No draft on the server and none in the browser."""
    opened(browser)
    browser.page.evaluate("() => localStorage.clear()")
    discard = browser.page.get_by_role("button", name="Discard draft")
    if discard.count():
        discard.click()
        browser.page.get_by_role("button", name="Throw away").click()
        browser.page.wait_for_selector("html[data-editor=ready]")
        expect(discard).to_have_count(0)


def visit(browser: Browser, path: str) -> None:
    """A visitor's request to the demo's worker."""
    request = urllib.request.Request(f"http://127.0.0.1:{browser.hostel.port}{path}", headers={"Host": "hello.demo.localhost"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


@needs_editor
class TestTheEditor:
    def test_a_draft_is_run_saved_and_deployed(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        clean(browser)
        typed(browser, SOURCE)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#result")).to_contain_text("from the draft")
        expect(page.locator("#result .console")).to_contain_text("tried")
        for word in ("Outcome", "CPU", "Wall", "Memory", "Calls"):
            expect(page.locator("#result .figures")).to_contain_text(word)
        browser.shots("editor-run")
        browser.check()
        page.keyboard.press("Control+s")
        expect(page.locator("#editor-state")).to_have_text("Saved")
        page.reload()
        page.wait_for_selector("html[data-editor=ready]")
        expect(page.locator(".cm-content")).to_contain_text("from the draft")
        page.get_by_role("button", name="Deploy…").click()
        expect(page.locator("#deploy-diff")).to_contain_text("1 file differs")
        expect(page.locator(".cm-mergeView")).to_be_visible()
        browser.shot("editor-deploy")
        browser.check()
        page.fill("#message", "by the browser")
        page.get_by_role("button", name="Deploy", exact=True).click()
        page.wait_for_url(re.compile(r"/t/demo/workers/hello/$"))
        expect(page.locator(".flashes")).to_contain_text("is live")

    def test_what_the_engine_says_is_marked_at_its_line(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        clean(browser)
        typed(browser, "export default {};\nlet x = ;\n")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#result .place")).to_contain_text("worker.js:2:")
        expect(page.locator(".cm-lintRange-error")).to_have_count(1)
        expect(page.locator(".cm-lint-marker-error")).to_be_visible()
        expect(page.locator(".file-list .tag.bad")).to_have_text("error")
        browser.shots("editor-error")
        browser.check()
        typed(browser, 'export default { fetch() {\n  throw new TypeError("no such luck");\n} };\n')
        page.keyboard.press("Control+Enter")
        expect(page.locator("#result")).to_contain_text("no such luck")
        expect(page.locator(".cm-lintRange-error")).to_have_count(1)
        clean(browser)

    def test_files_are_added_renamed_and_deleted(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        clean(browser)
        typed(browser, 'import { word } from "./words.js";\nexport default { fetch() { return new Response(word); } };\n')
        page.get_by_role("button", name="+ Add a file").click()
        page.get_by_label("New file").fill("word.js")
        page.keyboard.press("Enter")
        typed(browser, 'export const word = "two files";')
        page.get_by_role("button", name="Rename").click()
        page.get_by_label("New name").fill("words.js")
        page.keyboard.press("Enter")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#result")).to_contain_text("two files")
        page.get_by_role("button", name="Delete").click()
        expect(page.locator(".file-list li")).to_have_count(1)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".file-list li")).to_have_count(2)
        clean(browser)

    def test_an_ended_session_loses_nothing(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        clean(browser)
        typed(browser, SOURCE.replace("from the draft", "typed before the end"))
        kept = page.context.cookies()
        page.context.clear_cookies()
        page.keyboard.press("Control+s")
        expect(page.locator("#editor-notice")).to_contain_text("Nothing you typed is lost")
        browser.shot("editor-session-ended")
        page.context.add_cookies(kept)
        opened(browser)
        expect(page.locator(".cm-content")).to_contain_text("typed before the end")
        expect(page.locator("#editor-notice")).to_contain_text("was not saved; here it is")
        browser.check()
        clean(browser)

    def test_two_tabs_do_not_overwrite_each_other(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        clean(browser)
        other = page.context.new_page()
        other.goto(browser.origin + EDIT)
        other.wait_for_selector("html[data-editor=ready]")
        typed(browser, SOURCE.replace("from the draft", "first tab"))
        page.keyboard.press("Control+s")
        expect(page.locator("#editor-state")).to_have_text("Saved")
        other.locator(".mount .cm-content").click()
        other.keyboard.press("Control+Home")
        other.keyboard.insert_text("// second tab\n")
        other.keyboard.press("Control+s")
        expect(other.locator("#editor-notice")).to_contain_text("saved in another tab")
        other.get_by_role("button", name="Keep mine").click()
        expect(other.locator("#editor-state")).to_have_text("Saved")
        other.close()
        opened(browser)
        expect(page.locator(".cm-content")).to_contain_text("second tab")
        clean(browser)


def test_the_editor_without_scripts(browser: Browser, owner: Browser) -> None:
    context = browser.page.context.browser.new_context(java_script_enabled=False)
    context.add_cookies(browser.page.context.cookies())
    page = context.new_page()
    page.goto(browser.origin + EDIT)
    page.fill("#url", "/?name=plain")
    page.locator(".request-line button").click()
    page.wait_for_selector("#result .figures")
    assert "Hello, plain!" in page.locator("#result").inner_text() or page.locator("#result .response").count() == 1
    context.close()


class TestLogs:
    def test_stored_ones_are_searched(self, owner: Browser, browser: Browser) -> None:
        visit(browser, "/?name=logged")
        page = browser.page
        browser.go("/t/demo/workers/hello/logs?text=logged")
        expect.set_options(timeout=30_000)
        for _ in range(60):
            if page.locator(".record").count():
                break
            page.wait_for_timeout(500)
            page.reload()
        page.locator(".record summary").first.click()
        expect(page.locator(".record-body").first).to_contain_text("Trace")
        browser.shots("logs")
        browser.check()

    def test_following_live(self, owner: Browser, browser: Browser) -> None:
        page = browser.page
        browser.go("/t/demo/workers/hello/logs?live=1&text=followed")
        expect(page.locator("#tail-state")).to_contain_text("Live", timeout=30_000)
        expect(page.locator("#tail-state .dot")).to_have_count(1)
        visit(browser, "/?name=followed-1")
        visit(browser, "/?name=other")
        expect(page.locator(".record")).to_have_count(1, timeout=30_000)
        page.get_by_role("button", name="Pause").click()
        visit(browser, "/?name=followed-2")
        expect(page.locator("#tail-new")).to_contain_text("1 new", timeout=30_000)
        expect(page.locator(".record")).to_have_count(1)
        browser.shots("logs-live")
        browser.check()
        page.locator("#tail-new").click()
        expect(page.locator(".record")).to_have_count(2)
        expect(page.locator(".record").first).to_contain_text("followed-2")


OPERATOR = (
    "",
    "neighbours",
    "tenants",
    "tenants/demo",
    "plans",
    "plans/default",
    "security",
    "system",
    "webhooks",
    "audit",
    "jobs",
    "look",
)


@pytest.mark.parametrize("path", OPERATOR)
def test_the_operator_console(owner: Browser, browser: Browser, path: str) -> None:
    browser.go(f"/operator/{path}")
    if path == "":
        expect(browser.page.locator(".verdict")).to_be_visible()
    browser.shots(f"operator-{path.replace('/', '-') or 'fleet'}", full=True)
    browser.check()


def test_looking_at_a_tenant_has_a_banner(owner: Browser, browser: Browser) -> None:
    page = browser.page
    browser.go("/operator/tenants/demo")
    page.get_by_role("button", name="Look as a member…").click()
    page.fill("#look-reason", "a ticket")
    page.get_by_role("button", name="Look", exact=True).click()
    page.wait_for_url(re.compile(r"/t/demo/$"))
    browser.go("/operator/look")
    page.get_by_role("button", name="Stop looking").first.click()
    page.wait_for_url(re.compile(r"/operator/tenants/demo"))
