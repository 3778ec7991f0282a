"""Plans in force: what they change at the gateway's routes, and counts held to quotas, also when many come at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tenants import selectors, services, usage
from tenants.actor import Actor
from tenants.errors import ChangedMeanwhile, DeploymentsExceeded, PlanNotFound, QuotaExceeded
from tenants.models import ApiToken, Deployment, Tenant, Version
from tests.conftest import HELLO

SYSTEM = Actor.system()


@pytest.fixture
def plan(tenant: Tenant) -> Callable[..., None]:
    """Puts the tenant on a plan of these fields."""

    def make(**changes: Any) -> None:
        services.plan_create(name="small", changes=changes, actor=SYSTEM)
        services.tenant_plan_set(tenant=tenant, plan_name="small", actor=SYSTEM)

    return make


pytestmark = pytest.mark.django_db


class TestRoutes:
    def test_a_route_carries_what_the_plan_grants(self, upload_js, tenant, plan):
        upload_js()
        route = selectors.route_lookup("hello.acme.localhost")
        assert (route.cpu_weight, route.internet, route.quotas, route.quota_headers, route.expires) == (1, True, (), True, None)
        limits = {"cpu_ms": 20, "requests_per_day": 9, "requests_per_minute": 3}
        plan(limits=limits, cpu_weight=7, internet_allowed=False, quota_headers=False)
        route = selectors.route_lookup("hello.acme.localhost")
        assert (route.cpu_weight, route.internet, route.quota_headers) == (7, False, False)
        assert route.quotas == (("requests_per_minute", 3), ("requests_per_day", 9))
        assert route.versions[0].limits.cpu_ms == 20

    def test_it_says_when_an_override_ends(self, upload_js, tenant, actor):
        made = upload_js()
        ends = timezone.now() + timedelta(hours=1)
        for worker, later in ((None, 5), ("hello", 0)):
            services.override_set(
                tenant=tenant,
                name="cpu_ms",
                value=20 + later,
                reason="x",
                worker_name=worker,
                expires_at=ends + timedelta(hours=later),
                actor=actor,
            )
        route = selectors.route_lookup("hello.acme.localhost")
        assert (route.versions[0].limits.cpu_ms, route.expires) == (20, ends.timestamp())
        # Another worker's has nothing to do with it.
        upload_js(name="other")
        assert selectors.route_lookup("other.acme.localhost").expires == (ends + timedelta(hours=5)).timestamp()
        assert made.version.limits == {}

    def test_uploads_are_held_to_it(self, upload_js, tenant, plan):
        plan(limits={"code_bytes": len(HELLO) - 1})
        with pytest.raises(Exception, match="bytes"):
            upload_js()
        services.override_set(tenant=tenant, name="code_bytes", value=len(HELLO), reason="x", actor=SYSTEM)
        upload_js()


class TestCounts:
    def test_versions_of_a_worker(self, upload_js, plan):
        plan(limits={"versions_per_worker": 2})
        for number in range(2):
            upload_js(f"export default {{ fetch() {{ return new Response('{number}') }} }}")
        with pytest.raises(QuotaExceeded) as refused:
            upload_js("export default { fetch() {} }")
        assert refused.value.detail == {"field": "versions_per_worker", "limit": 2, "used": 2}
        assert Version.objects.count() == 2
        upload_js(name="other")

    def test_bytes_that_are_stored(self, upload_js, tenant, plan):
        plan(limits={"stored_bytes": 2 * len(HELLO)})
        made = upload_js().version
        assert made.code_bytes == len(HELLO)
        upload_js(name="second")
        with pytest.raises(QuotaExceeded):
            upload_js(name="third")
        services.worker_delete(tenant=tenant, worker_name="hello", actor=SYSTEM)
        upload_js(name="third")

    def test_domains_and_tokens(self, upload_js, tenant, plan):
        upload_js()
        plan(limits={"domains": 1, "tokens": 1})
        add = lambda name: services.domain_add(tenant=tenant, worker_name="hello", hostname=name, actor=SYSTEM)  # noqa: E731
        add("a.example.com")
        # The same once more is none more.
        add("a.example.com")
        with pytest.raises(QuotaExceeded):
            add("b.example.com")
        token, _ = services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM)
        with pytest.raises(QuotaExceeded):
            services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM)
        services.token_revoke(token=token, actor=SYSTEM)
        token, _ = services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM)
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
        services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM)

    def test_deployments_in_an_hour(self, upload_js, tenant, plan):
        version = upload_js().version
        plan(limits={"deployments_per_hour": 2})

        def deploy() -> Deployment:
            return services.deployment_create(tenant=tenant, worker_name="hello", versions=[(version.pk, 100)], actor=SYSTEM, source="t")

        deploy()
        with pytest.raises(DeploymentsExceeded) as refused:
            deploy()
        assert 3_590 <= refused.value.detail["retry_after"] <= 3_600
        with pytest.raises(DeploymentsExceeded):
            upload_js("export default { fetch() {} }")
        # Not deployed: not counted.
        upload_js("export default { fetch() {} }", deploy=False)
        oldest = Deployment.objects.order_by("pk").first()
        Deployment.objects.filter(pk=oldest.pk).update(created=timezone.now() - timedelta(hours=1))
        deploy()

    def test_what_is_there_already_stays(self, upload_js, tenant, plan):
        upload_js(), upload_js(name="second")
        plan(limits={"workers": 1, "versions_per_worker": 5})
        assert upload_js("export default { fetch() {} }").version.number == 2
        with pytest.raises(QuotaExceeded):
            upload_js(name="third")


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_exactly_as_many_get_through(tenant):
    services.tenant_limits_set(tenant=tenant, limits={"tokens": 5}, actor=SYSTEM)
    through, refused = [], []

    def come() -> None:
        try:
            through.append(services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM))
        except QuotaExceeded as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=come) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(through), len(refused)) == (5, 7)
    assert usage.counted("tokens", tenant) == 5


class TestPlans:
    def test_counts_of_one_tenant_and_of_many_are_the_same(self, upload_js, tenant, other_tenant):
        upload_js(), upload_js(name="second")
        for name in usage._COUNTS:
            assert usage.counted_of_many(name, [tenant.pk, other_tenant.pk]).get(tenant.pk, 0) == usage.counted(name, tenant)
            assert usage.counted_of_many(name, [other_tenant.pk]).get(other_tenant.pk, 0) == 0

    def test_a_plan_that_is_not_there(self, tenant):
        for call in (
            lambda: services.tenant_plan_set(tenant=tenant, plan_name="gone", actor=SYSTEM),
            lambda: services.plan_update(name="gone\0", changes={}, actor=SYSTEM),
            lambda: services.plan_delete(name="default", actor=SYSTEM),
        ):
            with pytest.raises(PlanNotFound):
                call()

    def test_a_plan_that_has_changed(self, plan):
        plan()
        services.plan_update(name="small", changes={"title": "a"}, expected=1, actor=SYSTEM)
        with pytest.raises(ChangedMeanwhile):
            services.plan_update(name="small", changes={"title": "b"}, expected=1, actor=SYSTEM)
