"""What a caller may do: one value for a token, a person in a tenant and an operator.

Owns the meeting of who asks with the tables of `tenants.roles`. Must not read requests (the APIs do), and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tenants.actor import Actor
from tenants.errors import TokenScopeMissing
from tenants.roles import Scope, role_scopes

if TYPE_CHECKING:
    from tenants.models import ApiToken, Membership, Tenant, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A caller with a tenant (or, for operators and people who have chosen none, without) and the scopes held in it.

    `tenant` carries the caller's restriction to some workers with it (`Tenant.only_workers`), so whatever looks for a worker obeys it.
    """

    tenant: Tenant | None
    scopes: frozenset[str]
    user: User | None = None
    token: ApiToken | None = None
    membership: Membership | None = None

    @classmethod
    def of_token(cls, token: ApiToken) -> Self:
        """A token: its scopes, as far as the person it belongs to (if any) still has them."""
        return cls(tenant=token.tenant, scopes=token.held(), user=token.user, token=token)

    @classmethod
    def of_member(cls, membership: Membership) -> Self:
        """A person in one of their tenants. The membership's tenant and user must be loaded."""
        return cls(
            tenant=membership.tenant,
            scopes=role_scopes(membership.role),
            user=membership.user,
            membership=membership,
        )

    @classmethod
    def of_person(cls, user: User) -> Self:
        """A person outside of any tenant; an operator, if they are staff."""
        return cls(tenant=None, scopes=frozenset({Scope.OPERATOR}) if user.is_staff else frozenset(), user=user)

    @property
    def actor(self) -> Actor:
        """Who acts, for services."""
        if self.token is not None:
            return Actor.of_token(self.token)
        return Actor.of_user(self.user) if self.user is not None else Actor.system()

    def allows(self, scope: str) -> bool:
        """Whether the caller may do what `scope` stands for."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Raise `TokenScopeMissing` (naming the scope) unless the caller may."""
        if not self.allows(scope):
            who = "The token needs" if self.token is not None else "Your role does not have"
            raise TokenScopeMissing(f"{who} the scope {str(scope)!r}.", scope=str(scope))
