"""The token's tenant and its tokens."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import access_of, actor_of, tenant_of
from api.bodies import validated
from api.revisions import IF_MATCH, expected, tagged
from api.serializers.people import TenantChange
from api.serializers.tokens import Token, TokenMade, TokenSent
from api.serializers.workers import Tenant
from api.views.base import PAGE_PARAMETERS, TenantView, json_of, list_of, listed
from cfapi.paging import page_of
from tenants import selectors, services
from tenants.roles import Scope


class TenantSelf(TenantView):
    """`/tenant`."""

    read_scope = None
    write_scope = "tenant:write"

    @extend_schema(operation_id="tenant_get", responses=Tenant)
    def get(self, request: Request) -> Response:
        """The tenant that the token belongs to, or that the session names."""
        tenant = tenant_of(request)
        return tagged(Response(Tenant(tenant).data), tenant.revision)

    @extend_schema(operation_id="tenant_update", parameters=[IF_MATCH], request=json_of(TenantChange), responses=Tenant)
    def patch(self, request: Request) -> Response:
        """Change the name that people see; the slug stays, because it is part of every worker's address."""
        sent = validated(request, TenantChange)
        row = services.tenant_rename(tenant=tenant_of(request), name=sent["name"], expected=expected(request), actor=actor_of(request))
        return tagged(Response(Tenant(row).data), row.revision)


class Tokens(TenantView):
    """`/tokens`."""

    read_scope = "tenant:read"
    write_scope = "tokens:write"

    @extend_schema(operation_id="token_list", parameters=PAGE_PARAMETERS, responses=list_of("Token", Token))
    def get(self, request: Request) -> Response:
        """The tenant's tokens, without their secrets."""
        rows = selectors.token_list(tenant=tenant_of(request))
        return Response(listed(page_of(request._request, rows, lambda row: Token(row).data, per_page=100)))  # noqa: SLF001

    @extend_schema(operation_id="token_create", request=json_of(TokenSent), responses={201: TokenMade})
    def post(self, request: Request) -> Response:
        """Make a token; it can be given no scope that the caller lacks. The reply is the only place its secret is shown.

        It acts in the name of the person who makes it (or for whom the caller's token acts), and never has more rights than that person
        has in the tenant: it shrinks with their role, and ends when they leave.
        """
        sent = validated(request, TokenSent)
        mine = access_of(request)
        for scope in sent["scopes"]:
            mine.require(scope)
        token, secret = services.token_create(
            tenant=tenant_of(request),
            name=sent["name"],
            scopes=sent["scopes"],
            workers=sent["workers"],
            expires_at=sent["expires_at"],
            user=mine.user,
            actor=actor_of(request),
        )
        return Response({**Token(token).data, "secret": secret}, status=201)


class TokenOne(TenantView):
    """`/tokens/{token_id}`."""

    read_scope = "tenant:read"
    write_scope = "tokens:write"

    @extend_schema(operation_id="token_get", responses=Token)
    def get(self, request: Request, token_id: UUID) -> Response:
        """One token, without its secret."""
        return Response(Token(selectors.token_get(tenant=tenant_of(request), token_id=token_id)).data)

    @extend_schema(operation_id="token_revoke", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke the token: it is refused from now on, and stays in the list. Another person's needs `tenant:write`."""
        access = access_of(request)
        token = selectors.token_get(tenant=tenant_of(request), token_id=token_id)
        if access.user is None or token.user_id != access.user.pk:
            access.require(Scope.TENANT_WRITE)
        services.token_revoke(token=token, actor=actor_of(request))
        return Response(status=204)
