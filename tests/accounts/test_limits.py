"""How often people may try: exactly so often, over all processes, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.core.cache import caches
from django.urls import get_resolver
from django_ratelimit import core

from accounts import counters, limits
from accounts.counters import CounterCache
from controlplane.access import _walk
from tenants.models import RateCount
from tests.accounts.conftest import Browser
from tests.conftest import ROOT, database_url
from tests.parallel import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still_clock(monkeypatch):
    """No period ends in the middle of a test."""
    now = time.time()
    for module in (core, counters):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now))


class TestPages:
    def test_guessing_a_password_is_slowed_down(self, browser, ada):
        for number in range(10):
            assert Browser(f"203.0.113.{number}").log_in("Ada@example.com ", "guess").status_code == 200
        refused = browser.log_in("ada@example.com")
        assert (refused.status_code, "too_many_attempts" in refused.text) == (429, True)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert browser.get("/accounts/login/").status_code == 200
        assert browser.log_in("eve@example.com").status_code == 200

    def test_and_so_is_guessing_names(self, settings):
        settings.HOSTEL = replace(settings.HOSTEL, trusted_proxies=("10.0.0.0/8",))

        def attempt(number: int, forwarded: str) -> int:
            return Browser(forwarded).log_in(f"user-{number}@example.com", "x").status_code

        for number in range(30):
            assert attempt(number, f"192.0.2.{number}, 203.0.113.7, 10.0.0.1") == 200
        assert attempt(99, "198.51.100.1, 203.0.113.7, 10.0.0.1") == 429
        assert attempt(99, "203.0.113.8, 10.0.0.1") == 200

    def test_a_network_of_addresses_is_one_visitor(self):
        for number in range(30):
            assert Browser(f"2001:db8::{number:x}").log_in(f"user-{number}@example.com", "x").status_code == 200
        assert Browser("2001:db8::ffff").log_in("x@example.com", "x").status_code == 429
        assert Browser("2001:db8:0:1::1").log_in("x@example.com", "x").status_code == 200

    def test_guessing_codes_counts_for_the_person_not_the_session(self, browser, ada):
        TOTP.activate(ada, generate_totp_secret())
        answers = []
        for number, guesses in ((1, 6), (2, 5)):
            other = Browser(f"198.51.100.{number}")
            other.log_in(ada.email)
            answers += [other.post("/accounts/2fa/authenticate/", code="000000").status_code for _ in range(guesses)]
        assert answers == [200] * 10 + [429]

    def test_mail_is_not_sent_without_end(self, browser, ada):
        for number in range(7):
            Browser(f"203.0.113.{number}").post("/accounts/password/reset/", email=ada.email)
        assert len(mail.outbox) == 5

    def test_signing_up_again_and_again(self):
        statuses = [Browser().sign_up(f"user-{number}@example.com").status_code for number in range(21)]
        assert statuses == [302] * 20 + [429]

    def test_following_invitations(self):
        statuses = [Browser().get(f"/accounts/invitations/{'x' * 43}/").status_code for _ in range(31)]
        assert statuses == [404] * 30 + [429]

    def test_every_limit_is_for_a_page_that_exists(self):
        assert set(limits.LIMITS) <= {name for _, name, _ in _walk(get_resolver().url_patterns, "", "")}

    def test_every_page_that_takes_a_password_or_sends_mail_has_one(self):
        for name in ("account_login", "account_signup", "account_reset_password", "mfa_authenticate", "invitation", "mfa_login_webauthn"):
            assert limits.LIMITS[name]


class TestCounters:
    @pytest.fixture
    def cache(self) -> CounterCache:
        return CounterCache("", {"KEY_PREFIX": "test"})

    def test_a_counter_begins_once(self, cache):
        assert cache.add("k", 1, timeout=60)
        assert not cache.add("k", 1, timeout=60)
        assert (cache.incr("k"), cache.incr("k", 5), cache.get("k")) == (2, 7, 7)
        assert cache.delete("k")
        assert not cache.delete("k")
        assert cache.get("k", "none") == "none"
        with pytest.raises(ValueError, match="no counter"):
            cache.incr("k")

    def test_it_is_over_when_its_time_is(self, cache, monkeypatch):
        cache.add("k", 9, timeout=60)
        now = counters.time.time()
        monkeypatch.setattr(counters, "time", SimpleNamespace(time=lambda: now + 60))
        assert cache.get("k") is None
        assert not cache.touch("k", 60)
        with pytest.raises(ValueError, match="no counter"):
            cache.incr("k")
        assert cache.add("k", 1, timeout=60)
        assert cache.get("k") == 1

    def test_it_can_be_set_and_prolonged_and_never_end(self, cache, monkeypatch):
        cache.set("k", 3, timeout=None)
        cache.set("short", 3, timeout=10)
        assert cache.touch("short", 100)
        now = counters.time.time()
        monkeypatch.setattr(counters, "time", SimpleNamespace(time=lambda: now + 50))
        assert (cache.get("k"), cache.get("short")) == (3, 3)
        RateCount.objects.create(key="another's", count=1, expires_at=now + 100)
        cache.clear()
        assert cache.get("k") is None
        assert RateCount.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestExactly:
    # Attempts of four processes at once on the cache that is configured; prints how many were let through.
    SCRIPT = """
import django, sys
django.setup()
from concurrent.futures import ThreadPoolExecutor
from django_ratelimit.core import get_usage
from django.db import connection
def attempt(_):
    try:
        usage = get_usage(None, group="test", key=lambda *_: "one", rate=(100, 86400), increment=True)
        return not usage["should_limit"]
    finally:
        connection.close()
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(attempt, range(80))))
"""

    def test_of_320_attempts_from_four_processes_100_pass(self):
        environ = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
        processes = [
            subprocess.Popen([sys.executable, "-c", self.SCRIPT], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        passed = [int(process.communicate(timeout=120)[0]) for process in processes]
        assert sum(passed) == 100, passed

    def test_threads_of_one_process_too(self):
        cache: Any = caches["counters"]

        def attempt() -> int:
            return 1 if cache.add("k", 1, timeout=60) else cache.incr("k")

        assert sorted(at_once([attempt] * 12)) == list(range(1, 13))
