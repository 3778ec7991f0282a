"""Promotion: the same code, the next environment's own values; all of it or nothing."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tenants import epoch, selectors, services
from tenants.actor import Actor
from tenants.bindings import descriptors
from tenants.errors import (
    BindingTargetMissing,
    NewestMoved,
    PromotionChanged,
    PromotionImpossible,
    PromotionIncomplete,
    TenantSuspended,
    WorkerNotFound,
)
from tenants.models import AuditEvent, Deployment, Version, Worker
from tenants.services import promotion
from tenants.uploads import WorkerSettings

pytestmark = pytest.mark.django_db

API = "development:api"
STAGED = "staging:api"


def source(text: str) -> str:
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};'


def text(name: str, value: str) -> dict:
    return {"type": "plain_text", "name": name, "text": value}


def secret(name: str, value: str) -> dict:
    return {"type": "secret_text", "name": name, "text": value}


@pytest.fixture(autouse=True)
def chain(tenant, actor):
    for name, following in (("production", None), ("staging", "production"), ("development", "staging")):
        services.namespace_create(tenant=tenant, name=name, promotes_to=following, actor=actor)


@pytest.fixture
def promote(tenant, actor):
    def call(worker_name=API, **more):
        return services.worker_promote(tenant=tenant, worker_name=worker_name, actor=actor, source="tests", **more)

    return call


@pytest.fixture
def environment(tenant, actor):
    def update(namespace="staging", **changes):
        return services.namespace_bindings_update(tenant=tenant, name=namespace, changes=changes, actor=actor)

    return update


@pytest.fixture
def preview(tenant):
    return lambda worker_name=API: selectors.promotion_preview(tenant=tenant, worker_name=worker_name)


def opened(version: Version) -> dict:
    """What the version's code gets, by name."""
    found = descriptors(version.bindings, tenant=version.tenant, version_id="", tag="", created="")
    return {binding["name"]: binding.get("text", binding.get("json", binding.get("service"))) for binding in found}


def shares(deployment: Deployment) -> list:
    return sorted((entry.version.number, entry.weight) for entry in deployment.entries.all())


