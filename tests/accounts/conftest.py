"""A browser that signs up, reads its mail and logs in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import redis
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client

from tenants import services
from tenants.actor import Actor
from tenants.models import RateCount, User

PASSWORD = "correct horse battery"
HOST = "localhost:8787"
ORIGIN = f"http://{HOST}"


class Browser:
    """A visitor with cookies, at an address of its own."""

    def __init__(self, address: str = "203.0.113.7") -> None:
        self.client = Client(headers={"host": HOST, "x-forwarded-for": address}, raise_request_exception=False)

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)

    def post(self, path: str, **form: Any) -> Any:
        return self.client.post(path, form)

    def sign_up(self, email: str, password: str = PASSWORD) -> Any:
        return self.post("/accounts/signup/", email=email, password1=password, password2=password)

    def log_in(self, email: str, password: str = PASSWORD) -> Any:
        return self.post("/accounts/login/", login=email, password=password)

    @property
    def who(self) -> str | None:
        """Whoever is logged in."""
        found = self.client.get("/api/v1/me")
        return found.json()["email"] if found.status_code == 200 else None

    def options(self, path: str, **headers: str) -> dict[str, Any]:
        """What the page's script hands to the key."""
        page = self.get(path, **headers)
        assert page.status_code == 200, page
        found = re.search(r'<script id="js_data" type="application/json">(.*?)</script>', page.text)
        assert found, page.text
        data = json.loads(found[1])
        options: dict[str, Any] = data.get("creation_options") or data.get("request_options") or data
        return options


@pytest.fixture
def browser(db: None) -> Browser:
    return Browser()


@pytest.fixture
def ada(db: None) -> User:
    """Somebody whom an operator has made."""
    return services.user_create(email="ada@example.com", password=PASSWORD, name="Ada", actor=Actor.system())


def link(pattern: str, message: int = -1) -> str:
    """The path of the address in a message."""
    found = re.search(rf"{ORIGIN}(/\S*{pattern}\S*)", str(mail.outbox[message].body))
    assert found, mail.outbox[message].body
    return found[1]


def verified(email: str) -> bool:
    return EmailAddress.objects.filter(email=email, verified=True).exists()


def forget_attempts() -> None:
    """Begin to count anew."""
    RateCount.objects.all().delete()
    if settings.HOSTEL.redis_url:
        # Not the cache's own clear(): that would empty the whole database, which others use, too.
        with redis.Redis.from_url(settings.HOSTEL.redis_url) as client:
            for key in client.scan_iter("hostel:counters:*"):
                client.delete(key)


@pytest.fixture(autouse=True)
def quick(db: None, settings: Any) -> None:
    """Nobody has tried anything yet, and passwords are hashed in no time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # As where mail goes to a server (tests/controlplane/test_people.py has the other case).
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    forget_attempts()
