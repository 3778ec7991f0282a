"""Deployments, secrets of a worker, settings, host names: who may do what to which row."""

from __future__ import annotations

import uuid
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import selectors, services
from tenants.errors import (
    BindingInvalid,
    DeploymentInvalid,
    DeploymentNotFound,
    DomainNotFound,
    FieldInvalid,
    HostnameInvalid,
    LatestNotDeployed,
    NameTaken,
    SecretNotFound,
    SettingInvalid,
    VersionNotFound,
    WorkerNotFound,
)
from tenants.models import Deployment, Worker
from tenants.uploads import WorkerSettings
from tenants.weights import weights_of
from tests.conftest import HELLO

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions(upload_js):
    return [upload_js(f"export default {{ fetch() {{ return {number} }} }};", deploy=number == 0).version for number in range(3)]


@pytest.fixture
def deploy(tenant, actor):
    def create(*shares, name="hello", **more):
        return services.deployment_create(tenant=tenant, worker_name=name, versions=shares, actor=actor, source="tests", **more)

    return create


class TestSplitting:
    def test_the_newest_one_is_live(self, versions, deploy, tenant):
        made = deploy((versions[0].pk, 90), (str(versions[1].pk), 10), message="canary", annotations={"workers/message": "canary"})
        worker = selectors.worker_get(tenant=tenant, name="hello")
        live = selectors.deployment_live(tenant=tenant, worker=worker)
        assert live == made
        assert [(entry.version.number, entry.weight) for entry in live.entries.all()] == [(2, 1_000), (1, 9_000)]
        assert (live.message, live.strategy, live.author) == ("canary", "percentage", "ada@example.com")
        assert [one.pk for one in selectors.deployment_list(tenant=tenant, worker=worker)] == [live.pk, live.pk - 1]
        assert selectors.deployment_get(tenant=tenant, worker=worker, deployment_id=str(live.uuid)) == live

    @pytest.mark.parametrize("shares", [(100,), (0, 100), (33.33, 66.67), (Decimal("0.01"), 99.99), (0, 0, 100), (10.1, 20.2, 69.7)])
    def test_shares_that_make_a_whole(self, versions, deploy, shares):
        made = deploy(*zip([version.pk for version in versions], shares, strict=False))
        assert sum(entry.weight for entry in made.entries.all()) == 10_000

    @pytest.mark.parametrize(
        "shares",
        [
            (),
            (99,),
            (50, 50.01),
            (101,),
            (-1, 101),
            (50,),
            (33.333, 66.667),
            (float("nan"), 100),
            (float("inf"),),
            ("x",),
            (True, 99),
            (None,),
            ("1e99999999",),
        ],
    )
    def test_shares_that_do_not(self, versions, deploy, shares):
        before = Deployment.objects.count()
        with pytest.raises(DeploymentInvalid) as refused:
            deploy(*zip([version.pk for version in versions], shares, strict=False))
        assert refused.value.detail["field"].startswith("versions")
        assert Deployment.objects.count() == before

    def test_versions_must_be_the_workers_own(self, versions, deploy, upload_js, other_tenant):
        foreign = [upload_js(name="other").version.pk, upload_js(tenant=other_tenant).version.pk, uuid.uuid4()]
        for version_id in foreign:
            with pytest.raises(VersionNotFound):
                deploy((version_id, 100))
        with pytest.raises(DeploymentInvalid):
            deploy(("no uuid", 100))
        with pytest.raises(DeploymentInvalid):
            deploy((versions[0].pk, 50), (str(versions[0].pk), 50))
        with pytest.raises(WorkerNotFound):
            deploy((versions[0].pk, 100), name="gone")

    def test_other_strategies_and_long_messages_are_refused(self, versions, deploy):
        with pytest.raises(DeploymentInvalid):
            deploy((versions[0].pk, 100), strategy="dice")
        for message in ("x" * 1_001, "\0", "\ud800"):
            with pytest.raises(FieldInvalid):
                deploy((versions[0].pk, 100), message=message)

    def test_as_many_as_the_setting_allows(self, versions, deploy):
        most = [(uuid.uuid4(), 0)] * 11
        with pytest.raises(DeploymentInvalid) as refused:
            deploy(*most)
        assert refused.value.detail["limit"] == 10

    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=10))
    def test_hundredths_survive_the_way_through_floats(self, cuts):
        cuts = sorted({0, *cuts, 10_000})
        weights = [upper - lower for lower, upper in pairwise(cuts)][:10]
        weights[-1] += 10_000 - sum(weights)
        ids = [uuid.uuid4() for _ in weights]
        assert list(weights_of([(one, weight / 100) for one, weight in zip(ids, weights, strict=True)], "percentage").values()) == weights


