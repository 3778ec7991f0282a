"""What may be done (scopes), and which of it a role may do.

Owns the two tables every refusal rests on; docs/access.md shows them. Must not know who asks: `tenants.access` does. Touches no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models


class Scope(models.TextChoices):
    """One right. Tokens hold some; a role stands for some. The label is the sentence that pages and documents show."""

    WORKERS_READ = "workers:read", "look at workers, versions, deployments, host names and limits"
    WORKERS_DEPLOY = "workers:deploy", "upload versions (without new secrets) and deploy them"
    WORKERS_WRITE = "workers:write", "everything with workers: settings, secrets, host names and deletion, too"
    SECRETS_WRITE = "secrets:write", "set and remove secrets"
    TELEMETRY_READ = "telemetry:read", "read logs, traces and measurements"
    FLAGS_READ = "flags:read", "look at feature flags, segments and layers, and evaluate flags"
    FLAGS_WRITE = "flags:write", "change feature flags, segments and layers"
    FLAGS_EVALUATE = "flags:evaluate", "evaluate feature flags, without seeing their rules"
    FLAGS_CLIENT = "flags:client", "evaluate public feature flags: for web clients, whose tokens everybody can read"
    TENANT_READ = "tenant:read", "look at the tenant, its members, invitations and tokens"
    TENANT_WRITE = "tenant:write", "change the tenant's name, members, invitations, everybody's tokens, webhooks"
    TOKENS_WRITE = "tokens:write", "make and revoke one's own tokens, with no more rights than one has"
    AUDIT_READ = "audit:read", "read and export the audit log"
    BILLING_READ = "billing:read", "look at plan and usage"
    BILLING_WRITE = "billing:write", "change the plan"
    TENANT_OWN = "tenant:own", "make and unmake owners, export and delete the tenant"
    # Everything an operator may do; only tokens without a tenant can have it.
    OPERATOR = "operator", "act on the platform itself, and on no tenant's things"


class Role(models.TextChoices):
    """What a person is in a tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"
    BILLING = "billing"


# Scopes that a scope brings with it.
INCLUDED: Mapping[str, frozenset[str]] = {
    Scope.WORKERS_DEPLOY: frozenset({Scope.WORKERS_READ}),
    Scope.WORKERS_WRITE: frozenset({Scope.WORKERS_READ, Scope.WORKERS_DEPLOY, Scope.SECRETS_WRITE, Scope.TELEMETRY_READ}),
    Scope.FLAGS_WRITE: frozenset({Scope.FLAGS_READ, Scope.FLAGS_EVALUATE, Scope.FLAGS_CLIENT}),
    Scope.FLAGS_READ: frozenset({Scope.FLAGS_EVALUATE, Scope.FLAGS_CLIENT}),
    Scope.FLAGS_EVALUATE: frozenset({Scope.FLAGS_CLIENT}),
    Scope.TENANT_WRITE: frozenset({Scope.TENANT_READ, Scope.TOKENS_WRITE, Scope.AUDIT_READ}),
    Scope.BILLING_WRITE: frozenset({Scope.BILLING_READ}),
}
# THE table of roles. Nothing else decides what a role may do.
ROLE_SCOPES: Mapping[str, frozenset[str]] = {
    Role.OWNER: frozenset({Scope.WORKERS_WRITE, Scope.FLAGS_WRITE, Scope.TENANT_WRITE, Scope.TENANT_OWN, Scope.BILLING_WRITE}),
    Role.ADMIN: frozenset({Scope.WORKERS_WRITE, Scope.FLAGS_WRITE, Scope.TENANT_WRITE, Scope.BILLING_READ}),
    Role.DEVELOPER: frozenset({Scope.WORKERS_WRITE, Scope.FLAGS_WRITE, Scope.TENANT_READ, Scope.TOKENS_WRITE, Scope.BILLING_READ}),
    Role.VIEWER: frozenset({Scope.WORKERS_READ, Scope.FLAGS_READ, Scope.TELEMETRY_READ, Scope.TENANT_READ}),
    Role.BILLING: frozenset({Scope.TENANT_READ, Scope.BILLING_WRITE}),
}
# The only scopes of a token that is limited to some workers: everything else reaches past them.
WORKER_SCOPES = frozenset({Scope.WORKERS_READ, Scope.WORKERS_DEPLOY, Scope.WORKERS_WRITE, Scope.SECRETS_WRITE, Scope.TELEMETRY_READ})


def expanded(scopes: Iterable[str]) -> frozenset[str]:
    """`scopes` with everything they include."""
    held = set(scopes)
    return frozenset(held.union(*(INCLUDED.get(scope, frozenset()) for scope in held)))


def role_scopes(role: str) -> frozenset[str]:
    """Everything a role may do; nothing, for a word that is no role."""
    return expanded(ROLE_SCOPES.get(role, frozenset()))


def scopes_table() -> str:
    """Scopes as the Markdown table of docs/access.md: what each allows and includes, and which roles have it."""
    lines = ["| scope | allows to | includes | " + " | ".join(Role.values) + " |", "|---|---|---|" + "---|" * len(Role.values)]
    for scope in Scope:
        includes = ", ".join(f"`{other}`" for other in Scope.values if other in INCLUDED.get(scope, ()))
        marks = " | ".join("yes" if scope in role_scopes(role) else "" for role in Role.values)
        lines.append(f"| `{scope.value}` | {scope.label} | {includes} | {marks} |")
    return "\n".join(lines) + "\n"
