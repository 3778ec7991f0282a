"""Operators' log-in, slowed down for whoever guesses.

Owns the counting of attempts; Django's admin owns the form. Counts are exact over all processes (tenants.services.throttle).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from sandbox.errors import HostelError
from tenants import services

# Attempts in a minute: at one address book entry, and from one visitor.
PER_EMAIL, PER_VISITOR = 10, 30
MINUTE = 60


class LoginThrottled(HostelError):
    """Too many attempts to log in: wait a minute."""

    code = "login_throttled"
    status = 429
    fault = "visitor"


def throttled(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """`view`, with its POSTs counted; raises `LoginThrottled` past the limits, whether the password was right or not."""

    def login(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            _count("email", request.POST.get("username", "").strip().lower(), PER_EMAIL)
            _count("visitor", visitor_of(request), PER_VISITOR)
        return view(request)

    return login


def visitor_of(request: HttpRequest) -> str:
    """The nearest address that is no proxy of ours: the gateway adds whom it saw, and every entry left of a stranger is hearsay."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    entries = [entry.strip() for entry in forwarded.split(",")]
    return next((entry for entry in reversed(entries) if not _trusted(entry)), entries[0])


def _trusted(entry: str) -> bool:
    try:
        address = ip_address(entry)
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in settings.HOSTEL.trusted_proxies)


def _count(what: str, who: str, limit: int) -> None:
    # Hashed, so that what people type by mistake (a password, say) is kept nowhere.
    key = f"login:{what}:{hashlib.sha256(who.encode('utf-8', 'replace')).hexdigest()[:32]}"
    found = services.throttle(key=key, limit=limit, period_seconds=MINUTE)
    if not found.allowed:
        raise LoginThrottled(retry_after=found.resets_in)
