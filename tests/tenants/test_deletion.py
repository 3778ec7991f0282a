"""A tenant's end: stopped at once, called off in time, and then nothing of it is left anywhere."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.utils import timezone

from jobs.models import Job
from tenants import blobs, selectors, services
from tenants.errors import TenantNotFound, TenantSuspended
from tenants.models import AuditEvent, QuotaCount, Tenant, Version, VersionImage
from tenants.services import deletion
from tests.conftest import HELLO

pytestmark = pytest.mark.django_db

# Nowhere else in any test's database.
MARK = "zyxmarkzyx"
CODE = f'export default {{ fetch() {{ return new Response("{MARK}"); }} }};'


def everything() -> dict[str, str]:
    """All rows of all tables, as text."""
    return {
        model._meta.label: "\n".join(json.dumps(row, default=str) for row in model._base_manager.values())
        for model in apps.get_models()
        if model._meta.managed
    }


def blobs_with(mark: str) -> list[str]:
    return [info.sha256 for info in blobs.store().walk() if mark.encode() in blobs.store().get(info.sha256)]


@pytest.fixture
def full(upload_js, tenant, actor, monkeypatch):
    """A tenant with a bit of everything, long enough ago for its blobs to have settled."""
    upload_js(CODE, name=f"{MARK}-one", bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}], message=MARK)
    upload_js(CODE, name=f"{MARK}-one", message="second")
    services.namespace_create(tenant=tenant, name=MARK, actor=actor)
    services.namespace_create(tenant=tenant, name=f"{MARK}-test", promotes_to=MARK, actor=actor)
    own = {"A": {"type": "plain_text", "text": MARK}}
    services.namespace_bindings_update(tenant=tenant, name=MARK, changes=own, actor=actor)
    services.domain_add(tenant=tenant, worker_name=f"{MARK}-one", hostname=f"{MARK}.example.com", actor=actor)
    token, _ = services.token_create(tenant=tenant, name=MARK, scopes=["workers:read"], actor=actor)
    upload_js(CODE, name=f"{MARK}:inside")
    services.override_set(tenant=tenant, name="cpu_ms", value=7, reason=MARK, actor=actor)
    services.webhook_create(tenant=tenant, url=f"https://{MARK}.example.com/hook", events=["*"], actor=actor)
    services.invitation_create(tenant=tenant, role="viewer", email=f"{MARK}@example.com", may_own=True, actor=actor)
    QuotaCount.objects.create(key=f"{tenant.pk}:requests_per_day:1", expires_at=time.time() + 3600)
    services.throttle(key=f"token:{token.pk}", limit=5, period_seconds=3600)
    Job.objects.create(kind="image_remake", payload={}, idempotency_key=f"image_remake:{Version.objects.first().pk}", result={"x": MARK})
    monkeypatch.setattr(deletion, "_SETTLED_SECONDS", -1)
    return token


class TestGrace:
    def test_it_is_stopped_at_once_and_erased_later(self, full, tenant, actor):
        when = services.tenant_delete(tenant=tenant, reason="goodbye", actor=actor)
        assert timedelta(days=django_settings.HOSTEL.tenant_grace_days) - (when - timezone.now()) < timedelta(minutes=1)
        assert selectors.route_lookup(f"{MARK}-one.acme.localhost").suspended
        with pytest.raises(TenantSuspended):
            services.worker_delete(tenant=tenant, worker_name=f"{MARK}-one", actor=actor)
        assert services.tenants_erase_due() == 0
        assert Tenant.objects.filter(pk=tenant.pk).exists()

    def test_it_can_be_called_off(self, full, tenant, actor):
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        services.tenant_resume(tenant=tenant, actor=actor)
        assert services.tenants_erase_due() == 0
        with pytest.raises(TenantNotFound):
            services.tenant_erase(tenant=tenant, actor=actor)
        assert not selectors.route_lookup(f"{MARK}-one.acme.localhost").suspended

    def test_a_suspension_of_before_keeps_its_time(self, tenant, actor):
        services.tenant_suspend(tenant=tenant, reason="unpaid", actor=actor)
        before = Tenant.objects.get(pk=tenant.pk).suspended_at
        services.tenant_delete(tenant=tenant, reason="", actor=actor)
        assert Tenant.objects.get(pk=tenant.pk).suspended_at == before

    def test_one_that_cannot_be_erased_does_not_keep_the_others(self, tenant, other_tenant, actor, monkeypatch):
        for one in (tenant, other_tenant):
            services.tenant_delete(tenant=one, reason="", grace=timedelta(0), actor=actor)

        def refuse(one: Tenant) -> None:
            if one.pk == tenant.pk:
                raise RuntimeError("no")

        monkeypatch.setattr(deletion, "_erasers", [refuse])
        assert services.tenants_erase_due() == 1
        assert list(Tenant.objects.all()) == [tenant]
        monkeypatch.setattr(deletion, "_erasers", [])
        assert services.tenants_erase_due() == 1


class TestErasure:
    def test_nothing_is_left(self, full, tenant, actor):
        ids = {MARK, "acme", *(str(one) for one in Version.objects.values_list("pk", flat=True)), str(full.pk), full.digest}
        assert any(MARK in text for text in everything().values())
        assert blobs_with(MARK)
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        erased = services.tenant_erase(tenant=tenant, actor=actor)
        assert (erased.workers, erased.versions, erased.blobs_later) == (2, 3, 0)
        assert not QuotaCount.objects.exists()
        assert erased.blobs >= 2
        for label, text in everything().items():
            for one in ids:
                assert one not in text, f"{label} still has {one}"
        assert blobs_with(MARK) == []
        assert not list((django_settings.HOSTEL.home / "staging").glob("*"))
        # One event says that there was one, and nothing of it.
        (left,) = [label for label, text in everything().items() if tenant.account_id in text]
        assert left == "tenants.AuditEvent"
        event = AuditEvent.objects.get(action="tenant_erase")
        assert (event.tenant, event.target) == (None, tenant.account_id)
        assert selectors.route_lookup(f"{MARK}-one.acme.localhost") is None

    def test_others_keep_what_is_theirs_and_what_is_shared(self, full, upload_js, tenant, other_tenant, actor):
        upload_js(CODE, name="same", tenant=other_tenant)
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        services.tenant_erase(tenant=tenant, actor=actor)
        route = selectors.route_lookup("same.globex.localhost")
        program = selectors.version_program(
            route.versions[0].id, guest_build=VersionImage.objects.get(version=route.versions[0].id).guest_build
        )
        assert MARK.encode() in program.bundle.modules[0].content
        assert program.image is not None
        assert AuditEvent.objects.filter(tenant=other_tenant).exists()

    def test_a_blob_put_lately_may_be_another_uploads_and_waits_for_the_collection(self, upload_js, tenant, actor):
        upload_js(HELLO)
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        erased = services.tenant_erase(tenant=tenant, actor=actor)
        assert erased.blobs_later >= 1
        old = time.time() - 90_000
        for info in list(blobs.store().walk()):
            os.utime(blobs.store()._path(info.sha256), (old, old))
        assert services.blobs_collect().removed >= erased.blobs_later

    def test_the_name_is_free_again(self, tenant, actor):
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        services.tenant_erase(tenant=tenant, actor=actor)
        assert services.tenant_create(slug="acme", actor=actor).account_id != tenant.account_id

    def test_twice_is_told(self, tenant, actor):
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        services.tenant_erase(tenant=tenant, actor=actor)
        for again in (services.tenant_erase, services.tenant_delete):
            with pytest.raises(TenantNotFound):
                again(tenant=tenant, actor=actor, **({"reason": ""} if again is services.tenant_delete else {}))

    def test_the_background_job_does_it(self, full, tenant, actor, django_capture_on_commit_callbacks):
        from jobs import services as jobs

        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        with django_capture_on_commit_callbacks(execute=True):
            job = jobs.job_enqueue(kind="tenants_erase", payload={})
        job.refresh_from_db()
        assert (job.state, job.result) == ("succeeded", {"tenants": 1})
        assert not Tenant.objects.filter(pk=tenant.pk).exists()

    def test_the_audit_log_is_still_whole(self, full, tenant, other_tenant, actor):
        services.tenant_delete(tenant=tenant, reason="", grace=timedelta(0), actor=actor)
        services.tenant_erase(tenant=tenant, actor=actor)
        found = services.audit_verify()
        assert (found.breaks, set(found.heads)) == ((), {"platform", other_tenant.account_id})
