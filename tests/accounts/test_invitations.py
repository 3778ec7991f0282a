"""Following an invitation: logged in or not, with an account or without."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core import mail

from tenants import services
from tenants.actor import Actor
from tenants.models import Invitation, Membership
from tests.accounts.conftest import Browser, link

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()


def invite(tenant, **values) -> str:
    """The path of a new invitation's page."""
    _, secret = services.invitation_create(**{"tenant": tenant, "role": "developer", "may_own": False, "actor": SYSTEM, **values})
    return f"/accounts/invitations/{secret}/"


def test_somebody_who_is_logged_in_accepts(browser, ada, tenant):
    where = invite(tenant)
    browser.log_in(ada.email)
    page = browser.get(where)
    assert "Acme" in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert browser.post(where).headers["Location"] == "/"
    assert Membership.objects.get().role == "developer"
    assert "Acme" in browser.get("/accounts/").text
    assert browser.get(where).status_code == 404


def test_looking_is_not_accepting(browser, ada, tenant):
    where = invite(tenant)
    browser.log_in(ada.email)
    browser.get(where)
    assert not Membership.objects.exists()
    assert browser.client.head(where).status_code == 200
    assert Invitation.objects.get().accepted_at is None


def test_whoever_logs_in_comes_back(browser, ada, tenant):
    where = invite(tenant)
    assert browser.post(where).headers["Location"].startswith("/accounts/login/")
    assert "sign up" in browser.get(where).text
    assert browser.log_in(ada.email).headers["Location"] == where


def test_who_is_invited_may_sign_up_where_others_may_not(browser, tenant, settings):
    settings.HOSTEL = replace(settings.HOSTEL, signup="invited")
    where = invite(tenant, email="new@example.com")
    browser.get(where)
    assert browser.sign_up("new@example.com").headers["Location"] == "/accounts/confirm-email/"
    browser.post(link("confirm-email"))
    assert browser.log_in("new@example.com").headers["Location"] == where
    assert browser.post(where).status_code == 302
    assert Membership.objects.get().user.email == "new@example.com"
    # Used up: the session does not open the door again.
    browser.post("/accounts/logout/")
    browser.sign_up("another@example.com")
    assert len(mail.outbox) == 1


def test_one_for_another_address(browser, ada, tenant):
    where = invite(tenant, email="bob@example.com")
    browser.log_in(ada.email)
    refused = browser.post(where)
    assert (refused.status_code, "another address" in refused.text) == (403, True)
    assert not Membership.objects.exists()


@pytest.mark.parametrize("secret", ["x", "x" * 43, "..", "%00", "a" * 2000])
def test_none(browser, secret):
    page = browser.get(f"/accounts/invitations/{secret}/")
    assert page.status_code == 404


def test_form_token_is_needed(ada, tenant):
    browser = Browser()
    browser.client.handler.enforce_csrf_checks = True
    browser.client.force_login(ada)
    assert browser.post(invite(tenant)).status_code == 403
    assert not Membership.objects.exists()


def test_suspended(browser, ada, tenant):
    where = invite(tenant)
    services.tenant_suspend(tenant=tenant, reason="unpaid", actor=SYSTEM)
    browser.log_in(ada.email)
    assert browser.post(where).status_code == 403
