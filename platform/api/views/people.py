"""People: who asks, the tenants they belong to, a tenant's members and invitations."""

from __future__ import annotations

from uuid import UUID

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.invitations import invitation_count, invitation_link, invitation_send
from accounts.limits import VISITS, count_one
from accounts.people import verified_addresses
from api.auth import access_of, actor_of, person_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.people import (
    Belonging,
    Invitation,
    InvitationMade,
    InvitationSecret,
    InvitationSent,
    Member,
    MemberChange,
    Myself,
    TenantSent,
)
from api.serializers.workers import Tenant
from api.views.base import PAGE_PARAMETERS, CallerView, PersonView, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import SessionRequired
from tenants.roles import Scope


class Me(CallerView):
    """`/me`."""

    @extend_schema(operation_id="me", responses=Myself)
    def get(self, request: Request) -> Response:
        """Who asks: a person with their tenants, or a token with what it may do."""
        access = access_of(request)
        user = access.user
        found = {
            "email": user.email if user else None,
            "name": user.name if user else "",
            "operator": access.allows(Scope.OPERATOR),
            "tenants": [] if access.token or user is None else selectors.memberships_of_user(user=user),
            "token": access.token,
            "form_token": None if access.token else get_token(request._request),  # noqa: SLF001
        }
        return Response(Myself(found).data)


class Tenants(PersonView):
    """`/tenants`."""

    @extend_schema(operation_id="tenant_list", parameters=PAGE_PARAMETERS, responses=list_of("Belonging", Belonging))
    def get(self, request: Request) -> Response:
        """The tenants that the person belongs to, and as what."""
        rows = selectors.memberships_of_user(user=person_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Belonging(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="tenant_create", request=json_of(TenantSent), responses={201: Tenant})
    def post(self, request: Request) -> Response:
        """Make a tenant, and own it."""
        sent = validated(request, TenantSent)
        made = services.tenant_found(slug=sent["slug"], name=sent["name"], user=person_of(request), actor=actor_of(request))
        return tagged(Response(Tenant(made).data, status=201), made.revision)


class Leave(TenantView):
    """`/tenant/leave`."""

    write_scope = None

    @extend_schema(operation_id="tenant_leave", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End one's own membership, with one's tokens and open invitations. The last owner cannot; tokens cannot either."""
        access = access_of(request)
        if access.token is not None or access.user is None:
            raise SessionRequired
        services.tenant_leave(tenant=tenant_of(request), user=access.user, actor=actor_of(request))
        return Response(status=204)


class Members(TenantView):
    """`/members`."""

    read_scope = "tenant:read"
    write_scope = "tenant:write"

    @extend_schema(operation_id="member_list", parameters=PAGE_PARAMETERS, responses=list_of("Member", Member))
    def get(self, request: Request) -> Response:
        """The people who belong to the tenant."""
        rows = selectors.member_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Member(row).data, per_page=100)))  # noqa: SLF001


class MemberOne(TenantView):
    """`/members/{member_id}`."""

    read_scope = "tenant:read"
    write_scope = "tenant:write"

    @extend_schema(operation_id="member_get", responses=Member)
    def get(self, request: Request, member_id: int) -> Response:
        """One member."""
        row = selectors.member_get(tenant=tenant_of(request), member_id=member_id)
        return tagged(Response(Member(row).data), row.revision)

    @extend_schema(operation_id="member_update", parameters=[IF_MATCH], request=json_of(MemberChange), responses=Member)
    def patch(self, request: Request, member_id: int) -> Response:
        """Give a member another role; it counts from the next request on. Only owners (`tenant:own`) make and unmake owners."""
        sent = validated(request, MemberChange)
        row = services.member_role_set(
            tenant=tenant_of(request),
            member_id=member_id,
            role=sent["role"],
            may_own=access_of(request).allows(Scope.TENANT_OWN),
            expected=expected(request),
            actor=actor_of(request),
        )
        return tagged(Response(Member(row).data), row.revision)

    @extend_schema(operation_id="member_remove", parameters=[IF_MATCH], responses={204: None})
    def delete(self, request: Request, member_id: int) -> Response:
        """End somebody's membership, with their tokens in this tenant and the open invitations they have sent."""
        services.member_remove(
            tenant=tenant_of(request),
            member_id=member_id,
            may_own=access_of(request).allows(Scope.TENANT_OWN),
            expected=expected(request),
            actor=actor_of(request),
        )
        return Response(status=204)


class Invitations(TenantView):
    """`/invitations`."""

    read_scope = "tenant:read"
    write_scope = "tenant:write"

    @extend_schema(operation_id="invitation_list", parameters=PAGE_PARAMETERS, responses=list_of("Invitation", Invitation))
    def get(self, request: Request) -> Response:
        """The tenant's invitations, newest first, without their links."""
        rows = selectors.invitation_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Invitation(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="invitation_create", request=json_of(InvitationSent), responses={201: InvitationMade})
    def post(self, request: Request) -> Response:
        """Make an invitation. The reply is the only place its link is shown; with an address, the link is sent there, too."""
        sent = validated(request, InvitationSent)
        access = access_of(request)
        if sent["email"]:
            invitation_count(request._request, tenant_of(request).pk)  # noqa: SLF001
        row, secret = services.invitation_create(
            tenant=tenant_of(request),
            role=sent["role"],
            email=sent["email"],
            hours=sent["hours"],
            invited_by=access.user,
            may_own=access.allows(Scope.TENANT_OWN),
            actor=actor_of(request),
        )
        link = invitation_link(request._request, secret)  # noqa: SLF001
        mailed = invitation_send(request._request, row, link=link)  # noqa: SLF001
        return Response({**Invitation(row).data, "link": link, "mailed": mailed}, status=201)


class InvitationAccept(PersonView):
    """`/invitations/accept`."""

    @extend_schema(operation_id="invitation_accept", request=json_of(InvitationSecret), responses={201: Belonging})
    def post(self, request: Request) -> Response:
        """Become a member by an invitation's secret: the last part of its link. It is good once."""
        count_one(request._request, "api:invitation_accept", VISITS)  # noqa: SLF001
        sent = validated(request, InvitationSecret)
        user = person_of(request)
        member = services.invitation_accept(secret=sent["secret"], user=user, verified=verified_addresses(user), actor=actor_of(request))
        return Response(Belonging(member).data, status=201)


class InvitationOne(TenantView):
    """`/invitations/{invitation_id}`."""

    read_scope = "tenant:read"
    write_scope = "tenant:write"

    @extend_schema(operation_id="invitation_get", responses=Invitation)
    def get(self, request: Request, invitation_id: UUID) -> Response:
        """One invitation, without its link."""
        return Response(Invitation(selectors.invitation_get(tenant=tenant_of(request), invitation_id=invitation_id)).data)

    @extend_schema(operation_id="invitation_revoke", responses={204: None})
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Take the invitation back, unless it was accepted."""
        services.invitation_revoke(tenant=tenant_of(request), invitation_id=invitation_id, actor=actor_of(request))
        return Response(status=204)
