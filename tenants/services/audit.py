"""The audit log: adding an event to its chain.

Owns the order of chains. Every tenant has one and the platform has one more: an event's hash is made with a key that only the master key
opens and covers the event before it, so whoever can write to the database but has no key can neither change, nor insert, nor remove an
event unseen. Events of one chain are added one after the other, under the tenant's lock and the head's row. Must not delete anything.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from tenants import chain as chains
from tenants import where
from tenants.actor import Actor
from tenants.datakeys import key_of
from tenants.models import AuditEvent, AuditHead, Tenant
from tenants.services.publishing import publish

# As long as the columns are.
_LENGTHS = {"actor": 80, "actor_email": 254, "action": 60, "target": 200, "reason": 500, "via": 10, "ip": 45, "user_agent": 300}
_REQUEST_ID = 64
# Tokens and webhooks' secrets, wherever somebody put them by mistake; and names whose values are never recorded.
_SECRET_TEXT = re.compile(r"(hst|whsec)_[0-9A-Za-z+/=_-]{8,}")
_SECRET_NAMES = frozenset({"authorization", "cookie", "password", "secret", "secret_text", "sealed", "digest"})
_HIDDEN = "…"
_KEY = "audit"


def audit(
    *,
    tenant: Tenant | None,
    actor: Actor,
    action: str,
    target: str = "",
    before: Any = None,
    after: Any = None,
    reason: str = "",
    **data: Any,
) -> AuditEvent:
    """Add an event to the current transaction, in the tenant's chain or (without one) the platform's.

    `before` and `after` are JSON values that say what changed, `data` further facts. A secret has no place in any of them.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction of what it tells about.")
    place = where.current()
    head = _lock(tenant)
    texts = {
        "actor": str(actor),
        "actor_email": actor.email,
        "action": action,
        "target": target,
        "reason": reason or place.reason,
        "via": place.via,
        "ip": place.ip,
        "user_agent": place.user_agent,
    }
    fields: dict[str, Any] = {
        "chain": head.chain,
        "number": head.number + 1,
        "created": timezone.now(),
        **{name: _text(value, _LENGTHS[name]) for name, value in texts.items()},
        "request_id": _text(place.request_id, _REQUEST_ID),
        "before": _plain(before),
        "after": _plain(after),
        "data": _plain(data),
    }
    key = audit_key()
    event = AuditEvent(tenant=tenant, **fields, previous=head.hash, hash=chains.event_hash(key, fields, previous=head.hash))
    event.save(force_insert=True)
    head.number, head.hash = event.number, event.hash
    head.seal = chains.head_seal(key, chain=head.chain, number=head.number, last=head.hash)
    head.save(update_fields=["number", "hash", "seal"])
    publish(event)
    return event


def audit_key() -> bytes:
    """What hashes are keyed with. It stays when the master key is replaced."""
    return key_of(None).derive(_KEY)


def chain_of(tenant: Tenant | None) -> str:
    """The name of the chain that a tenant's (or the platform's) events are in."""
    return tenant.account_id if tenant is not None else chains.PLATFORM


def _lock(tenant: Tenant | None) -> AuditHead:
    """The end of the chain, ours until the transaction ends.

    The tenant's row comes first, as in every service, so that two that record and lock in another order cannot wait for each other.
    """
    if tenant is not None:
        Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).values_list("pk").first()
    name = chain_of(tenant)
    head = AuditHead.objects.select_for_update().filter(chain=name).first()
    if head is None:
        AuditHead.objects.get_or_create(chain=name)
        head = AuditHead.objects.select_for_update().get(chain=name)
    return head


def _text(value: str, most: int) -> str:
    """`value` as a database can keep it, cut to its column, without anything that looks like a secret of ours."""
    clean = value.replace("\0", "").encode("utf-8", "replace").decode()
    return _SECRET_TEXT.sub(_mask, clean)[:most]


def _plain(value: Any) -> Any:
    """`value` as it will come back from its row, without what must not be in one; raises TypeError for what is no JSON."""
    return _hidden(json.loads(json.dumps(value, allow_nan=False)))


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _HIDDEN if name.lower() in _SECRET_NAMES and inner else _hidden(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner) for inner in value]
    return _SECRET_TEXT.sub(_mask, value) if isinstance(value, str) else value


def _mask(found: re.Match[str]) -> str:
    return f"{found[1]}_{_HIDDEN}"