class TestPromoting:
    def test_the_code_is_the_same_and_the_values_are_the_targets(self, upload_js, promote, environment, tenant):
        upload_js(source("api"), name="mail"), upload_js(source("api"), name="mail-staging")
        bindings = [
            text("MODE", "dev"),
            text("NAME", "api"),
            {"type": "json", "name": "CONF", "json": {"a": 1}},
            secret("KEY", "dev key"),
            {"type": "service", "name": "MAIL", "service": "mail"},
            {"type": "worker_loader", "name": "LOADER"},
        ]
        first = upload_js(
            source("one"), name=API, bindings=bindings, limits={"cpu_ms": 50}, compatibility_flags=["nodejs_als"], tag="v1"
        ).version
        environment(
            MODE={"type": "plain_text", "text": "staged"},
            KEY={"type": "secret_text", "text": "staging key"},
            MAIL={"type": "service", "service": "mail-staging"},
            UNUSED={"type": "plain_text", "text": "x"},
            LOADER={"type": "plain_text", "text": "not a loader"},
        )
        before = epoch.stored()
        done = promote(message="to staging")
        made = done.made[0]
        assert (done.worker.qualified_name, made.number, shares(done.deployment)) == (STAGED, 1, [(1, 10_000)])
        assert opened(made) == {
            "MODE": "staged",
            "NAME": "api",
            "CONF": {"a": 1},
            "KEY": "staging key",
            "MAIL": "mail-staging",
            "LOADER": None,
        }
        assert (made.modules, made.main_module, made.limits, made.compatibility_flags, made.tag) == (
            first.modules,
            first.main_module,
            {"cpu_ms": 50},
            ["nodejs_als"],
            "v1",
        )
        assert made.annotations == {"hostel/promoted-from": API, "hostel/promoted-version": str(first.pk)}
        assert (done.deployment.message, done.deployment.annotations["hostel/promoted-from"]) == ("to staging", API)
        assert epoch.stored() > before
        event = AuditEvent.objects.get(action="worker_promote")
        assert (event.target, event.data["promoted_from"], event.after) == (STAGED, API, {"versions": {str(made.pk): 10_000}})
        # Nothing of the source has changed, and no secret is told.
        assert opened(first)["KEY"] == "dev key"
        assert "key" not in json.dumps(list(AuditEvent.objects.values_list("data", "before", "after")), default=str).replace("KEY", "")

    def test_further_along_the_chain(self, upload_js, promote, environment, tenant):
        upload_js(source("one"), name=API, bindings=[text("MODE", "dev")])
        environment("production", MODE={"type": "plain_text", "text": "live"})
        promote()
        assert opened(promote(STAGED).made[0]) == {"MODE": "live"}
        with pytest.raises(PromotionImpossible, match="promotes_to"):
            promote("production:api")

    def test_a_secret_never_travels(self, upload_js, promote, tenant, actor, preview):
        upload_js(source("one"), name=API, bindings=[secret("A", "dev"), secret("B", "dev"), text("C", "c")])
        assert preview().missing == ["A", "B"]
        with pytest.raises(PromotionIncomplete) as caught:
            promote()
        assert caught.value.detail["secrets"] == ["A", "B"]
        assert selectors.namespace_workers(tenant=tenant, namespace=selectors.namespace_get(tenant=tenant, name="staging")).count() == 0
        # What the target worker has itself is enough; the environment's own comes before it.
        upload_js(
            source("zero"), name=STAGED, bindings=[secret("A", "own a"), secret("B", "own b"), text("C", "own c"), text("D", "own d")]
        )
        assert opened(promote().made[0]) == {"A": "own a", "B": "own b", "C": "c"}
        services.namespace_bindings_update(
            tenant=tenant, name="staging", changes={"B": {"type": "secret_text", "text": "env b"}}, actor=actor
        )
        assert opened(promote().made[0]) == {"A": "own a", "B": "env b", "C": "c"}
        # A variable of the target's is no value for a secret.
        upload_js(source("zero"), name=STAGED, bindings=[text("A", "plain")])
        with pytest.raises(PromotionIncomplete):
            promote()

    def test_a_split_is_promoted_as_it_is(self, upload_js, promote, tenant, actor):
        old, new = upload_js(source("old"), name=API).version, upload_js(source("new"), name=API, deploy=False).version

        def split(*weights):
            versions = list(zip((old.pk, new.pk), weights, strict=True))
            services.deployment_create(tenant=tenant, worker_name=API, versions=versions, actor=actor, source="tests")

        split(90, 10)
        done = promote()
        # The newer one is the newer one there, too: who has seen it goes on seeing it.
        assert [version.annotations["hostel/promoted-version"] for version in done.made] == [str(old.pk), str(new.pk)]
        assert shares(done.deployment) == [(1, 9_000), (2, 1_000)]
        split(50, 50)
        done = promote()
        assert (list(done.made), shares(done.deployment)) == ([], [(1, 5_000), (2, 5_000)])
        # Nothing to do is done without a trace.
        count = (Deployment.objects.count(), AuditEvent.objects.count(), Version.objects.count())
        again = promote()
        assert (again.preview.changes, again.deployment) == (False, done.deployment)
        assert (Deployment.objects.count(), AuditEvent.objects.count(), Version.objects.count()) == count

    def test_versions_that_differ_in_what_the_environment_decides_become_one(self, upload_js, promote, tenant, actor, environment):
        one = upload_js(name=API, bindings=[text("MODE", "a")]).version
        other = upload_js(name=API, bindings=[text("MODE", "b")], deploy=False).version
        services.deployment_create(tenant=tenant, worker_name=API, versions=[(one.pk, 30), (other.pk, 70)], actor=actor, source="tests")
        environment(MODE={"type": "plain_text", "text": "staged"})
        done = promote()
        assert (len(done.made), shares(done.deployment)) == (1, [(1, 10_000)])

    def test_a_worker_that_is_new_there_begins_with_the_settings_it_has(self, upload_js, promote, tenant, actor):
        upload_js(name=API)

        def settings(name, **values):
            services.worker_settings_update(tenant=tenant, worker_name=name, settings=WorkerSettings(**values), actor=actor)

        settings(API, tags=["a"], mode="fresh", limits={"cpu_ms": 70})
        worker = promote().worker
        assert (worker.tags, worker.mode, worker.limits, worker.subdomain_enabled) == (["a"], "fresh", {"cpu_ms": 70}, False)
        # One that is there keeps its own.
        settings(STAGED, tags=["b"], mode="reuse", limits={})
        upload_js(source("two"), name=API)
        worker = promote().worker
        assert (worker.tags, worker.mode, worker.limits) == (["b"], "reuse", {})


class TestRefusals:
    def test_what_cannot_be_promoted(self, upload_js, promote, tenant, actor):
        with pytest.raises(WorkerNotFound):
            promote()
        upload_js(name="api")
        with pytest.raises(PromotionImpossible):
            promote("api")
        upload_js(name=API, deploy=False)
        with pytest.raises(PromotionImpossible, match="deployed"):
            promote()
        services.namespace_promotes_to(tenant=tenant, name="development", promotes_to=None, actor=actor)
        with pytest.raises(PromotionImpossible):
            promote()
        services.tenant_suspend(tenant=tenant, reason="test", actor=actor)
        tenant.refresh_from_db()
        with pytest.raises(TenantSuspended):
            promote()

    def test_another_tenants_worker_is_nobodys(self, upload_js, other_tenant, actor, preview):
        upload_js(name=API)
        with pytest.raises(WorkerNotFound):
            selectors.promotion_preview(tenant=other_tenant, worker_name=API)
        services.namespace_create(tenant=other_tenant, name="development", actor=actor)
        upload_js(name=API, tenant=other_tenant)
        with pytest.raises(PromotionImpossible):
            selectors.promotion_preview(tenant=other_tenant, worker_name=API)

    def test_a_caller_limited_to_some_workers_needs_both(self, upload_js, promote, tenant):
        upload_js(name=API)
        tenant.only_workers = frozenset({API})
        with pytest.raises(WorkerNotFound):
            promote()
        tenant.only_workers = frozenset({API, STAGED})
        assert promote().worker.qualified_name == STAGED

    def test_a_service_that_is_gone_stops_it(self, upload_js, promote, tenant, actor):
        upload_js(name="mail")
        upload_js(name=API, bindings=[{"type": "service", "name": "MAIL", "service": "mail"}])
        services.worker_delete(tenant=tenant, worker_name="mail", actor=actor)
        with pytest.raises(BindingTargetMissing):
            promote()
        assert not Worker.objects.filter(namespace__name="staging").exists()