class TestSecrets:
    def test_setting_one_makes_a_version_and_serves_it(self, upload_js, tenant, actor):
        first = upload_js(bindings=[{"type": "plain_text", "name": "A", "text": "1"}])
        made = services.secret_put(tenant=tenant, worker_name="hello", name="KEY", text="one", actor=actor, source="t")
        assert made.version.number == 2
        assert made.version.modules == first.version.modules
        assert made.version.message == "Set secret KEY"
        assert [binding["name"] for binding in made.version.bindings] == ["A", "KEY"]
        assert [entry.version for entry in made.deployment.entries.all()] == [made.version]
        gone = services.secret_delete(tenant=tenant, worker_name="hello", name="KEY", actor=actor, source="t")
        assert [binding["name"] for binding in gone.version.bindings] == ["A"]

    def test_many_make_one_version(self, upload_js, tenant, actor):
        upload_js(bindings=[{"type": "secret_text", "name": "OLD", "text": "x"}])
        made = services.secrets_update(
            tenant=tenant, worker_name="hello", changes={"A": "1", "B": "2", "OLD": None}, actor=actor, source="t", deploy=False
        )
        assert made.version.number == 2
        assert made.deployment is None
        assert {binding["name"] for binding in made.version.bindings} == {"A", "B"}

    def test_a_split_keeps_its_shares(self, versions, deploy, tenant, actor):
        deploy((versions[0].pk, 70), (versions[2].pk, 30))
        made = services.secret_put(tenant=tenant, worker_name="hello", name="KEY", text="x", actor=actor, source="t")
        shares = {entry.version.number: entry.weight for entry in made.deployment.entries.all()}
        assert shares == {1: 7_000, 4: 3_000}

    def test_code_that_nobody_has_deployed_is_not_brought_into_service(self, versions, tenant, actor):
        with pytest.raises(LatestNotDeployed):
            services.secret_put(tenant=tenant, worker_name="hello", name="KEY", text="x", actor=actor, source="t")
        worker = selectors.worker_get(tenant=tenant, name="hello")
        assert worker.last_version_number == 3

    def test_what_cannot_be_done(self, upload_js, tenant, actor):
        upload_js(bindings=[{"type": "plain_text", "name": "VAR", "text": "1"}])

        def change(**changes):
            services.secrets_update(tenant=tenant, worker_name="hello", changes=changes, actor=actor, source="t")

        with pytest.raises(SecretNotFound):
            change(GONE=None)
        with pytest.raises(NameTaken):
            change(VAR="x")
        with pytest.raises(BindingInvalid):
            change()
        with pytest.raises(WorkerNotFound):
            services.secret_put(tenant=tenant, worker_name="gone", name="A", text="", actor=actor, source="t")
        assert selectors.worker_get(tenant=tenant, name="hello").last_version_number == 1


