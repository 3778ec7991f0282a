"""Webhooks: made, changed, given a new secret, tried out; deliveries sent once more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.failures import FetchInvalid
from sandbox.bindings.networks import parse_address
from sandbox.bindings.redirects import parse_url
from tenants import chain as chains
from tenants.actor import Actor
from tenants.errors import DeliveryNotFound, FieldInvalid, QuotaExceeded, WebhookInactive, WebhookNotFound
from tenants.models import Tenant, Webhook, WebhookDelivery
from tenants.names import check_text
from tenants.secrets import seal, unseal
from tenants.services.publishing import body_with, deliver, wake
from tenants.services.support import audit, tenant_lock
from tenants.webhooks import PATTERN, PING, new_secret

WEBHOOKS = 20
URL_CHARACTERS, DESCRIPTION_CHARACTERS, PATTERNS = 2_000, 200, 50
# How long an earlier secret signs on, unless the tenant says otherwise; and at most.
KEEP_HOURS, KEEP_HOURS_MOST = 24, 168


@transaction.atomic
def webhook_create(
    *, tenant: Tenant, url: str, events: Sequence[str], description: str = "", active: bool = True, actor: Actor
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is not shown again. Raises `FieldInvalid`, `QuotaExceeded`."""
    tenant = tenant_lock(tenant)
    if Webhook.objects.filter(tenant=tenant).count() >= WEBHOOKS:
        raise QuotaExceeded(f"A tenant may have {WEBHOOKS} webhooks.", field="url", limit=WEBHOOKS)
    secret = new_secret()
    hook = Webhook(tenant=tenant, url=_url(url), events=_events(events), description=_description(description), active=active)
    hook.secret = _sealed(hook, secret)
    hook.save()
    audit(tenant=tenant, actor=actor, action="webhook_create", target=str(hook.pk), after=_shown(hook))
    return hook, secret


@transaction.atomic
def webhook_update(
    *,
    tenant: Tenant,
    webhook_id: uuid.UUID,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    active: bool | None = None,
    actor: Actor,
) -> Webhook:
    """Change what is given; switching on forgets that deliveries have failed. Raises `WebhookNotFound`, `FieldInvalid`."""
    hook = _locked(tenant, webhook_id)
    before = _shown(hook)
    hook.url = hook.url if url is None else _url(url)
    hook.events = hook.events if events is None else _events(events)
    hook.description = hook.description if description is None else _description(description)
    if active is not None and active != hook.active:
        hook.active, hook.disabled_reason, hook.failing_since = active, "", None
        if not active:
            deliveries_cancel(hook)
    hook.save()
    audit(tenant=hook.tenant, actor=actor, action="webhook_update", target=str(hook.pk), before=before, after=_shown(hook))
    return hook


@transaction.atomic
def webhook_delete(*, tenant: Tenant, webhook_id: uuid.UUID, actor: Actor) -> None:
    """Remove a webhook with what was sent to it. Raises `WebhookNotFound`."""
    hook = _locked(tenant, webhook_id)
    Webhook.objects.filter(pk=hook.pk).delete()
    audit(tenant=hook.tenant, actor=actor, action="webhook_delete", target=str(webhook_id), before=_shown(hook))


@transaction.atomic
def webhook_secret_rotate(*, tenant: Tenant, webhook_id: uuid.UUID, keep_hours: int = KEEP_HOURS, actor: Actor) -> tuple[Webhook, str]:
    """A new secret; the present one signs beside it for `keep_hours` more. Raises `WebhookNotFound`, `FieldInvalid`."""
    if not 0 <= keep_hours <= KEEP_HOURS_MOST:
        raise FieldInvalid(f"keep_hours must be 0 to {KEEP_HOURS_MOST}.", field="keep_hours", limit=KEEP_HOURS_MOST)
    hook = _locked(tenant, webhook_id)
    secret = new_secret()
    hook.earlier_secret = hook.secret if keep_hours else ""
    hook.earlier_until = timezone.now() + timedelta(hours=keep_hours) if keep_hours else None
    hook.secret = _sealed(hook, secret)
    hook.save(update_fields=["secret", "earlier_secret", "earlier_until"])
    audit(tenant=hook.tenant, actor=actor, action="webhook_secret_rotate", target=str(hook.pk), keep_hours=keep_hours)
    return hook, secret


