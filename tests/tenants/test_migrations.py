"""Migrations that carry something over."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from tenants import services
from tenants.models import AuditEvent, AuditHead, DataKey

pytestmark = pytest.mark.django_db


def test_events_from_before_the_chain_are_put_into_one(tenant, actor):
    """As 0004 finds them: without numbers and hashes."""
    services.user_create(email="a@example.com", password=None, actor=actor)
    DataKey.objects.all().delete()
    AuditHead.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_auditevent SET chain = CAST(id AS VARCHAR), number = 0, hash = '', previous = ''")
    AuditEvent.save, kept = _plain_save, AuditEvent.save
    try:
        import_module("tenants.migrations.0004_audit").adopt(apps, None)
    finally:
        AuditEvent.save = kept
    found = services.audit_verify()
    assert (found.intact, found.events) == (True, 2)
    assert set(found.heads) == {"platform", tenant.account_id}
    # And the next one follows.
    services.tenant_resume(tenant=tenant, actor=actor)
    assert services.audit_verify().intact


def _plain_save(self: AuditEvent) -> None:
    """A migration's models have none of our methods."""
    super(AuditEvent, self).save()


def test_nothing_is_made_where_there_is_nothing(db):
    import_module("tenants.migrations.0004_audit").adopt(apps, None)
    assert not DataKey.objects.exists()
