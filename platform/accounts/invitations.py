"""Sending invitations.

Owns the message and how many a tenant may send. Making and accepting invitations is the services' (`tenants.services.invitations`).
"""

from __future__ import annotations

from django.http import HttpRequest

from accounts.adapter import AccountAdapter
from accounts.errors import MailUnavailable
from accounts.limits import HOUR, Limit, count_one
from tenants.models import Invitation

PER_TENANT = 50


def invitation_link(request: HttpRequest, secret: str) -> str:
    """The address of the invitation's page, at the host that was asked."""
    return request.build_absolute_uri(f"/accounts/invitations/{secret}/")


def invitation_count(request: HttpRequest, tenant_id: int) -> None:
    """Count one message of a tenant's. Raises `TooManyAttempts` past `PER_TENANT` in an hour."""
    count_one(request, "accounts:invite", Limit(lambda _request: f"tenant:{tenant_id}", PER_TENANT, HOUR))


def invitation_send(request: HttpRequest, invitation: Invitation, *, link: str) -> bool:
    """Send the link to the invitation's address; False where mail cannot be sent, or there is no address."""
    if not invitation.email:
        return False
    context = {
        "tenant": invitation.tenant,
        "role": invitation.role,
        "inviter": invitation.invited_by.get_full_name() if invitation.invited_by else invitation.tenant.name,
        "expires_at": invitation.expires_at,
        "link": link,
    }
    try:
        AccountAdapter(request).send_mail("accounts/email/invitation", invitation.email, context)
    except MailUnavailable:
        return False
    return True
