"""Deliveries to webhooks, as whoever sends them sees them: claimed, judged, tried again, given up.

Owns the queue's rules. Taking a delivery moves it ahead by a lease and counts the attempt, in one conditional UPDATE: a sender that is
killed leaves it to be taken again, under the same `webhook-id`, and what it may still bring is not heard. Must not send.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tenants.actor import Actor
from tenants.errors import SecretUnreadable
from tenants.models import Tenant, Webhook, WebhookDelivery
from tenants.services.support import audit
from tenants.services.webhooks import deliveries_cancel, signing_secrets
from tenants.webhooks import PAUSES, signature

log = structlog.get_logger(__name__)

# Far beyond what an attempt takes at most (jobs.webhooks): then its sender is gone.
LEASE_SECONDS = 60
# Under way at once: to one webhook, so that it is not flooded, and of one tenant, so that the others get their turn.
PER_WEBHOOK, PER_TENANT = 1, 4
# A webhook that has failed for so long without one success is switched off.
DISABLE_AFTER = timedelta(days=3)
LOGGED = 12
RESPONSE_CHARACTERS = 1_024
GONE = 410
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt: what is to be sent, and as which attempt."""

    id: uuid.UUID
    attempt: int
    webhook_id: uuid.UUID
    tenant_id: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempted:
    """How an attempt went: the status and the beginning of the response, or the code of what prevented one."""

    status: int | None
    error: str = ""
    response: str = ""
    ms: int = 0

    @property
    def arrived(self) -> bool:
        """Whether the other side has taken it: any status of 2xx, and no other."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


def deliveries_due() -> bool:
    """Whether something is to be sent now."""
    return WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING, next_attempt__lte=timezone.now()).exists()


def deliveries_claim(*, most: int, under_way: Collection[Outgoing]) -> list[Outgoing]:
    """Take up to `most` deliveries that are due, beside those that are under way here."""
    now = timezone.now()
    hooks, tenants = Counter(one.webhook_id for one in under_way), Counter(one.tenant_id for one in under_way)
    due = (
        WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING, next_attempt__lte=now)
        .exclude(webhook__in=[hook for hook, count in hooks.items() if count >= PER_WEBHOOK])
        .exclude(tenant__in=[tenant for tenant, count in tenants.items() if count >= PER_TENANT])
        .select_related("webhook__tenant")
        .order_by("next_attempt", "created")
    )
    taken: list[Outgoing] = []
    for row in due[: 4 * most]:
        if len(taken) == most:
            break
        if hooks[row.webhook_id] >= PER_WEBHOOK or tenants[row.tenant_id] >= PER_TENANT:
            continue
        found = WebhookDelivery.objects.filter(pk=row.pk, state=row.state, attempts=row.attempts, next_attempt=row.next_attempt)
        if found.update(attempts=F("attempts") + 1, tries=F("tries") + 1, next_attempt=now + timedelta(seconds=LEASE_SECONDS)):
            try:
                outgoing = _outgoing(row)
            except SecretUnreadable as error:
                # Tried again like any other: its key may be put back.
                unsigned = Outgoing(row.pk, row.attempts + 1, row.webhook_id, row.tenant_id, "", (), b"")
                delivery_attempted(outgoing=unsigned, attempted=Attempted(None, error=error.code))
                continue
            taken.append(outgoing)
            hooks[row.webhook_id] += 1
            tenants[row.tenant_id] += 1
    return taken


@transaction.atomic
def delivery_attempted(*, outgoing: Outgoing, attempted: Attempted) -> None:
    """Note how an attempt went, and what follows from it. An attempt that was taken for lost changes nothing any more."""
    now = timezone.now()
    # The tenant first, as in every service: what follows may be an event.
    Tenant.objects.select_for_update(no_key=True).filter(pk=outgoing.tenant_id).values_list("pk").first()
    row = (
        WebhookDelivery.objects.select_for_update(of=("self",))
        .filter(pk=outgoing.id, attempts=outgoing.attempt)
        .select_related("webhook")
        .first()
    )
    if row is None or row.state != WebhookDelivery.State.PENDING:
        return
    entry = {
        "at": now.isoformat(),
        "status": attempted.status,
        "error": attempted.error,
        "ms": attempted.ms,
        "response": attempted.response,
    }
    row.log = [*row.log, entry][-LOGGED:]
    if attempted.arrived:
        row.state, row.finished = WebhookDelivery.State.DELIVERED, now
    elif row.tries > len(PAUSES):
        row.state, row.finished = WebhookDelivery.State.FAILED, now
    else:
        row.next_attempt = now + timedelta(seconds=_jittered(PAUSES[row.tries - 1]))
    row.save(update_fields=["state", "finished", "next_attempt", "log"])
    _judge(row.webhook, attempted)


def deliveries_prune() -> int:
    """Forget deliveries that are older than they are kept; how many."""
    before = timezone.now() - timedelta(days=settings.HOSTEL.webhook_keep_days)
    return WebhookDelivery.objects.filter(created__lt=before).exclude(state=WebhookDelivery.State.PENDING).delete()[0]


def _judge(hook: Webhook, attempted: Attempted) -> None:
    """What a webhook's latest attempt says about it."""
    now = timezone.now()
    if attempted.arrived:
        Webhook.objects.filter(pk=hook.pk).exclude(failing_since=None).update(failing_since=None)
        return
    Webhook.objects.filter(pk=hook.pk, failing_since=None).update(failing_since=now)
    reason = ""
    if attempted.status == GONE:
        reason = "It answered that it is gone (410)."
    elif hook.failing_since is not None and now - hook.failing_since >= DISABLE_AFTER:
        reason = f"Every delivery has failed since {hook.failing_since.isoformat(timespec='seconds')}."
    if reason and Webhook.objects.filter(pk=hook.pk, active=True).update(active=False, disabled_reason=reason):
        deliveries_cancel(hook)
        audit(tenant=hook.tenant, actor=Actor.system(), action="webhook_disable", target=str(hook.pk), url=hook.url, reason=reason)
        log.warning("a webhook was switched off", webhook=str(hook.pk), why=reason)


def _outgoing(row: WebhookDelivery) -> Outgoing:
    now, body, message = timezone.now(), row.body.encode(), f"msg_{row.pk.hex}"
    timestamp = int(now.timestamp())
    signed = signature(message_id=message, timestamp=timestamp, body=body, keys=signing_secrets(row.webhook))
    headers = (
        ("content-type", "application/json"),
        ("user-agent", "Hostel-Webhooks/1"),
        ("webhook-id", message),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signed),
    )
    return Outgoing(row.pk, row.attempts + 1, row.webhook_id, row.tenant_id, row.webhook.url, headers, body)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, keeps no secret
