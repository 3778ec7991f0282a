"""From an audit event to what is sent: deliveries are written in the transaction of the change they tell of.

Owns the choice of webhooks and the body. Must not send.
"""

from __future__ import annotations

import json
from typing import Any

from tenants import background
from tenants import chain as chains
from tenants.models import AuditEvent, Webhook, WebhookDelivery
from tenants.webhooks import chosen, event_name

SEND = "webhooks_send"


def publish(event: AuditEvent) -> None:
    """Put the event on its way to every webhook of its tenant that wants it."""
    if event.tenant is None:
        return
    name = event_name(event.action)
    wanting = [hook for hook in Webhook.objects.filter(tenant=event.tenant, active=True) if chosen(name, hook.events)]
    if wanting:
        deliver(wanting, name, body_of(event, name))


def deliver(webhooks: list[Webhook], name: str, body: str) -> list[WebhookDelivery]:
    """Write a delivery for each of `webhooks`, and have them sent when the transaction is committed."""
    rows = [WebhookDelivery(tenant_id=hook.tenant_id, webhook=hook, event=name, body=body) for hook in webhooks]
    WebhookDelivery.objects.bulk_create(rows)
    wake()
    return rows


def wake() -> None:
    """Have somebody look at what is due."""
    background.request(kind=SEND, payload={}, idempotency_key=SEND)


def body_of(event: AuditEvent, name: str) -> str:
    """What a webhook is told. Who did it, but not from where: that stays in the audit log."""
    data: dict[str, Any] = {
        "number": event.number,
        "action": event.action,
        "target": event.target,
        "actor": event.actor,
        "actor_email": event.actor_email,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "details": event.data,
    }
    return body_with(name, chains.instant(event.created), data)


def body_with(name: str, timestamp: str, data: dict[str, Any]) -> str:
    """A body of Standard Webhooks' shape, ASCII only."""
    return json.dumps({"type": name, "timestamp": timestamp, "data": data}, separators=(",", ":"))
