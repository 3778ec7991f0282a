"""Plans: what groups of tenants are granted.

Owns their rules. The plan called `default` is there before anybody has made it (tenants.grants); its row is made by the first change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tenants import epoch
from tenants.actor import Actor
from tenants.definitions import checked
from tenants.errors import FieldInvalid, NameTaken, PlanInUse, PlanNameInvalid, PlanNotFound, TenantNotFound
from tenants.grants import DEFAULT_PLAN, plan_built_in
from tenants.models import Plan, Tenant
from tenants.models.plan import RETENTION_DAYS_MOST, WEIGHT_MOST
from tenants.names import check_text
from tenants.services.support import audit, check_revision

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
TITLE_CHARACTERS, DESCRIPTION_CHARACTERS = 200, 1_000


@transaction.atomic
def plan_create(*, name: str, changes: Mapping[str, Any], actor: Actor) -> Plan:
    """A new plan; `changes` are its fields where they differ from the defaults.

    Raises `PlanNameInvalid`, `NameTaken`, `LimitInvalid` or `FieldInvalid`.
    """
    if not _NAME.fullmatch(name):
        raise PlanNameInvalid(field="name", limit=63)
    if name == DEFAULT_PLAN or Plan.objects.filter(name=name).exists():
        raise NameTaken(f"There is a plan called {name!r}.", field="name")
    plan = Plan(name=name)
    _apply(plan, changes)
    plan.save()
    audit(tenant=None, actor=actor, action="plan_create", target=name, after=shown(plan))
    epoch.bump(reason=f"plan {name}")
    return plan


@transaction.atomic
def plan_update(*, name: str, changes: Mapping[str, Any], actor: Actor, expected: int | None = None) -> Plan:
    """Change some fields; in `limits`, null takes a limit out of the plan and what is not named stays.

    Raises `PlanNotFound`, `LimitInvalid`, `FieldInvalid`, or `ChangedMeanwhile` unless the plan's revision is `expected`.
    """
    plan = _locked(name)
    check_revision(plan.revision, expected)
    before = shown(plan)
    _apply(plan, changes)
    plan.revision += 1
    plan.modified = timezone.now()
    plan.save()
    audit(tenant=None, actor=actor, action="plan_update", target=name, before=before, after=shown(plan))
    epoch.bump(reason=f"plan {name}")
    return plan


@transaction.atomic
def plan_delete(*, name: str, actor: Actor, expected: int | None = None) -> None:
    """Remove a plan that nobody has; raises `PlanNotFound`, `PlanInUse`, or `ChangedMeanwhile` unless its revision is `expected`."""
    plan = Plan.objects.select_for_update().filter(name=name.replace("\0", "")).first()
    if plan is None:
        raise PlanNotFound
    check_revision(plan.revision, expected)
    if plan.is_default:
        raise PlanInUse("This is the default plan: make another one the default first.")
    if count := Tenant.objects.filter(plan=plan).count():
        raise PlanInUse(f"{count} tenants have this plan: give them another one first.", tenants=count)
    before = shown(plan)
    plan.delete()
    audit(tenant=None, actor=actor, action="plan_delete", target=name, before=before)
    epoch.bump(reason=f"plan {name}")


@transaction.atomic
def tenant_plan_set(*, tenant: Tenant, plan_name: str | None, actor: Actor) -> Plan | None:
    """Give the tenant a plan of its own, or (None) the default one, whichever that is at any time. Raises `PlanNotFound`."""
    plan = _locked(plan_name) if plan_name is not None else None
    row = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).first()
    if row is None:
        raise TenantNotFound
    before = row.plan.name if row.plan is not None else None
    Tenant.objects.filter(pk=tenant.pk).update(plan=plan)
    tenant.plan = plan
    audit(tenant=tenant, actor=actor, action="tenant_plan_set", target=tenant.slug, before=before, after=plan_name)
    epoch.bump(reason=f"tenant {tenant.slug}")
    return plan


def plan_changed(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """A copy of `plan` with `changes`, saved nowhere; raises as `plan_update`."""
    copy = Plan(**{field: getattr(plan, field) for field in _FIELDS}, name=plan.name)
    _set(copy, changes)
    return copy


def shown(plan: Plan) -> dict[str, Any]:
    """As events have it."""
    return {field: getattr(plan, field) for field in _FIELDS}


def _locked(name: str) -> Plan:
    plan = Plan.objects.select_for_update().filter(name=name.replace("\0", "")).first()
    if plan is None and name == DEFAULT_PLAN and not Plan.objects.filter(is_default=True).exists():
        plan = plan_built_in()
        plan.save()
    if plan is None:
        raise PlanNotFound
    return plan


def _apply(plan: Plan, changes: Mapping[str, Any]) -> None:
    was_default = plan.is_default and plan.pk is not None
    _set(plan, changes)
    if was_default and not plan.is_default:
        raise FieldInvalid("There must be a default plan: make another one the default instead.", field="is_default")
    if plan.is_default and not was_default:
        Plan.objects.filter(is_default=True).update(is_default=False, revision=F("revision") + 1, modified=timezone.now())


def _set(plan: Plan, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        check = _FIELDS.get(field)
        if check is None:
            raise FieldInvalid(f"A plan has no field {field[:80]!r}.", field=field[:80])
        setattr(plan, field, check(field, value) if field != "limits" else _limits(plan, value))


def _limits(plan: Plan, value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise FieldInvalid("limits must be an object of numbers.", field="limits")
    kept = {name: number for name, number in plan.limits.items() if name not in value}
    # Names that are to go must be names, too.
    checked(dict.fromkeys((name for name, number in value.items() if number is None), 1), level="plan")
    return {**kept, **checked({name: number for name, number in value.items() if number is not None}, level="plan")}


def _text(limit: int) -> Callable[[str, Any], str]:
    def check(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise FieldInvalid(f"{field} must be a text.", field=field)
        return check_text(value, field=field, limit=limit)

    return check


def _number(least: int, most: int) -> Callable[[str, Any], int]:
    def check(field: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise FieldInvalid(f"{field} must be a whole number from {least} to {most}.", field=field, limit=most)
        return value

    return check


def _flag(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldInvalid(f"{field} must be true or false.", field=field)
    return value


_FIELDS: Mapping[str, Callable[[str, Any], Any]] = {
    "title": _text(TITLE_CHARACTERS),
    "description": _text(DESCRIPTION_CHARACTERS),
    "is_default": _flag,
    "limits": lambda _field, value: value,
    "cpu_weight": _number(1, WEIGHT_MOST),
    "log_retention_days": _number(0, RETENTION_DAYS_MOST),
    "tail_allowed": _flag,
    "internet_allowed": _flag,
    "quota_headers": _flag,
}
