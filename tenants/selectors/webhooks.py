"""Webhooks and their deliveries, read."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from tenants.errors import DeliveryNotFound, WebhookNotFound
from tenants.models import Tenant, Webhook, WebhookDelivery


def webhook_list(*, tenant: Tenant) -> QuerySet[Webhook]:
    """The tenant's webhooks, the oldest first."""
    return Webhook.objects.filter(tenant=tenant).order_by("created")


def webhook_get(*, tenant: Tenant, webhook_id: uuid.UUID) -> Webhook:
    """One of them; raises `WebhookNotFound`."""
    hook = Webhook.objects.filter(tenant=tenant, pk=webhook_id).first()
    if hook is None:
        raise WebhookNotFound
    return hook


def delivery_list(*, tenant: Tenant, webhook_id: uuid.UUID, state: str = "") -> QuerySet[WebhookDelivery]:
    """What was sent to a webhook, the newest first; of one state, where given. Raises `WebhookNotFound`."""
    found = WebhookDelivery.objects.filter(tenant=tenant, webhook=webhook_get(tenant=tenant, webhook_id=webhook_id))
    return (found.filter(state=state) if state else found).order_by("-created")


def delivery_get(*, tenant: Tenant, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
    """One delivery; raises `WebhookNotFound`, `DeliveryNotFound`."""
    row = delivery_list(tenant=tenant, webhook_id=webhook_id).filter(pk=delivery_id).first()
    if row is None:
        raise DeliveryNotFound
    return row
