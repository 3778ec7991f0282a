"""The end of a tenant: stopped at once, erased after a grace period.

Owns what "erased" means: no row of any app, no blob that nobody else uses, no job and no count speaks of the tenant any more; one event of
the platform's own audit log says that there was one, by its account id. Rows of other apps are found by their shape (a key to the tenant,
or a column that names it); what has neither shape registers itself with `erases`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from tenants import blobs, epoch
from tenants.actor import Actor
from tenants.errors import TenantNotFound
from tenants.models import ApiToken, QuotaCount, RateCount, Tenant, Version
from tenants.names import check_text
from tenants.services.blobs import blobs_remove, references
from tenants.services.support import audit
from tenants.services.tenants import REASON_CHARACTERS

log = structlog.get_logger(__name__)

# Columns that name a tenant without being a key to its row, and what they hold of it.
_LOOSE: dict[str, Callable[[Tenant], Any]] = {
    "tenant_id": lambda tenant: tenant.pk,
    "tenant_slug": lambda tenant: tenant.slug,
    "account_id": lambda tenant: tenant.account_id,
    "chain": lambda tenant: tenant.account_id,
}
# A blob that was put this lately may be another tenant's upload that has no row yet: the ordinary collection has it later.
_SETTLED_SECONDS = 120.0

# What else has to forget a tenant, called in the erasing transaction, before its rows go.
Eraser = Callable[[Tenant], None]
_erasers: list[Eraser] = []


@dataclass(frozen=True, slots=True)
class Erased:
    """What was there: workers and versions, rows of all tables, blobs and their bytes, and blobs left to the next collection."""

    workers: int
    versions: int
    rows: int
    blobs: int
    bytes: int
    blobs_later: int


def erases(function: Eraser) -> Eraser:
    """Register what must forget a tenant beside its rows."""
    if function not in _erasers:
        _erasers.append(function)
    return function


@transaction.atomic
def tenant_delete(*, tenant: Tenant, reason: str, actor: Actor, grace: timedelta | None = None) -> datetime:
    """Stop serving the tenant now and have it erased after `grace` (the setting's days if None); when. `tenant_resume` calls it off."""
    check_text(reason, field="reason", limit=REASON_CHARACTERS)
    row = Tenant.objects.select_for_update().filter(pk=tenant.pk).first()
    if row is None:
        raise TenantNotFound
    now = timezone.now()
    row.erase_after = now + (timedelta(days=settings.HOSTEL.tenant_grace_days) if grace is None else grace)
    row.suspended_at, row.suspended_reason = row.suspended_at or now, reason or "it is being deleted"
    row.save(update_fields=["erase_after", "suspended_at", "suspended_reason"])
    audit(tenant=row, actor=actor, action="tenant_delete", target=row.slug, reason=reason, erase_after=row.erase_after.isoformat())
    epoch.bump(reason=f"tenant {row.slug}")
    return row.erase_after


def tenants_erase_due() -> int:
    """Erase every tenant whose grace period is over; how many. One that cannot be erased is logged and tried again next time."""
    done = 0
    for tenant in Tenant.objects.filter(erase_after__lte=timezone.now()).order_by("erase_after"):
        try:
            tenant_erase(tenant=tenant, actor=Actor.system())
        except Exception:
            log.exception("a tenant could not be erased", account_id=tenant.account_id)
        else:
            done += 1
    return done


def tenant_erase(*, tenant: Tenant, actor: Actor) -> Erased:
    """Remove everything of the tenant now; what was there. Raises `TenantNotFound`, also where its deletion was called off meanwhile."""
    began = time.time()
    with transaction.atomic():
        row = Tenant.objects.select_for_update().filter(pk=tenant.pk, erase_after__isnull=False).first()
        if row is None:
            raise TenantNotFound
        wanted = set(references(tenant=row))
        workers, versions = row.workers.count(), Version.objects.filter(tenant=row).count()
        for erase in _erasers:
            erase(row)
        rows = _counts_forget(row) + sum(_raw_delete(found) for found in _loose_rows(row))
        rows += Tenant.objects.filter(pk=row.pk).delete()[0]
        audit(tenant=None, actor=actor, action="tenant_erase", target=row.account_id, workers=workers, versions=versions, rows=rows)
        epoch.bump(reason="a tenant was erased")
    removed, size, later = _blobs_remove(wanted, before=began - _SETTLED_SECONDS)
    erased = Erased(workers=workers, versions=versions, rows=rows, blobs=removed, bytes=size, blobs_later=later)
    log.info("tenant erased", account_id=tenant.account_id, **asdict(erased))
    return erased


def _blobs_remove(wanted: set[str], *, before: float) -> tuple[int, int, int]:
    """Remove those of `wanted` that no other tenant's row refers to; how many, their bytes, and how many were put too lately."""
    unused = wanted - set(references())
    found = [info for info in blobs.store().walk() if info.sha256 in unused]
    removed = blobs_remove(found, put_before=before)
    return len(removed), sum(info.size for info in removed), len(found) - len(removed)


def _counts_forget(tenant: Tenant) -> int:
    """Calls that were counted for its tokens, and its quotas."""
    gone = 0
    for token in ApiToken.objects.filter(tenant=tenant).values_list("pk", flat=True):
        gone += RateCount.objects.filter(key__startswith=f"token:{token}:").delete()[0]
    return gone + QuotaCount.objects.filter(key__startswith=f"{tenant.pk}:").delete()[0]


def _loose_rows(tenant: Tenant) -> Iterator[models.QuerySet[Any]]:
    """Rows that do not go with the tenant's own by a cascade, of every app."""
    for model in apps.get_models():
        if model is Tenant or not model._meta.managed or model._meta.proxy:  # noqa: SLF001 - Django's documented name
            continue
        for field in model._meta.concrete_fields:  # noqa: SLF001
            if field.is_relation:
                remote = field.remote_field
                if remote is not None and remote.model is Tenant and remote.on_delete is not models.CASCADE:
                    yield model._base_manager.filter(**{field.name: tenant})  # noqa: SLF001
            elif field.name in _LOOSE:
                yield model._base_manager.filter(**{field.name: _LOOSE[field.name](tenant)})  # noqa: SLF001


def _raw_delete(rows: models.QuerySet[Any]) -> int:
    """Delete by one statement: audit events refuse every other way, because while a tenant exists they stay."""
    deleted: int = rows._raw_delete(rows.db)  # noqa: SLF001 - as its name in Django
    return deleted
