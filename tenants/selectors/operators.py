"""What whoever runs the platform asks: across tenants, or by names as people type them.

Must not be reached by anything a tenant can call: nothing here is scoped by a tenant.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from tenants.errors import FieldInvalid, TenantNotFound, TokenNotFound
from tenants.models import ApiToken, Deployment, Domain, Tenant, User, Version, VersionImage, Webhook, WebhookDelivery, Worker
from tenants.selectors.tenants import as_uuid

# The part of a token that is stored to be shown, and enough of it to mean one of many.
_SHOWN_CHARACTERS, _LEAST_CHARACTERS = 12, 8


def tenant_list() -> QuerySet[Tenant]:
    """Every tenant, by slug."""
    return Tenant.objects.order_by("slug")


def tenant_named(*, name: str) -> Tenant:
    """The tenant of a slug or an account id; raises `TenantNotFound`."""
    tenant = Tenant.objects.filter(Q(slug=name) | Q(account_id=name)).first() if "\0" not in name else None
    if tenant is None:
        raise TenantNotFound(f"There is no tenant {name[:80]!r}.")
    return tenant


def tenant_counts(*, tenant: Tenant) -> dict[str, int]:
    """How many of what the tenant has; bytes are those of its images."""
    images = VersionImage.objects.filter(tenant=tenant).aggregate(total=Sum("size"))["total"] or 0
    return {
        "workers": Worker.objects.filter(tenant=tenant).count(),
        "versions": Version.objects.filter(tenant=tenant).count(),
        "deployments": Deployment.objects.filter(tenant=tenant).count(),
        "domains": Domain.objects.filter(tenant=tenant).count(),
        "tokens": ApiToken.objects.filter(tenant=tenant, revoked_at=None).count(),
        "members": tenant.memberships.count(),
        "image_bytes": images,
    }


def token_list_of(*, tenant: Tenant | None) -> QuerySet[ApiToken]:
    """A tenant's tokens, or (None) the operators', newest first."""
    return ApiToken.objects.filter(tenant=tenant).select_related("tenant", "user").order_by("-created")


def token_named(*, name: str) -> ApiToken:
    """The token of an id, or the only one whose text begins so; raises `TokenNotFound`, or `FieldInvalid` where several do."""
    key = as_uuid(name)
    if key is not None:
        found = list(ApiToken.objects.filter(pk=key).select_related("tenant", "user"))
    elif len(name) >= _LEAST_CHARACTERS and "\0" not in name:
        # The whole text may be pasted as well: its beginning is what is stored.
        found = list(ApiToken.objects.filter(prefix__startswith=name[:_SHOWN_CHARACTERS]).select_related("tenant", "user")[:2])
    else:
        found = []
    if not found:
        raise TokenNotFound
    if len(found) > 1:
        raise FieldInvalid("Several tokens begin so: name one by its id.", field="token")
    return found[0]


def tokens_endless() -> QuerySet[ApiToken]:
    """Tokens in force that never expire, the oldest first."""
    return ApiToken.objects.filter(revoked_at=None, expires_at=None).select_related("tenant", "user").order_by("created")


def tokens_unused(*, since: datetime) -> QuerySet[ApiToken]:
    """Tokens in force that nobody has used since that time, and which are older than it."""
    used = Q(last_used_at=None) | Q(last_used_at__lt=since)
    return ApiToken.objects.filter(used, revoked_at=None, created__lt=since)


def operator_list() -> QuerySet[User]:
    """People who may act on the platform, by address."""
    return User.objects.filter(is_staff=True, is_active=True).order_by("email")


def webhooks_failing() -> QuerySet[Webhook]:
    """Webhooks that get nothing through now, or were switched off for that; whoever fails longest first."""
    return (
        Webhook.objects.filter(Q(failing_since__isnull=False) | ~Q(disabled_reason="")).select_related("tenant").order_by("failing_since")
    )


def deliveries_failed() -> QuerySet[WebhookDelivery]:
    """Deliveries that were given up, the latest first."""
    rows = WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED).select_related("tenant", "webhook")
    return rows.order_by("-finished", "-created")
