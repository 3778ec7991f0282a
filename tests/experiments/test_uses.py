"""How often flags are asked for, as the report of stale flags sees it."""

from __future__ import annotations

import time

import pytest

from experiments import noting, selectors
from experiments.models import FlagCount
from flags import selectors as flag_selectors
from flags import services as flags
from tenants.actor import Actor
from tenants.models import Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anew(tenant: Tenant) -> None:
    noting._noted.clear()
    for key in ("used", "asked", "idle"):
        flags.flag_create(tenant=tenant, key=key, actor=Actor.system())


def unused(tenant: Tenant) -> set[str]:
    uses = selectors.flag_uses(tenant=tenant, days=0)
    found = flag_selectors.stale_flags(tenant=tenant, days=0, used=uses)
    return {one.flag for one in found if one.why == "unused" and one.environment == "production"}


def test_what_was_asked_for_is_not_unused(tenant: Tenant, other_tenant: Tenant) -> None:
    hour = int(time.time()) + 3_600
    FlagCount.objects.create(tenant=tenant, environment="production", flag="used", variant="on", hour=hour, count=7)
    FlagCount.objects.create(tenant=other_tenant, environment="production", flag="idle", variant="on", hour=hour, count=7)
    assert unused(tenant) == {"asked", "idle"}
    for _ in range(3):
        noting.evaluation_note(tenant=tenant, environment="production", flag="asked")
    assert FlagCount.objects.filter(flag="asked").count() == 1
    assert selectors.flag_uses(tenant=tenant)["production", "asked"].count == 1
    assert "idle" in unused(tenant)


def test_where_all_are_asked_for_none_is_unused(tenant: Tenant) -> None:
    noting.evaluation_note(tenant=tenant, environment="production")
    uses = selectors.flag_uses(tenant=tenant)
    assert {("production", key) for key in ("used", "asked", "idle")} <= uses.keys()
    assert ("staging", "idle") not in uses
