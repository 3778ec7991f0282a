"""Signing up, proving an address, logging in, forgetting and changing a password, sessions."""

from __future__ import annotations

from dataclasses import replace
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail

from tenants import services
from tenants.actor import Actor
from tenants.models import AuditEvent, User
from tests.accounts.conftest import PASSWORD, Browser, link, verified

pytestmark = pytest.mark.django_db


class TestSigningUp:
    def test_an_address_must_be_proven_first(self, browser):
        assert browser.sign_up("Ada@Example.com").headers["Location"] == "/accounts/confirm-email/"
        assert browser.who is None
        assert browser.log_in("ada@example.com").headers["Location"] == "/accounts/confirm-email/"
        assert browser.who is None
        assert mail.outbox[0].to == ["ada@example.com"]
        where = link("confirm-email")
        assert browser.get(where).status_code == 200
        assert not verified("ada@example.com")
        browser.post(where)
        assert verified("ada@example.com")
        assert browser.log_in(" ADA@example.com ").headers["Location"] == "/"
        assert browser.who == "ada@example.com"
        assert browser.get("/accounts/").status_code == 200
        assert AuditEvent.objects.filter(action="user_signup", target="ada@example.com").count() == 1

    def test_nobody_learns_who_has_an_account(self, browser, ada):
        again, fresh = browser.sign_up("ada@example.com"), Browser().sign_up("new@example.com")
        assert (again.status_code, again.headers["Location"]) == (fresh.status_code, fresh.headers["Location"])
        assert User.objects.filter(email="ada@example.com").count() == 1
        known, unknown = (
            browser.post("/accounts/password/reset/", email="ada@example.com"),
            browser.post("/accounts/password/reset/", email="x@example.com"),
        )
        assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("nonsense", PASSWORD),
            ("\u0430da@example.com", PASSWORD),
            ("ada@ex\u0430mple.com", PASSWORD),
            ("ada@example.com", "short"),
            ("ada@example.com", "password1234"),
            ("ada@example.com", "ada@example.com"),
            (f"{'a' * 300}@example.com", PASSWORD),
        ],
    )
    def test_what_is_refused(self, browser, email, password):
        page = browser.sign_up(email, password)
        assert page.status_code == 200
        assert 'class="errorlist' in page.text
        assert not User.objects.exists()
        assert not mail.outbox

    @pytest.mark.parametrize(("signup", "possible"), [("open", True), ("invited", False), ("closed", False)])
    def test_it_can_be_closed(self, browser, settings, signup, possible):
        settings.HOSTEL = replace(settings.HOSTEL, signup=signup)
        browser.sign_up("ada@example.com")
        assert User.objects.exists() is possible
        assert ("closed" in browser.get("/accounts/signup/").text.lower()) is not possible

    def test_mail_that_cannot_be_sent_is_said(self, browser, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise SMTPServerDisconnected("gone")

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        found = browser.sign_up("ada@example.com")
        assert (found.status_code, "mail_unavailable" in found.text) == (503, True)
        monkeypatch.undo()
        # Nothing is lost: logging in sends it again.
        browser.log_in("ada@example.com")
        assert link("confirm-email")


class TestLoggingIn:
    def test_whom_an_operator_made_needs_to_prove_nothing(self, browser, ada):
        assert browser.log_in("ada@example.com").headers["Location"] == "/"
        assert browser.who == "ada@example.com"
        browser.post("/accounts/logout/")
        assert browser.who is None

    @pytest.mark.parametrize(
        ("email", "password"), [("ada@example.com", "wrong"), ("eve@example.com", PASSWORD), ("ada@example.com", PASSWORD.upper())]
    )
    def test_a_wrong_one(self, browser, ada, email, password):
        page = browser.log_in(email, password)
        assert (page.status_code, "errorlist" in page.text) == (200, True)
        assert browser.who is None

    def test_who_may_not(self, browser, ada):
        User.objects.update(is_active=False)
        browser.log_in("ada@example.com")
        assert browser.who is None

    def test_it_does_not_lead_elsewhere(self, browser, ada):
        found = browser.client.post("/accounts/login/?next=https://evil.example/", {"login": ada.email, "password": PASSWORD})
        assert found.headers["Location"] == "/"

    def test_sessions_are_listed_and_ended(self, browser, ada):
        browser.log_in(ada.email)
        other = Browser("198.51.100.9")
        other.log_in(ada.email)
        page = browser.get("/accounts/sessions/").text
        assert "203.0.113.7" in page
        assert "198.51.100.9" in page
        browser.post("/accounts/sessions/")
        assert (browser.who, other.who) == ("ada@example.com", None)


class TestPasswords:
    def test_a_forgotten_one(self, browser, ada):
        browser.post("/accounts/password/reset/", email="ADA@example.com")
        where = browser.get(link("password/reset/key")).headers["Location"]
        done = browser.post(where, password1="another horse battery", password2="another horse battery")
        assert done.status_code == 302, done.text
        assert Browser().log_in(ada.email).status_code == 200
        browser.log_in(ada.email, "another horse battery")
        assert browser.who == ada.email
        # The link is good once.
        assert "Location" not in Browser().get(link("password/reset/key", 0)).headers
        assert AuditEvent.objects.filter(action="user_password_reset").exists()

    def test_changing_it_ends_other_sessions(self, browser, ada):
        browser.log_in(ada.email)
        other = Browser()
        other.log_in(ada.email)
        form = {"oldpassword": PASSWORD, "password1": "another horse battery", "password2": "another horse battery"}
        assert browser.post("/accounts/password/change/", **{**form, "oldpassword": "wrong"}).status_code == 200
        assert other.who == ada.email
        browser.post("/accounts/password/change/", **form)
        assert other.who is None
        assert AuditEvent.objects.filter(action="user_password_change").exists()

    def test_a_new_address_counts_when_it_is_proven(self, browser, ada):
        browser.log_in(ada.email)
        browser.post("/accounts/email/", action_add="", email="Ada@New.example")
        assert browser.who == "ada@example.com"
        browser.post(link("confirm-email"))
        assert browser.who == "ada@new.example"
        assert Browser().log_in("ada@example.com").status_code == 200


class TestPages:
    ANYBODY = ("login/", "signup/", "password/reset/", "password/reset/done/", "confirm-email/", "inactive/", "logout/")
    LOGGED_IN = ("", "email/", "password/change/", "2fa/", "2fa/webauthn/", "3rdparty/", "sessions/")

    def test_pages_obey_the_policy(self, browser, ada):
        browser.log_in(ada.email)
        for path in (*self.ANYBODY, *self.LOGGED_IN):
            page = (Browser() if path in self.ANYBODY else browser).get(f"/accounts/{path}")
            assert page.status_code in {200, 302}, path
            assert "unsafe" not in page.headers["Content-Security-Policy"], path
            self.check(page.text, path)

    def check(self, text: str, path: str) -> None:
        import re

        for tag, content in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
            # A file of ours, or data that no browser runs.
            assert ('src="/static/' in tag and not content.strip()) or 'type="application/json"' in tag, path
        assert not re.search(r"\son\w+=|javascript:|<style", text), path
        for source in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert source.startswith(("/", "#", "data:")), (path, source)
        assert text.count("<h1") <= 1, path

    def test_they_are_for_those_who_are_logged_in(self):
        for path in self.LOGGED_IN:
            found = Browser().get(f"/accounts/{path}")
            assert found.headers["Location"].startswith("/accounts/login/"), path

    def test_every_field_has_a_label(self, browser):
        import re

        for path in ("login/", "signup/", "password/reset/"):
            text = browser.get(f"/accounts/{path}").text
            labels = set(re.findall(r'<label for="([^"]+)"', text))
            fields = {
                found
                for tag in re.findall(r"<input[^>]*>", text)
                if 'type="hidden"' not in tag
                for found in re.findall(r'id="([^"]+)"', tag)
            }
            assert fields
            assert fields <= labels, path

    def test_static_files_are_there(self, browser):
        for name in ("ui/tokens.css", "mfa/js/webauthn.js", "mfa/js/webauthn-json.js", "account/js/onload.js"):
            assert browser.get(f"/static/{name}").status_code == 200, name


def test_an_operator_makes_people_who_log_in_at_once(browser):
    services.user_create(email="op@example.com", password=PASSWORD, operator=True, actor=Actor.system())
    browser.log_in("op@example.com")
    assert browser.get("/admin/").status_code == 200


class TestSomebodyElsesAddress:
    """An address that was typed in by somebody whose it is not."""

    def test_its_owner_gets_the_account(self, browser):
        Browser("198.51.100.1").sign_up("ada@example.com", "the thief chose this one")
        again = browser.sign_up("ada@example.com")
        assert again.headers["Location"] == "/accounts/confirm-email/"
        assert User.objects.count() == 1
        browser.post("/accounts/password/reset/", email="ada@example.com")
        where = browser.get(link("password/reset/key")).headers["Location"]
        browser.post(where, password1=PASSWORD, password2=PASSWORD)
        browser.log_in("ada@example.com")
        browser.post(link("confirm-email"))
        browser.log_in("ada@example.com")
        assert browser.who == "ada@example.com"
        thief = Browser("198.51.100.1")
        thief.log_in("ada@example.com", "the thief chose this one")
        assert thief.who is None

    def test_it_cannot_be_moved_to_twice(self, browser, ada):
        Browser("198.51.100.1").sign_up("wanted@example.com")
        browser.log_in(ada.email)
        found = browser.post("/accounts/email/", action_add="", email="Wanted@example.com")
        assert found.status_code in {200, 302}
        for at in [at for at, message in enumerate(mail.outbox) if "confirm-email" in str(message.body)]:
            assert Browser().post(link("confirm-email", at)).status_code < 500
        assert browser.who == "ada@example.com"
        assert User.objects.filter(email="wanted@example.com").count() == 1
