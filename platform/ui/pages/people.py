"""A tenant's members and invitations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.invitations import invitation_count, invitation_link, invitation_send
from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import InvitationNotFound
from tenants.roles import Role, Scope, role_scopes
from tenants.selectors.tenants import as_uuid
from ui.page import TenantPage

PER_PAGE = 100
INVITATIONS = 50


class Members(TenantPage):
    """`/t/{tenant}/members`."""

    template = "ui/members.html"
    title = "Members"
    place = "members"
    read_scope = "tenant:read"
    # Leaving is everybody's own business; the rest is asked for by each action.
    write_scope = "tenant:read"
    actions = ("role", "remove", "invite", "uninvite", "leave")
    action_scopes = {"role": "tenant:write", "remove": "tenant:write", "invite": "tenant:write", "uninvite": "tenant:write"}  # noqa: RUF012 - never changed
    api = "/api/v1/members"

    def context(self) -> dict[str, Any]:
        """Members, open invitations, and what each role may do."""
        now = timezone.now()
        invitations = selectors.invitation_list(tenant=self.tenant).filter(accepted_at=None, revoked_at=None, expires_at__gt=now)
        return {
            "found": page_of(self.request, selectors.member_list(tenant=self.tenant), per_page=PER_PAGE),
            "invitations": list(invitations[:INVITATIONS]),
            "roles": Role.values,
            "table": [(scope, [scope in role_scopes(role) for role in Role.values]) for scope in Scope if scope != Scope.OPERATOR],
        }

    def do_role(self) -> HttpResponseBase | None:
        """Give a member another role."""
        row = services.member_role_set(
            tenant=self.tenant,
            member_id=self.number("member"),
            role=self.field("role"),
            may_own=self._owns,
            expected=self.revision,
            actor=self.actor,
        )
        self.say(f"{row.user.email} is {row.role} now.")
        return None

    def do_remove(self) -> HttpResponseBase | None:
        """End somebody's membership."""
        member = selectors.member_get(tenant=self.tenant, member_id=self.number("member"))
        self.confirmed(member.user.email)
        services.member_remove(tenant=self.tenant, member_id=member.pk, may_own=self._owns, actor=self.actor)
        self.say(f"{member.user.email} does not belong to the tenant any more.")
        return None

    def do_invite(self) -> HttpResponseBase:
        """Make an invitation, send it where it has an address, and show its link: the only time."""
        email = self.field("email")
        if email:
            invitation_count(self.request, self.tenant.pk)
        row, secret = services.invitation_create(
            tenant=self.tenant, role=self.field("role"), email=email, invited_by=self.user, may_own=self._owns, actor=self.actor
        )
        link = invitation_link(self.request, secret)
        return self.show(status=201, made=row, link=link, mailed=invitation_send(self.request, row, link=link))

    def do_uninvite(self) -> HttpResponseBase | None:
        """Take an open invitation back."""
        found: UUID | None = as_uuid(self.field("invitation"))
        if found is None:
            raise InvitationNotFound
        services.invitation_revoke(tenant=self.tenant, invitation_id=found, actor=self.actor)
        self.say("The invitation is taken back.")
        return None

    def do_leave(self) -> HttpResponseBase:
        """End one's own membership."""
        self.confirmed(self.tenant.slug)
        services.tenant_leave(tenant=self.tenant, user=self.user, actor=self.actor)
        return HttpResponseRedirect("/")

    @property
    def _owns(self) -> bool:
        return self.access is not None and self.access.allows(Scope.TENANT_OWN)
