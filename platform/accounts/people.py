"""The verified addresses of people.

Owns the one thing that django-allauth and `tenants.User` must agree on. Somebody who has signed up has an address row from the first
moment, unverified at first; whoever has none was made by an operator, who vouches for the address.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress

from tenants.models import User
from tenants.models.user import person_made


def vouch(user: User) -> None:
    """Let a person whom an operator has made have the address verified."""
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def connect() -> None:
    """Vouch from now on for whoever is made without having signed up."""
    person_made.connect(_made, weak=False, dispatch_uid="accounts.vouch")


def _made(*, user: User, **_: Any) -> None:
    vouch(user)


def verified_addresses(user: User) -> list[str]:
    """The addresses that are proven to be the person's."""
    vouch(user)
    return list(EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True))
