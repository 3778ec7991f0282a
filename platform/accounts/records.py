"""What people do to their accounts, in the audit log.

Owns the translation of django-allauth's signals into events of the platform's chain.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.db import transaction
from django.dispatch import Signal

from tenants.actor import Actor
from tenants.models import User
from tenants.services.audit import audit

_SIGNALS: dict[str, Signal] = {
    "user_signup": account.user_signed_up,
    "user_password_change": account.password_changed,
    "user_password_set": account.password_set,
    "user_password_reset": account.password_reset,
    "user_email_change": account.email_changed,
    "user_factor_add": mfa.authenticator_added,
    "user_factor_remove": mfa.authenticator_removed,
    "user_factor_reset": mfa.authenticator_reset,
}


def connect() -> None:
    """Listen from now on."""
    for action, signal in _SIGNALS.items():
        signal.connect(_recorder(action), weak=False, dispatch_uid=f"accounts.{action}")


def _recorder(action: str) -> Any:
    def record(*, user: User, authenticator: Any = None, to_email_address: Any = None, **_: Any) -> None:
        facts = {}
        if authenticator is not None:
            facts["factor"] = str(authenticator.type)
        if to_email_address is not None:
            facts["address"] = str(to_email_address.email)
        with transaction.atomic():
            audit(tenant=None, actor=Actor.of_user(user), action=action, target=user.email, **facts)

    return record
