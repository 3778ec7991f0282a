"""One Hostel and one Chromium for all tests of pages; a window with a fresh session for each. Tests that ask for `browser` run in its thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ops.hostel import Hostel, database, started
from tests.ui.browser import DESKTOP, FLAGS, Browser, Thread, chromium, environment


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run what uses the browser where the browser is."""
    if "browser_thread" not in pyfuncitem.funcargs:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.funcargs["browser_thread"].run(pyfuncitem.obj, **arguments)
    return True


@pytest.fixture(scope="session")
def hostel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostel]:
    """A Hostel with the demo tenant, whose owner is the operator."""
    if chromium() is None:
        pytest.skip("Chromium is not installed (scripts/browser installs it where it may)")
    with database() as environ, started(tmp_path_factory.mktemp("ui"), **environ, **environment()) as running:
        yield running


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[Thread]:
    thread = Thread()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def chrome(browser_thread: Thread) -> Iterator[Any]:
    """The one Chromium."""
    from playwright.sync_api import sync_playwright

    def open_it() -> tuple[Any, Any]:
        playwright = sync_playwright().start()
        return playwright, playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))

    playwright, found = browser_thread.run(open_it)
    yield found
    browser_thread.run(found.close)
    browser_thread.run(playwright.stop)


@pytest.fixture
def browser(hostel: Hostel, chrome: Any, browser_thread: Thread) -> Iterator[Browser]:
    """A window with nobody logged in."""
    context = browser_thread.run(chrome.new_context, viewport=DESKTOP, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    # All of it there: Playwright takes the loop of the thread that it is called in.
    yield browser_thread.run(lambda: Browser(context.new_page(), hostel))
    browser_thread.run(context.close)


@pytest.fixture(scope="session")
def session(hostel: Hostel, chrome: Any, browser_thread: Thread) -> Any:
    """Cookies of the demo's owner: logging in takes a moment, so it is done once."""

    def log_in() -> Any:
        context = chrome.new_context(viewport=DESKTOP)
        Browser(context.new_page(), hostel).log_in()
        state = context.storage_state()
        context.close()
        return state

    return browser_thread.run(log_in)


@pytest.fixture
def owner(browser: Browser, session: Any, browser_thread: Thread) -> Browser:
    """The window, with the demo's owner logged in. Ask for `browser` as well."""
    browser_thread.run(browser.page.context.add_cookies, session["cookies"])
    return browser
