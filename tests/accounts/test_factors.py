"""Second factors: codes by time, recovery codes, security keys; and passkeys in place of a password."""

from __future__ import annotations

import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants.models import User
from tests.accounts.authenticator import Key
from tests.accounts.conftest import ORIGIN, PASSWORD, Browser

pytestmark = pytest.mark.django_db


class Clock:
    """What time it is for codes: it stands still, so that no code is over between being made and being checked."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now

    def code_of(self, secret: str) -> str:
        """The code of now."""
        return totp.format_hotp_value(totp.hotp_value(secret, int(self.now) // 30))


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(totp, "time", found)
    return found


def prove(browser: Browser, user: User) -> None:
    """Log in, and give the password once more."""
    browser.log_in(user.email)
    browser.post("/accounts/reauthenticate/", password=PASSWORD)


@pytest.fixture
def guarded(browser, ada, clock) -> tuple[Browser, str]:
    """Ada has an app that makes codes; her browser, and the app's secret."""
    prove(browser, ada)
    page = browser.get("/accounts/2fa/totp/activate/").text
    secret = re.search(r'value="([A-Z2-7]{32})"', page)[1]
    assert "data:image/svg+xml" in page
    assert browser.post("/accounts/2fa/totp/activate/", code="000000").status_code == 200
    assert browser.post("/accounts/2fa/totp/activate/", code=clock.code_of(secret)).status_code == 302
    return browser, secret


class TestCodes:
    def test_the_password_alone_is_not_enough(self, guarded, ada, clock):
        _, secret = guarded
        other = Browser()
        assert other.log_in(ada.email).headers["Location"] == "/accounts/2fa/authenticate/"
        assert other.who is None
        assert other.get("/accounts/email/").headers["Location"].startswith("/accounts/login/")
        assert other.post("/accounts/2fa/authenticate/", code="123456").status_code == 200
        assert other.who is None
        clock.now += 60
        other.post("/accounts/2fa/authenticate/", code=clock.code_of(secret))
        assert other.who == ada.email

    def test_each_code_is_good_once(self, guarded, ada, clock):
        _, secret = guarded
        clock.now += 60
        first, second = Browser(), Browser()
        for other in (first, second):
            other.log_in(ada.email)
            other.post("/accounts/2fa/authenticate/", code=clock.code_of(secret))
        assert (first.who, second.who) == (ada.email, None)
        clock.now += 30
        second.post("/accounts/2fa/authenticate/", code=clock.code_of(secret))
        assert second.who == ada.email

    def test_secrets_are_sealed_where_they_are_stored(self, guarded, ada):
        _, secret = guarded
        stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in stored
        assert Authenticator.objects.get(type="totp").data["secret"].startswith("hs")

    def test_recovery_codes_are_good_once(self, guarded, ada):
        browser, _ = guarded
        page = browser.get("/accounts/2fa/recovery-codes/").text
        codes = re.findall(r"\b\d{8}\b", page)
        assert len(codes) >= 10
        first, second = Browser(), Browser()
        first.log_in(ada.email)
        first.post("/accounts/2fa/authenticate/", code=codes[0])
        assert first.who == ada.email
        second.log_in(ada.email)
        assert second.post("/accounts/2fa/authenticate/", code=codes[0]).status_code == 200
        assert second.who is None

    def test_adding_one_asks_for_the_password_again(self, browser, ada):
        browser.log_in(ada.email)
        assert browser.get("/accounts/2fa/totp/activate/").headers["Location"].startswith("/accounts/reauthenticate/")


class TestKeys:
    @pytest.fixture
    def key(self, browser, ada) -> Key:
        """A passkey of Ada's."""
        prove(browser, ada)
        key = Key()
        answer = key.make(browser.options("/accounts/2fa/webauthn/add/"), origin=ORIGIN)
        found = browser.post("/accounts/2fa/webauthn/add/", name="Phone", passwordless="on", credential=json.dumps(answer))
        assert found.status_code == 302, found.text
        return key

    def ask(self, browser: Browser) -> dict:
        return browser.get("/accounts/2fa/webauthn/login/", **{"x-requested-with": "XMLHttpRequest"}).json()["request_options"]

    def test_a_passkey_is_enough(self, key, ada):
        other = Browser()
        answer = key.answer(self.ask(other), origin=ORIGIN)
        other.post("/accounts/2fa/webauthn/login/", credential=json.dumps(answer))
        assert other.who == ada.email

    def test_it_is_a_second_factor_too(self, key, ada):
        other = Browser()
        other.log_in(ada.email)
        assert other.who is None
        answer = key.answer(other.options("/accounts/2fa/authenticate/"), origin=ORIGIN)
        other.post("/accounts/2fa/authenticate/", credential=json.dumps(answer))
        assert other.who == ada.email

    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.acme.localhost:8787",
            "http://acme.localhost:8787",
            "http://localhost:9999",
            "https://localhost:8787",
            "http://localhost",
            "http://localhost:8787.evil.example",
            "null",
        ],
    )
    def test_a_workers_page_cannot_use_it(self, key, ada, origin):
        other = Browser()
        answer = key.answer(self.ask(other), origin=origin)
        other.post("/accounts/2fa/webauthn/login/", credential=json.dumps(answer))
        assert other.who is None

    def test_nor_can_it_make_one(self, browser, ada):
        prove(browser, ada)
        answer = Key().make(browser.options("/accounts/2fa/webauthn/add/"), origin="http://evil.acme.localhost:8787")
        assert browser.post("/accounts/2fa/webauthn/add/", name="x", credential=json.dumps(answer)).status_code == 200
        assert not Authenticator.objects.filter(type="webauthn").exists()

    def test_an_answer_is_good_once_and_for_its_own_challenge(self, key, ada):
        other = Browser()
        answer = json.dumps(key.answer(self.ask(other), origin=ORIGIN))
        other.post("/accounts/2fa/webauthn/login/", credential=answer)
        assert other.who == ada.email
        thief = Browser()
        self.ask(thief)
        thief.post("/accounts/2fa/webauthn/login/", credential=answer)
        assert thief.who is None

    def test_another_key_is_not_hers(self, key, ada):
        other = Browser()
        stranger = Key(credential_id=key.credential_id, user_handle=key.user_handle)
        other.post("/accounts/2fa/webauthn/login/", credential=json.dumps(stranger.answer(self.ask(other), origin=ORIGIN)))
        assert other.who is None

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]),
            inner, max_size=5), max_leaves=9)
    )  # fmt: skip
    def test_nonsense_is_a_wrong_code(self, ada, nonsense):
        other = Browser()
        self.ask(other)
        found = other.post("/accounts/2fa/webauthn/login/", credential=json.dumps(nonsense))
        assert found.status_code in {302, 429}
        assert other.who is None
