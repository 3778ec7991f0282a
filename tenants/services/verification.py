"""Checking the audit log.

Owns the comparison of what is stored with what the chain says. Reads only, and may run beside writers: a chain is judged up to the end it
had when the look began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Max

from tenants import chain as chains
from tenants.models import AuditEvent, AuditHead, Tenant
from tenants.services.audit import audit_key

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: how many events it has, and the last one's hash. Kept elsewhere, it proves later that nothing was cut off."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which a chain does not hold: its `number`, the row's `id` (None where the row is missing) and what is wrong."""

    chain: str
    number: int
    id: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at: events, the end of every chain, and the first break of each chain that has one."""

    events: int
    heads: Mapping[str, Head]
    breaks: tuple[Break, ...]

    @property
    def intact(self) -> bool:
        """Whether everything holds."""
        return not self.breaks


def audit_verify(*, chain: str | None = None, expected: Mapping[str, Head] | None = None) -> Verified:
    """Check every chain, or the one called `chain` (an account id, or "platform").

    `expected` are ends that were noted earlier (`audit_heads`, an export): each must still be part of its chain. Without them, whoever can
    write to the database and has kept an old copy of a chain's end can put the chain back to it; with them that shows.
    """
    noted = dict(expected or {})
    names = [chain] if chain is not None else _names(noted)
    key = audit_key()
    checked = [_check(name, key, noted.get(name)) for name in names]
    return Verified(
        events=sum(one.events for one in checked),
        heads={one.name: one.head for one in checked if one.head is not None},
        breaks=tuple(one.found for one in checked if one.found is not None),
    )


def audit_heads() -> dict[str, Head]:
    """Where every chain ends now: keep it elsewhere, and give it to `audit_verify` later."""
    return {row.chain: Head(row.number, row.hash) for row in AuditHead.objects.order_by("chain")}


@dataclass(frozen=True, slots=True)
class _Checked:
    name: str
    events: int
    head: Head | None
    found: Break | None


def _names(noted: Mapping[str, Head]) -> list[str]:
    """Every chain there is or should be: an end without events, events without an end and a tenant without either are all looked at."""
    found = set(noted) | set(AuditHead.objects.values_list("chain", flat=True))
    found |= set(AuditEvent.objects.order_by().values_list("chain", flat=True).distinct())
    found |= set(Tenant.objects.values_list("account_id", flat=True))
    return sorted(found)


def _check(name: str, key: bytes, noted: Head | None) -> _Checked:
    # In this order: an event that is added in between lies beyond `longest` and within the head.
    longest = AuditEvent.objects.filter(chain=name).aggregate(most=Max("number"))["most"] or 0
    row = AuditHead.objects.filter(chain=name).first()
    if row is None:
        problem = "the end of the chain is missing" if longest else "the chain is missing"
        return _Checked(name, 0, None, Break(name, 0, None, problem))
    head = Head(row.number, row.hash)
    events, found = _walk(name, key, head, noted)
    if found is None and not chains.same(row.seal, chains.head_seal(key, chain=name, number=row.number, last=row.hash)):
        found = Break(name, row.number, None, "the end of the chain was changed")
    if found is None and longest > row.number:
        found = _at(name, row.number + 1, "the event lies beyond the end of the chain")
    if found is None and noted is not None and noted.number > row.number:
        found = Break(name, row.number + 1, None, "events that were there when the end was noted are gone")
    return _Checked(name, events, head, found)


def _walk(name: str, key: bytes, head: Head, noted: Head | None) -> tuple[int, Break | None]:
    """Follow the events one by one to the head; how many hold, and the first that does not."""
    previous, number = "", 0
    for event in _events(name, head.number):
        if event.number != number + 1:
            break
        problem = _problem(event, key, previous, noted)
        if problem:
            return number, Break(name, event.number, event.pk, problem)
        previous, number = event.hash, event.number
    if number < head.number:
        return number, Break(name, number + 1, None, "the event is missing")
    return number, None if chains.same(previous, head.hash) else Break(name, number, None, "the end of the chain was changed")


def _problem(event: AuditEvent, key: bytes, previous: str, noted: Head | None) -> str:
    """What is wrong with an event that should follow the one whose hash is `previous`; nothing if it holds."""
    fields = {field: getattr(event, field) for field in chains.FIELDS}
    if not chains.same(event.previous, previous):
        return "the event does not follow the one before it"
    if not chains.same(event.hash, chains.event_hash(key, fields, previous=previous)):
        return "the event was changed"
    if noted is not None and noted.number == event.number and not chains.same(noted.hash, event.hash):
        return "the event is another one than when the end was noted"
    return ""


def _events(name: str, last: int) -> Iterator[AuditEvent]:
    """The chain's events up to number `last`, in order, a batch at a time."""
    number = 0
    while batch := list(AuditEvent.objects.filter(chain=name, number__gt=number, number__lte=last).order_by("number")[:_BATCH]):
        yield from batch
        number = batch[-1].number


def _at(name: str, number: int, problem: str) -> Break:
    row = AuditEvent.objects.filter(chain=name, number__gte=number).order_by("number").first()
    return Break(name, row.number if row else number, row.pk if row else None, problem)
