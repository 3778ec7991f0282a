"""Segments: made, changed, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from flags.documents import Document, segment_document
from flags.errors import FlagInUse, SegmentNotFound
from flags.evaluation.segment import compile_segment
from flags.models import AUTHOR_CHARACTERS, FlagSegment
from flags.services.environments import environments_ensure
from flags.services.support import all_environments, check_description, check_key
from tenants import epoch
from tenants.actor import Actor
from tenants.errors import NameTaken
from tenants.models import Tenant
from tenants.services.quotas import quota_require
from tenants.services.support import audit, check_revision, tenant_lock


@transaction.atomic
def segment_create(*, tenant: Tenant, key: str, when: Any, description: str = "", actor: Actor) -> FlagSegment:
    """A new segment. Raises `FlagInvalid`, `NameTaken`, `QuotaExceeded`."""
    tenant = tenant_lock(tenant)
    environments_ensure(tenant)
    check_key(key)
    if FlagSegment.objects.filter(tenant=tenant, key=key).exists():
        raise NameTaken(f"There is a segment {key!r}.", field="key")
    quota_require(tenant=tenant, flag_segments=1)
    segment = FlagSegment(tenant=tenant, key=key, when=when, description=check_description(description))
    segment.editor = actor.email[:AUTHOR_CHARACTERS]
    compile_segment(segment_document(segment))
    segment.save(force_insert=True)
    _put(tenant, key, segment_document(segment))
    audit(tenant=tenant, actor=actor, action="flag_segment_create", target=key, after=_shown(segment))
    return segment


@transaction.atomic
def segment_update(
    *, tenant: Tenant, key: str, when: Any = None, description: str | None = None, expected: int | None = None, actor: Actor
) -> FlagSegment:
    """Change a segment for every flag that names it. Raises `SegmentNotFound`, `FlagInvalid`, `ChangedMeanwhile`."""
    tenant = tenant_lock(tenant)
    segment = segment_of(tenant, key)
    check_revision(segment.revision, expected)
    before = _shown(segment)
    segment.when = segment.when if when is None else when
    segment.description = segment.description if description is None else check_description(description)
    compile_segment(segment_document(segment))
    segment.revision += 1
    segment.editor, segment.modified = actor.email[:AUTHOR_CHARACTERS], timezone.now()
    segment.save()
    _put(tenant, key, segment_document(segment))
    audit(tenant=tenant, actor=actor, action="flag_segment_update", target=key, before=before, after=_shown(segment))
    return segment


@transaction.atomic
def segment_delete(*, tenant: Tenant, key: str, actor: Actor) -> None:
    """Remove a segment. Raises `SegmentNotFound`, or `FlagInUse` while flags name it."""
    tenant = tenant_lock(tenant)
    segment = segment_of(tenant, key)
    if users := segment_users(tenant, key):
        raise FlagInUse(f"Flags name the segment {key!r}: {', '.join(users[:5])}.", flags=users[:100])
    FlagSegment.objects.filter(pk=segment.pk).delete()
    _put(tenant, key, None)
    audit(tenant=tenant, actor=actor, action="flag_segment_delete", target=key, before=_shown(segment))


def segment_of(tenant: Tenant, key: str) -> FlagSegment:
    """The tenant's segment. Raises `SegmentNotFound`."""
    segment = FlagSegment.objects.filter(tenant=tenant, key=key).first() if "\0" not in key else None
    if segment is None:
        raise SegmentNotFound
    return segment


def segment_users(tenant: Tenant, key: str) -> list[str]:
    """Flags that name the segment, in any environment: `new-checkout (production)`."""
    found = []
    for environment in all_environments(tenant):
        for flag, document in Document.of(environment).naming(f'"segment":"{key}"'):
            if key in _named(document.get("rules")):
                found.append(f"{flag} ({environment.name})")
    return sorted(found)


def _named(value: Any) -> Iterator[str]:
    """Segments that conditions name."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _named(inner)
    if isinstance(value, dict) and isinstance(value.get("segment"), str):
        yield value["segment"]


def _put(tenant: Tenant, key: str, value: dict[str, Any] | None) -> None:
    for environment in all_environments(tenant):
        document = Document.of(environment)
        document.put("segments", key, value)
        document.save(environment)
    epoch.bump(reason=f"flag segment {key}")


def _shown(segment: FlagSegment) -> dict[str, Any]:
    return {"when": segment.when, "description": segment.description}