class TestSettings:
    def test_what_is_none_stays(self, upload_js, tenant, actor):
        upload_js()
        services.worker_settings_update(
            tenant=tenant, worker_name="hello", settings=WorkerSettings(tags=["a"], limits={"cpu_ms": 5}), actor=actor
        )
        worker = services.worker_settings_update(
            tenant=tenant, worker_name="hello", settings=WorkerSettings(previews_enabled=True), actor=actor
        )
        worker.refresh_from_db()
        assert (worker.tags, worker.limits, worker.previews_enabled) == (["a"], {"cpu_ms": 5}, True)
        found = selectors.limits_effective(tenant=tenant, worker=worker)
        assert (found.limits.cpu_ms, found.sources["cpu_ms"]) == (5, "worker")

    def test_bad_ones_change_nothing(self, upload_js, tenant, actor):
        upload_js()
        with pytest.raises(SettingInvalid):
            services.worker_settings_update(
                tenant=tenant, worker_name="hello", settings=WorkerSettings(logpush=True, mode="hot"), actor=actor
            )
        assert not Worker.objects.get().logpush
        with pytest.raises(WorkerNotFound):
            services.worker_settings_update(tenant=tenant, worker_name="gone", settings=WorkerSettings(), actor=actor)


class TestDomains:
    def test_a_name_leads_to_one_worker(self, upload_js, tenant, actor):
        first, second = upload_js(name="one").worker, upload_js(name="two").worker
        domain = services.domain_add(tenant=tenant, worker_name="one", hostname="Shop.Example.com", actor=actor)
        assert (domain.hostname, domain.worker) == ("shop.example.com", first)
        moved = services.domain_add(tenant=tenant, worker_name="two", hostname="shop.example.com", actor=actor)
        assert (moved.pk, moved.worker) == (domain.pk, second)
        assert list(selectors.domain_list(tenant=tenant)) == [domain]
        services.domain_remove(tenant=tenant, hostname="shop.example.com", actor=actor)
        with pytest.raises(DomainNotFound):
            services.domain_remove(tenant=tenant, hostname="shop.example.com", actor=actor)

    def test_nobody_takes_anothers(self, upload_js, tenant, other_tenant, actor):
        upload_js()
        upload_js(tenant=other_tenant)
        domain = services.domain_add(tenant=tenant, worker_name="hello", hostname="shop.example.com", actor=actor)
        with pytest.raises(NameTaken):
            services.domain_add(tenant=other_tenant, worker_name="hello", hostname="shop.example.com", actor=actor)
        with pytest.raises(DomainNotFound):
            services.domain_remove(tenant=other_tenant, hostname="shop.example.com", actor=actor)
        with pytest.raises(DomainNotFound):
            selectors.domain_get(tenant=other_tenant, domain_id=domain.pk)
        for own in ("localhost", "x.localhost", "hello.acme.localhost"):
            with pytest.raises(HostnameInvalid):
                services.domain_add(tenant=tenant, worker_name="hello", hostname=own, actor=actor)


def test_another_tenants_rows_are_not_found(upload_js, tenant, other_tenant):
    made = upload_js(HELLO)
    for lookup in (
        lambda: selectors.worker_get(tenant=other_tenant, name="hello"),
        lambda: selectors.version_get(tenant=other_tenant, worker=made.worker, version_id=made.version.pk),
        lambda: selectors.version_modules(tenant=other_tenant, version=made.version),
        lambda: selectors.version_bindings(tenant=other_tenant, version=made.version),
        lambda: selectors.deployment_get(tenant=other_tenant, worker=made.worker, deployment_id=made.deployment.uuid),
    ):
        with pytest.raises((WorkerNotFound, VersionNotFound, DeploymentNotFound)):
            lookup()
    assert not selectors.worker_list(tenant=other_tenant).exists()
    assert not selectors.version_list(tenant=other_tenant, worker=made.worker).exists()
    assert not selectors.deployment_list(tenant=other_tenant, worker=made.worker).exists()
    assert selectors.version_latest(tenant=other_tenant, worker=made.worker) is None
    for malformed in ("", "x", "0" * 31):
        with pytest.raises(VersionNotFound):
            selectors.version_get(tenant=tenant, worker=made.worker, version_id=malformed)


def test_only_the_hundred_newest_versions_are_offered(upload_js, tenant):
    made = upload_js()
    Worker.objects.update(last_version_number=150)
    made.worker.refresh_from_db()
    assert not selectors.version_list(tenant=tenant, worker=made.worker, deployable=True).exists()
    assert selectors.version_list(tenant=tenant, worker=made.worker).exists()
