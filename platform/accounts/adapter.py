"""What django-allauth asks us: who may sign up, what an address looks like, where a visitor comes from, how secrets are kept.

Owns these answers. Must not render pages or count attempts.
"""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.errors import MailUnavailable
from accounts.people import vouch
from accounts.visitors import visitor_address
from tenants import secrets, services
from tenants.errors import FieldInvalid, InvitationNotFound, NameTaken
from tenants.models import User
from tenants.names import check_email

log = structlog.get_logger(__name__)
# Where a session remembers the invitation that its visitor has followed.
INVITATION = "hostel_invitation"
_MFA_CONTEXT = "second factor"
_NAME_CHARACTERS = 200


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts with an address and a password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """As `HOSTEL_SIGNUP` says: everybody, people with an invitation, or nobody."""
        match settings.HOSTEL.signup:
            case "open":
                return True
            case "invited":
                return _invited(request)
        return False

    def clean_email(self, email: str) -> str:
        """The address as it is kept; refused unless it is plain ASCII."""
        try:
            return check_email(email)
        except FieldInvalid as error:
            raise ValidationError(error.message) from None

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Keep the new person, unless somebody else has signed up with the address in the same moment."""
        try:
            with transaction.atomic():
                super().save_user(request, user, form, commit)
        except IntegrityError:
            raise NameTaken("There is a user with this address.", field="email") from None
        return user

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        """Before any log-in, in any way."""
        vouch(user)
        return super().pre_login(request, user, **kwargs)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Where the visitor comes from."""
        return visitor_address(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the invitation that was followed, if one was."""
        secret = request.session.get(INVITATION)
        return f"/accounts/invitations/{secret}/" if secret else super().get_login_redirect_url(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send, or raise `MailUnavailable`."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException) as error:
            log.exception("mail could not be sent", template=template_prefix)
            raise MailUnavailable from error


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts of a single sign-on."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002 - the same for all
        """As for accounts with a password."""
        return AccountAdapter(request).is_open_for_signup(request)

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        """Take the name over, too."""
        user: User = super().populate_user(request, sociallogin, data)
        whole = str(data.get("name") or f"{data.get('first_name') or ''} {data.get('last_name') or ''}").strip()
        user.name = whole.replace("\0", "")[:_NAME_CHARACTERS]
        return user


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors; their secrets are sealed like tenants' ones."""

    def encrypt(self, text: str) -> str:
        """As it is stored."""
        return secrets.seal(text.encode(), context=_MFA_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        """As it is used."""
        return secrets.unseal(encrypted_text, context=_MFA_CONTEXT).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Keys are for this host."""
        return {**super().get_public_key_credential_rp_entity(), "name": "Hostel"}


def _invited(request: HttpRequest) -> bool:
    """Whether the visitor has followed an invitation that is still open."""
    try:
        services.invitation_find(secret=str(request.session.get(INVITATION, "")))
    except InvitationNotFound:
        return False
    return True
