"""The audit log, read: pages for people, everything for an export.

Owns the filters and the cursors. A tenant sees its own chain and nothing of another's; the functions without a tenant are for operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from tenants import chain as chains
from tenants.models import AuditEvent, AuditHead, Tenant
from tenants.services.verification import Head

PAGE = 50
PAGE_MAX = 1_000
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are wanted; what is None or empty does not narrow. `action` may end in `*`."""

    action: str = ""
    actor: str = ""
    target: str = ""
    via: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> Q:
        """As a query's condition."""
        wanted = Q()
        if self.action:
            wanted &= Q(action__startswith=self.action[:-1]) if self.action.endswith("*") else Q(action=self.action)
        if self.actor:
            wanted &= Q(actor=self.actor) | Q(actor_email__iexact=self.actor)
        for name in ("target", "via", "request_id"):
            if value := getattr(self, name):
                wanted &= Q(**{name: value})
        if self.since is not None:
            wanted &= Q(created__gte=self.since)
        if self.until is not None:
            wanted &= Q(created__lt=self.until)
        return wanted


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events, newest first, and the cursor of the next page (None: this is the last one)."""

    events: list[AuditEvent]
    cursor: int | None


def audit_page(*, tenant: Tenant, wanted: AuditFilter, cursor: int | None = None, limit: int = PAGE) -> AuditPage:
    """A page of the tenant's events, those before `cursor` (a number of its chain)."""
    rows = AuditEvent.objects.filter(wanted.condition(), chain=tenant.account_id).order_by("-number")
    found = list((rows.filter(number__lt=cursor) if cursor is not None else rows)[: limit + 1])
    return AuditPage(found[:limit], found[limit - 1].number if len(found) > limit else None)


def audit_page_all(*, wanted: AuditFilter, chain: str | None = None, cursor: int | None = None, limit: int = PAGE) -> AuditPage:
    """For operators: a page of all events, or of one chain's, those before `cursor` (a row's id)."""
    rows = AuditEvent.objects.filter(wanted.condition()).select_related("tenant").order_by("-pk")
    rows = rows.filter(chain=chain) if chain is not None else rows
    found = list((rows.filter(pk__lt=cursor) if cursor is not None else rows)[: limit + 1])
    return AuditPage(found[:limit], found[limit - 1].pk if len(found) > limit else None)


def audit_export(*, tenant: Tenant) -> tuple[Head, Iterator[AuditEvent]]:
    """The tenant's whole chain up to its present end, oldest first, read a batch at a time; and that end."""
    return audit_export_chain(chain=tenant.account_id)


def audit_export_chain(*, chain: str) -> tuple[Head, Iterator[AuditEvent]]:
    """For operators: the same for a chain by name (an account id, or "platform")."""
    row = AuditHead.objects.filter(chain=chain).first()
    head = Head(row.number, row.hash) if row is not None else Head(0, "")
    return head, _walk(AuditEvent.objects.filter(chain=chain, number__lte=head.number))


def audit_chain(name: str) -> str | None:
    """The chain that an operator calls `name`: "platform", a tenant's slug or an account id (also of a tenant that has gone); else None."""
    if name == chains.PLATFORM or AuditHead.objects.filter(chain=name).exists():
        return name
    return Tenant.objects.filter(slug=name).values_list("account_id", flat=True).first()


def _walk(rows: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    number = 0
    while batch := list(rows.filter(number__gt=number).order_by("number")[:_BATCH]):
        yield from batch
        number = batch[-1].number