class TestPreviews:
    def test_what_would_change_is_told_and_no_secret_is(self, upload_js, promote, environment, preview):
        upload_js(source("one"), name=API, bindings=[text("A", "1"), secret("KEY", "dev"), text("GOES", "x")], limits={"cpu_ms": 50})
        environment(KEY={"type": "secret_text", "text": "staged"})
        new = preview()
        assert (new.target_name, new.changes, new.missing, new.compared) == (STAGED, True, [], None)
        (only,) = new.differences()
        assert only["code"]["before"] is None
        assert only["limits"] == [{"name": "cpu_ms", "before": None, "after": 50}]
        promote()
        environment(KEY={"type": "secret_text", "text": "another"})
        upload_js(
            source("two"), name=API, bindings=[text("A", "2"), secret("KEY", "dev 2"), secret("MORE", "m")], limits={"memory_bytes": 2**25}
        )
        (only,) = preview().differences()
        assert only["code"]["changed"]
        assert only["sha256"] is None
        assert only["limits"] == [
            {"name": "cpu_ms", "before": 50, "after": None},
            {"name": "memory_bytes", "before": None, "after": 2**25},
        ]
        assert {line["name"]: (line["change"], line["origin"]) for line in only["bindings"]} == {
            "A": ("changed", "version"),
            "KEY": ("changed", "environment"),
            "MORE": ("missing", None),
            "GOES": ("removed", None),
        }
        told = json.dumps(preview().differences())
        assert '{"text": "1"}' in told
        for word in ("dev", "staged", "another", "sealed", "digest"):
            assert word not in told

    def test_the_code_is_the_same_on_both_sides_after(self, upload_js, promote, environment, preview):
        upload_js(source("one"), name=API, bindings=[text("A", "1")])
        environment(A={"type": "plain_text", "text": "2"})
        promote()
        done = preview()
        (only,) = done.differences()
        assert (done.changes, only["code"]["changed"], [line["change"] for line in only["bindings"]]) == (False, False, ["unchanged"])

    @pytest.mark.parametrize("what", ["source", "target", "environment", "split"])
    def test_a_plan_that_is_not_true_any_more_is_refused(self, upload_js, promote, environment, preview, what):
        first = upload_js(source("one"), name=API, bindings=[text("A", "1")])
        seen = preview().digest
        assert preview().digest == seen
        if what == "source":
            upload_js(source("two"), name=API)
        elif what == "target":
            upload_js(source("zero"), name=STAGED)
        elif what == "environment":
            environment(A={"type": "plain_text", "text": "2"})
        else:
            shares, actor = [(first.version.pk, 100)], Actor.system()
            services.deployment_create(tenant=first.worker.tenant, worker_name=API, versions=shares, actor=actor, source="tests")
        with pytest.raises(PromotionChanged) as caught:
            promote(expected=seen)
        assert caught.value.detail["preview"] == preview().digest
        promote(expected=preview().digest)

    def test_what_changes_while_it_is_built_is_seen(self, upload_js, promote, environment, preview, monkeypatch):
        upload_js(source("one"), name=API, bindings=[text("A", "1")])
        build, builds = promotion.build, []

        def late(draft):
            builds.append(draft)
            if len(builds) == 1:
                environment(A={"type": "plain_text", "text": "2"})
            return build(draft)

        monkeypatch.setattr(promotion, "build", late)
        assert opened(promote().made[0]) == {"A": "2"}
        assert len(builds) == 2
        # Whoever has looked at a preview is told instead.
        upload_js(source("two"), name=API, bindings=[text("A", "1")])
        builds.clear()
        monkeypatch.setattr(
            promotion, "build", lambda draft: environment(A={"type": "plain_text", "text": f"{len(draft.sha256)}x"}) and build(draft)
        )
        with pytest.raises((PromotionChanged, NewestMoved)):
            promote(expected=preview().digest)
        assert Version.objects.filter(worker__namespace__name="staging").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_promote_at_once_make_one(upload_js, promote, tenant):
    upload_js(source("one"), name=API)
    ready = threading.Barrier(2, timeout=30)

    def work():
        try:
            ready.wait()
            return promote()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        done = [future.result(timeout=60) for future in [threads.submit(work) for _ in range(2)]]
    assert sorted(len(one.made) for one in done) == [0, 1]
    assert done[0].deployment == done[1].deployment
    assert Version.objects.filter(worker__namespace__name="staging").count() == 1
    assert AuditEvent.objects.filter(action="worker_promote").count() == 1
