"""Single sign-on against a provider that answers over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from controlplane import config
from controlplane.people import form_targets, settings_for
from tenants.models import User
from tests.accounts.conftest import ORIGIN, PASSWORD, Browser, verified

pytestmark = pytest.mark.django_db


class Provider:
    """An OpenID Connect provider, as far as a client sees it."""

    def __init__(self) -> None:
        provider = self
        self.person: dict[str, Any] = {"sub": "77", "email": "ada@corp.example", "email_verified": True, "name": "Ada Corp"}
        self.exchanged: list[dict[str, str]] = []
        self.nonce: str | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply(provider.get(self.path))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.reply(provider.token({key: values[0] for key, values in form.items()}))

            def reply(self, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def get(self, path: str) -> Any:
        if path.startswith("/.well-known/openid-configuration"):
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
            }
        return self.person

    def token(self, form: dict[str, str]) -> Any:
        self.exchanged.append(form)
        claims = {**self.person, "iss": self.url, "aud": "hostel", "exp": time.time() + 60, "iat": time.time(), "nonce": self.nonce}
        return {"access_token": "at", "token_type": "Bearer", "id_token": jwt.encode(claims, "k" * 32, algorithm="HS256")}

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join(timeout=10)
        self.server.server_close()


@pytest.fixture
def provider(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    found = Provider()
    for name, value in {"SERVER_URL": found.url, "CLIENT_ID": "hostel", "CLIENT_SECRET": "s3cret", "ID": "corp", "NAME": "Corp"}.items():
        monkeypatch.setenv(f"HOSTEL_OIDC_{name}", value)
    settings.HOSTEL = config.load()
    settings.SOCIALACCOUNT_PROVIDERS = settings_for(settings.HOSTEL)["SOCIALACCOUNT_PROVIDERS"]
    yield found
    found.close()


def sign_on(browser: Browser, provider: Provider, **query: str) -> Any:
    """From our log-in page to the provider's and back."""
    away = browser.post("/accounts/oidc/corp/login/")
    assert away.status_code == 302, away.text
    parts = urlsplit(away.headers["Location"])
    asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{provider.url}/authorize"
    assert asked["redirect_uri"] == f"{ORIGIN}/accounts/oidc/corp/login/callback/"
    assert asked["code_challenge_method"] == "S256"
    provider.nonce = asked.get("nonce")
    back = {"code": "c0de", "state": asked["state"], **query}
    return browser.client.get("/accounts/oidc/corp/login/callback/", back)


class TestSignOn:
    def test_a_new_person(self, browser, provider):
        assert "Corp" in browser.get("/accounts/login/").text
        assert sign_on(browser, provider).headers["Location"] == "/"
        assert browser.who == "ada@corp.example"
        user = User.objects.get()
        assert (user.name, user.has_usable_password()) == ("Ada Corp", False)
        assert verified("ada@corp.example")
        assert provider.exchanged[0]["code"] == "c0de"
        assert provider.exchanged[0]["code_verifier"]

    def test_the_same_person_again(self, browser, provider):
        sign_on(browser, provider)
        other = Browser()
        sign_on(other, provider)
        assert other.who == "ada@corp.example"
        assert User.objects.count() == 1

    def test_an_address_that_is_not_proven_is_proven_first(self, browser, provider):
        provider.person["email_verified"] = False
        assert sign_on(browser, provider).headers["Location"] == "/accounts/confirm-email/"
        assert browser.who is None

    def test_it_takes_over_nobodys_account(self, browser, provider, ada):
        provider.person["email"] = ada.email
        sign_on(browser, provider)
        assert browser.who is None
        assert User.objects.count() == 1

    def test_one_connects_it_oneself(self, browser, provider, ada):
        browser.log_in(ada.email)
        browser.post("/accounts/reauthenticate/", password=PASSWORD)
        away = browser.client.post("/accounts/oidc/corp/login/?process=connect")
        state = parse_qs(urlsplit(away.headers["Location"]).query)["state"][0]
        browser.client.get("/accounts/oidc/corp/login/callback/", {"code": "c", "state": state})
        other = Browser()
        sign_on(other, provider)
        assert other.who == ada.email

    def test_closed_to_new_people(self, browser, provider, settings):
        from dataclasses import replace

        settings.HOSTEL = replace(settings.HOSTEL, signup="closed")
        sign_on(browser, provider)
        assert browser.who is None
        assert not User.objects.exists()

    def test_another_browsers_state_is_refused(self, browser, provider):
        sign_on(browser, provider, state="another")
        assert browser.who is None

    def test_getting_there_needs_a_form(self, browser, provider):
        assert browser.get("/accounts/oidc/corp/login/").status_code == 200

    def test_the_form_may_lead_there(self, browser, provider, settings):
        assert f"form-action 'self' {provider.url};" in browser.get("/accounts/login/").headers["Content-Security-Policy"]
        assert form_targets(settings.HOSTEL) == f" {provider.url}"


def test_without_a_provider_there_is_none(browser, settings):
    assert settings.SOCIALACCOUNT_PROVIDERS == {}
    assert browser.post("/accounts/oidc/corp/login/").status_code == 404
    assert "form-action 'self';" in browser.get("/accounts/login/").headers["Content-Security-Policy"]
