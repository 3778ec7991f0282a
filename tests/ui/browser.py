"""A real Chromium, driven by Playwright in a thread of its own.

Playwright's plain interface runs an event loop in the thread that uses it, and Django refuses its database to such a thread; so the tests of this
folder that ask for a browser run in the browser's thread (conftest), everything else stays where it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.ops.hostel import ROOT, Hostel
from tests.ui import axe

T = TypeVar("T")
SHOTS = ROOT / "var" / "screenshots"
# No sandbox where root runs it (containers, CI); nothing that asks hosts of the browser's maker.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# Busy machines are slow: an expectation waits so long before it fails (milliseconds).
PATIENCE = 30_000


def chromium() -> str | None:
    """Debian's Chromium, or another one on PATH."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Thread:
    """The browser's thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "browser")

    def run(self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._pool.submit(call, *args, **kwargs).result()

    def close(self) -> None:
        self._pool.shutdown()


@dataclass
class Browser:
    """One window on one Hostel; `errors` holds what its console said that no page of ours may cause."""

    page: Any
    hostel: Hostel
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("pageerror", lambda error: self.errors.append(f"{self.page.url}: {error}"))
        # An answer that is no success is told by the browser, too; a policy that is broken is what matters.
        self.page.on("console", lambda said: self.errors.append(said.text) if "Content Security Policy" in said.text else None)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.hostel.port}"

    def go(self, path: str) -> Any:
        """Open a page of the control plane."""
        return self.page.goto(self.origin + path)

    def log_in(self, email: str | None = None, password: str | None = None) -> None:
        """As somebody; as the operator of the demo, who owns its tenant, if nobody is named."""
        self.go("/accounts/login/")
        self.page.fill("[name=login]", email or self.hostel.demo["admin_email"])
        self.page.fill("[name=password]", password or self.hostel.demo["admin_password"])
        self.page.click("main form button[type=submit]")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def shot(self, name: str, *, full: bool = False) -> Path:
        """A picture of the page, kept as var/screenshots/{name}.png."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=full)
        return path

    def shots(self, name: str, *, full: bool = False, every: bool = False) -> None:
        """Two of them, on a desktop in light and on a phone in dark; `every`: four. Nothing may stick out."""
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(viewport)
            for scheme in ("light", "dark"):
                if every or (size, scheme) in {("desktop", "light"), ("phone", "dark")}:
                    self.page.emulate_media(color_scheme=scheme)
                    self.shot(f"{name}-{size}-{scheme}", full=full)
            assert not self.sticks_out(), f"{name} sticks out at {viewport['width']} px: {self.sticks_out()}"
        self.page.set_viewport_size(DESKTOP)
        self.page.emulate_media(color_scheme="light")

    def sticks_out(self) -> list[str]:
        """What is wider than the window, where the page can be scrolled sideways."""
        found: list[str] = self.page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
            .filter(each => each.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(each => each.outerHTML.slice(0, 120))"""
        )
        return found

    def check(self) -> None:
        """No serious finding of axe, light and dark; no broken policy, no error of a script."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            found = axe.serious(self.page)
            assert not found, f"{self.page.url} ({scheme}):\n" + "\n".join(found)
        self.page.emulate_media(color_scheme="light")
        assert not self.errors, self.errors


def environment() -> dict[str, str]:
    """What a Hostel for browsers needs beside its home."""
    return {"HOSTEL_LOG_LEVEL": os.environ.get("HOSTEL_LOG_LEVEL", "WARNING")}
