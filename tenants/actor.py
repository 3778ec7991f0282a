"""Who does something: the identity that services write into versions, deployments and the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from tenants.models import ApiToken, User


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, a token or the platform itself. `email` is whom a tenant's page names as the author."""

    kind: Literal["user", "token", "system"]
    id: str = ""
    email: str = ""

    @classmethod
    def system(cls) -> Self:
        """The platform."""
        return cls("system")

    @classmethod
    def of_user(cls, user: User) -> Self:
        """A person."""
        return cls("user", str(user.pk), user.email)

    @classmethod
    def of_token(cls, token: ApiToken) -> Self:
        """A token, in the name of its person where it has one."""
        return cls("token", str(token.pk), token.user.email if token.user else token.name)

    def __str__(self) -> str:
        """As the audit log has it: `user:3`."""
        return f"{self.kind}:{self.id}" if self.id else self.kind
