"""How often people may try: logging in, signing up, asking for mail, guessing codes.

Owns the table of what is counted by whom, per page. Counted by django-ratelimit on the cache `counters`, exactly and over all processes.
Tokens' calls are another matter (`cfapi.auth.throttle`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from allauth.account.internal.stagekit import unstash_login
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.errors import TooManyAttempts
from accounts.visitors import visitor_address
from tenants.models import User

IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts in so many seconds, counted for what `who` finds in the request; nothing is counted where it finds nothing."""

    who: Callable[[HttpRequest], str]
    attempts: int
    seconds: int


def _visitor(request: HttpRequest) -> str:
    """The visitor's address; of IPv6, the network that one customer has."""
    address = ip_address(visitor_address(request))
    return f"visitor:{ip_network((address, IPV6_PREFIX), strict=False) if address.version == 6 else address}"  # noqa: PLR2004 - IPv6


def _address(request: HttpRequest) -> str:
    """The e-mail address that was typed in, whatever its letters' case."""
    typed = (request.POST.get("login") or request.POST.get("email") or "").strip().lower()
    return f"address:{typed}" if typed else ""


def _person(request: HttpRequest) -> str:
    """Who is logged in, or is on the way: has given the password and is asked for a second factor."""
    if request.user.is_authenticated:
        return f"person:{request.user.pk}"
    login = unstash_login(request, peek=True)
    return f"person:{login.user.pk}" if login is not None and isinstance(login.user, User) else ""


MINUTE, HOUR = 60, 3600
GUESSES = Limit(_person, 10, 5 * MINUTE)
VISITS = Limit(_visitor, 30, MINUTE)
MAILS = Limit(_address, 5, HOUR)
_SECOND_FACTOR = (GUESSES, VISITS)
_NEW_PEOPLE = (Limit(_visitor, 20, HOUR), MAILS)
# Name of an address -> what its POSTs are counted against. Pages that are not here change nothing that can be guessed or sent.
LIMITS: Mapping[str, Sequence[Limit]] = {
    "account_login": (Limit(_address, 10, MINUTE), VISITS),
    "account_signup": _NEW_PEOPLE,
    "socialaccount_signup": _NEW_PEOPLE,
    "account_reset_password": _NEW_PEOPLE,
    "account_reset_password_from_key": (VISITS,),
    "account_confirm_email": (VISITS,),
    "account_email": (Limit(_person, 10, HOUR),),
    "account_change_password": _SECOND_FACTOR,
    "account_set_password": _SECOND_FACTOR,
    "account_reauthenticate": _SECOND_FACTOR,
    "mfa_authenticate": _SECOND_FACTOR,
    "mfa_reauthenticate": _SECOND_FACTOR,
    "mfa_reauthenticate_webauthn": _SECOND_FACTOR,
    "mfa_login_webauthn": (VISITS,),
    "mfa_activate_totp": _SECOND_FACTOR,
    "mfa_deactivate_totp": _SECOND_FACTOR,
    "mfa_add_webauthn": _SECOND_FACTOR,
    "mfa_generate_recovery_codes": _SECOND_FACTOR,
    "openid_connect_login": (VISITS,),
    "openid_connect_callback": (VISITS,),
    "invitation": (VISITS,),
    "admin:password_change": _SECOND_FACTOR,
}
# Counted at GET, too: links that hold what could be guessed.
ALSO_READ = frozenset({"account_confirm_email", "account_reset_password_from_key", "openid_connect_callback", "invitation"})


def count(request: HttpRequest, name: str) -> None:
    """Count an attempt at the page of that name. Raises `TooManyAttempts` past a limit, with `retry_after` in seconds."""
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"} and name not in ALSO_READ:
        return
    for limit in LIMITS.get(name, ()):
        count_one(request, f"accounts:{name}", limit)


def count_one(request: HttpRequest, group: str, limit: Limit) -> None:
    """Count an attempt against one limit. Raises as `count`."""
    who = limit.who(request)
    if not who:
        return
    # The library hashes the key: what people type by mistake (a password, say) is kept nowhere.
    usage = get_usage(request, group=group, key=lambda _group, _request: who, rate=(limit.attempts, limit.seconds), increment=True)
    if usage is not None and usage["should_limit"]:
        raise TooManyAttempts(retry_after=max(1, usage["time_left"]))
