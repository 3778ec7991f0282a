"""`hostel token …`: API tokens."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ops.cli import Outcome, facts, table
from ops.commands.support import later, moment, operator
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.models import ApiToken

_COLUMNS = ("id", "prefix", "name", "scopes", "expires", "last_used", "revoked")


def create(options: Namespace) -> Outcome:
    """Make a token; its text is shown this once."""
    if bool(options.tenant) == options.operator:
        raise FieldInvalid("Say whose token it is: --tenant SLUG, or --operator.", field="--tenant")
    tenant = selectors.tenant_named(name=options.tenant) if options.tenant else None
    scopes = options.scope or ([ApiToken.Scope.OPERATOR.value] if options.operator else [])
    token, text = services.token_create(
        tenant=tenant, name=options.name, scopes=scopes, expires_at=later(options.expires, field="--expires"), actor=operator()
    )
    data = {**described(token), "token": text}
    return Outcome(data, [*facts(data), "", "The token is not stored: keep it now."])


def show_all(options: Namespace) -> Outcome:
    """The tokens of a tenant, or of operators."""
    tenant = selectors.tenant_named(name=options.tenant) if options.tenant else None
    rows = [described(token) for token in selectors.token_list_of(tenant=tenant)]
    return Outcome(rows, table(rows, _COLUMNS))


def revoke(options: Namespace) -> Outcome:
    """End a token."""
    token = selectors.token_named(name=options.token)
    services.token_revoke(token=token, actor=operator())
    token.refresh_from_db()
    return Outcome(described(token), [f"Revoked {token} ({token.name})."])


def described(token: ApiToken) -> dict[str, Any]:
    """A token as the command line shows it, without its secret."""
    return {
        "id": str(token.pk),
        "prefix": token.prefix,
        "name": token.name,
        "tenant": token.tenant.slug if token.tenant else None,
        "scopes": list(token.scopes),
        "expires": moment(token.expires_at),
        "last_used": moment(token.last_used_at),
        "revoked": moment(token.revoked_at),
    }