@transaction.atomic
def webhook_ping(*, tenant: Tenant, webhook_id: uuid.UUID) -> WebhookDelivery:
    """Send the webhook something to try it with. Raises `WebhookNotFound`, `WebhookInactive`."""
    hook = _locked(tenant, webhook_id)
    if not hook.active:
        raise WebhookInactive
    body = body_with(PING, chains.instant(timezone.now()), {"webhook": str(hook.pk)})
    return deliver([hook], PING, body)[0]


@transaction.atomic
def delivery_replay(*, tenant: Tenant, webhook_id: uuid.UUID, delivery_id: uuid.UUID, actor: Actor) -> WebhookDelivery:
    """Send a delivery again, under its own id and with as many attempts as a new one.

    Raises `WebhookNotFound`, `DeliveryNotFound`, `WebhookInactive`.
    """
    hook = _locked(tenant, webhook_id)
    row = WebhookDelivery.objects.select_for_update().filter(tenant=tenant, webhook=hook, pk=delivery_id).first()
    if row is None:
        raise DeliveryNotFound
    if not hook.active:
        raise WebhookInactive
    row.state, row.tries, row.next_attempt, row.finished = WebhookDelivery.State.PENDING, 0, timezone.now(), None
    row.save(update_fields=["state", "tries", "next_attempt", "finished"])
    audit(tenant=hook.tenant, actor=actor, action="delivery_replay", target=str(row.pk), webhook=str(hook.pk), event=row.event)
    wake()
    return row


def deliveries_cancel(hook: Webhook) -> None:
    """Give up what is still on its way to a webhook that is switched off; it can be replayed."""
    waiting = WebhookDelivery.objects.filter(webhook=hook, state=WebhookDelivery.State.PENDING)
    waiting.update(state=WebhookDelivery.State.CANCELLED, finished=timezone.now())


def signing_secrets(hook: Webhook) -> list[str]:
    """The secrets that sign now, the newest first; raises `SecretUnreadable`."""
    sealed = [hook.secret]
    if hook.earlier_secret and hook.earlier_until is not None and hook.earlier_until > timezone.now():
        sealed.append(hook.earlier_secret)
    return [unseal(text, context=_context(hook)).decode() for text in sealed]


def webhook_policy() -> EgressPolicy:
    """What webhooks may be sent to: the public internet, and what the operator lists for them."""
    return EgressPolicy.allowing(settings.HOSTEL.webhook_allow)


def _locked(tenant: Tenant, webhook_id: uuid.UUID) -> Webhook:
    tenant = tenant_lock(tenant)
    hook = Webhook.objects.select_related("tenant").filter(tenant=tenant, pk=webhook_id).first()
    if hook is None:
        raise WebhookNotFound
    return hook


def _sealed(hook: Webhook, secret: str) -> str:
    return seal(secret.encode(), context=_context(hook), tenant=hook.tenant)


def _context(hook: Webhook) -> str:
    return f"tenant:{hook.tenant.account_id}:webhook:{hook.pk}"


def _url(text: str) -> str:
    """`text` if it can be sent to, as far as that is known without asking a name server; raises `FieldInvalid`."""
    check_text(text, field="url", limit=URL_CHARACTERS, least=1)
    try:
        url = parse_url(text)
    except FetchInvalid:
        raise FieldInvalid("The url must be an absolute http or https URL.", field="url") from None
    if "@" in text.partition("//")[2].partition("/")[0] or "#" in text:
        raise FieldInvalid("The url must not hold a user name or a fragment.", field="url")
    policy, host, port = webhook_policy(), url.raw_host or "", url.port or 0
    address = parse_address(host)
    if not policy.permits_port(port) or (address is not None and not policy.trusts_name(host, port) and policy.objection(address, port)):
        raise FieldInvalid("The url must lead to the public internet.", field="url")
    return text


def _events(patterns: Sequence[str]) -> list[str]:
    if not 1 <= len(patterns) <= PATTERNS:
        raise FieldInvalid(f"events must be 1 to {PATTERNS} names.", field="events", limit=PATTERNS)
    for pattern in patterns:
        if len(pattern) > 120 or not PATTERN.fullmatch(pattern):  # noqa: PLR2004 - as long as the column
            raise FieldInvalid("An event is named like deployment.created, deployment.* or *.", field="events")
    return sorted(set(patterns))


def _description(text: str) -> str:
    return check_text(text, field="description", limit=DESCRIPTION_CHARACTERS)


def _shown(hook: Webhook) -> dict[str, object]:
    return {"url": hook.url, "events": hook.events, "description": hook.description, "active": hook.active}
