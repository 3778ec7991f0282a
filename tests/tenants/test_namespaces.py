"""Namespaces: what is in one is found there and nowhere else."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from tenants import epoch, selectors, services
from tenants.errors import (
    BindingInvalid,
    BindingTargetMissing,
    BindingUnsupported,
    FieldInvalid,
    NamespaceInUse,
    NamespaceNameInvalid,
    NamespaceNotFound,
    NameTaken,
    QuotaExceeded,
    SettingInvalid,
    TenantSuspended,
    WorkerNameInvalid,
    WorkerNotFound,
)
from tenants.models import AuditEvent, Namespace, Version, Worker
from tenants.names import qualified, split_name
from tenants.uploads import WorkerSettings
from tests.conftest import HELLO

pytestmark = pytest.mark.django_db

DISPATCH = {"type": "dispatch_namespace", "name": "DISPATCHER", "namespace": "production"}


@pytest.fixture
def make(tenant, actor):
    def create(name="production", **more):
        return services.namespace_create(**{"tenant": tenant, "name": name, "actor": actor, **more})

    return create


class TestNamespaces:
    def test_made_found_and_removed(self, make, tenant, actor):
        made = make()
        assert selectors.namespace_get(tenant=tenant, name="production") == made
        assert [(one.name, one.worker_count) for one in selectors.namespace_list(tenant=tenant)] == [("production", 0)]
        assert (len(made.tag), made.author) == (32, "ada@example.com")
        with pytest.raises(NameTaken):
            make()
        services.namespace_delete(tenant=tenant, name="production", actor=actor)
        with pytest.raises(NamespaceNotFound):
            selectors.namespace_get(tenant=tenant, name="production")
        assert make().tag != made.tag
        assert list(AuditEvent.objects.filter(target="production").values_list("action", flat=True)) == [
            "namespace_create",
            "namespace_delete",
            "namespace_create",
        ]

    @pytest.mark.parametrize("name", ["", "Production", "-a", "a" * 64, "a:b", "a/b", "\u0440roduction", "a b", "a\n", "~1~a"])
    def test_names_that_are_none(self, make, name):
        with pytest.raises(NamespaceNameInvalid):
            make(name)

    def test_names_in_a_pair(self, make):
        assert make("a" * 63).name == "a" * 63

    def test_a_tenant_has_so_many(self, make, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, max_namespaces_per_tenant=2)
        make("one"), make("two")
        with pytest.raises(QuotaExceeded):
            make("three")

    def test_another_tenants_is_nobodys(self, make, tenant, other_tenant, actor):
        make(tenant=other_tenant)
        for call in (
            lambda: selectors.namespace_get(tenant=tenant, name="production"),
            lambda: services.namespace_delete(tenant=tenant, name="production", actor=actor),
            lambda: services.namespace_rename(tenant=tenant, name="production", new_name="x", actor=actor),
            lambda: services.namespace_promotes_to(tenant=tenant, name="production", promotes_to=None, actor=actor),
            lambda: services.namespace_bindings_update(tenant=tenant, name="production", changes={}, actor=actor),
            lambda: services.namespace_workers_delete(tenant=tenant, name="production", with_tags=["a"], actor=actor),
            lambda: make("staging", promotes_to="production"),
        ):
            with pytest.raises(NamespaceNotFound):
                call()
        assert list(selectors.namespace_list(tenant=tenant)) == []
        # Both may have one of the same name.
        make()

    def test_a_suspended_tenant_changes_nothing(self, make, tenant, actor):
        make()
        services.tenant_suspend(tenant=tenant, reason="test", actor=actor)
        with pytest.raises(TenantSuspended):
            make("staging")
        with pytest.raises(TenantSuspended):
            services.namespace_delete(tenant=tenant, name="production", actor=actor)

    def test_renamed_unless_somebody_dispatches_to_it(self, make, tenant, actor, upload_js):
        make()
        upload_js(name="production:api")
        rename = {"tenant": tenant, "name": "production", "new_name": "live", "actor": actor}
        upload_js(name="router", bindings=[DISPATCH])
        with pytest.raises(NamespaceInUse) as caught:
            services.namespace_rename(**rename)
        assert caught.value.detail["workers"] == ["router"]
        # Neither newest nor live any more.
        upload_js(name="router")
        services.namespace_rename(**rename)
        assert selectors.worker_get(tenant=tenant, name="live:api").qualified_name == "live:api"
        with pytest.raises(WorkerNotFound):
            selectors.worker_get(tenant=tenant, name="production:api")
        make()
        with pytest.raises(NameTaken):
            services.namespace_rename(**rename)

    def test_promotion_leads_in_no_circle(self, make, tenant, actor):
        make(), make("staging", promotes_to="production"), make("development", promotes_to="staging")
        for name in ("development", "staging", "production"):
            with pytest.raises(FieldInvalid, match="circle"):
                services.namespace_promotes_to(tenant=tenant, name="production", promotes_to=name, actor=actor)
        services.namespace_promotes_to(tenant=tenant, name="development", promotes_to=None, actor=actor)
        services.namespace_promotes_to(tenant=tenant, name="production", promotes_to="development", actor=actor)
        services.namespace_delete(tenant=tenant, name="development", actor=actor)
        assert selectors.namespace_get(tenant=tenant, name="production").promotes_to is None

    def test_an_environment_has_values_of_its_own(self, make, tenant, actor):
        make()

        def update(**changes):
            return services.namespace_bindings_update(tenant=tenant, name="production", changes=changes, actor=actor)

        update(KEY={"type": "secret_text", "text": "s3cret"}, MODE={"type": "plain_text", "text": "live"})
        kept = update(MODE=None, LEVEL={"type": "json", "json": 3}, GONE=None).bindings
        assert [(binding["name"], "text" in binding) for binding in kept] == [("KEY", False), ("LEVEL", False)]
        assert "s3cret" not in str(kept) + str(list(AuditEvent.objects.values_list("data", flat=True)))
        for wrong in (DISPATCH, {"type": "worker_loader"}, {"type": "inherit"}, {}):
            with pytest.raises(BindingUnsupported):
                update(X=wrong)
        update(**{f"N{number}": {"type": "plain_text", "text": ""} for number in range(254)})
        with pytest.raises(BindingInvalid):
            update(ONE_MORE={"type": "plain_text", "text": ""})


class TestWorkersInOne:
    def test_they_are_not_those_outside(self, make, tenant, actor, upload_js):
        make(), make("staging")
        names = ["api", "production:api", "staging:api"]
        made = {name: upload_js(f"export default {{ fetch() {{ return {at} }} }};", name=name) for at, name in enumerate(names)}
        for name, uploaded in made.items():
            worker = selectors.worker_get(tenant=tenant, name=name)
            assert (worker, worker.name, worker.qualified_name) == (uploaded.worker, "api", name)
            assert worker.last_version_number == 1
        assert [worker.qualified_name for worker in selectors.worker_list(tenant=tenant)] == ["api"]
        staging = selectors.namespace_get(tenant=tenant, name="staging")
        assert [one.qualified_name for one in selectors.namespace_workers(tenant=tenant, namespace=staging)] == ["staging:api"]
        # Each is changed alone.
        services.worker_settings_update(tenant=tenant, worker_name="staging:api", settings=WorkerSettings(tags=["a"]), actor=actor)
        services.secret_put(tenant=tenant, worker_name="production:api", name="S", text="x", actor=actor, source="tests")
        assert [(one.tags, one.last_version_number) for one in Worker.objects.order_by("pk")] == [([], 1), ([], 2), (["a"], 1)]
        services.worker_delete(tenant=tenant, worker_name="production:api", actor=actor)
        assert [one.qualified_name for one in Worker.objects.order_by("pk")] == ["api", "staging:api"]
        services.worker_delete(tenant=tenant, worker_name="api", actor=actor)
        assert [one.qualified_name for one in Worker.objects.order_by("pk")] == ["staging:api"]

    def test_no_host_leads_to_them(self, make, tenant, actor, upload_js):
        make()
        uploaded = upload_js(name="production:api")
        assert not uploaded.worker.subdomain_enabled
        # Even if the row said otherwise.
        Worker.objects.update(subdomain_enabled=True, previews_enabled=True)
        preview = f"{str(uploaded.version.pk)[:8]}-api.acme.localhost"
        assert selectors.route_lookup("api.acme.localhost") is None
        assert selectors.preview_lookup(preview) is None
        for field in ("subdomain_enabled", "previews_enabled"):
            with pytest.raises(SettingInvalid):
                services.worker_settings_update(
                    tenant=tenant, worker_name="production:api", settings=WorkerSettings(**{field: True}), actor=actor
                )
        with pytest.raises(WorkerNotFound):
            services.domain_add(tenant=tenant, worker_name="production:api", hostname="shop.example.com", actor=actor)
        # The one outside does not shadow it, nor is it shadowed.
        outside = upload_js(name="api")
        route = selectors.route_lookup("api.acme.localhost")
        assert (route.worker_id, route.namespace) == (outside.worker.pk, "")
        assert selectors.preview_lookup(preview) is None

    def test_routes_by_qualified_name(self, make, tenant, other_tenant, upload_js):
        make()
        uploaded = upload_js(name="production:api")
        route = selectors.route_of_worker(tenant=tenant, worker_name="production:api")
        assert (route.worker_id, route.worker_name, route.qualified_name) == (uploaded.worker.pk, "api", "production:api")
        for tenant_of, name in (
            (tenant, "api"),
            (tenant, "staging:api"),
            (other_tenant, "production:api"),
            (tenant, ":api"),
            (tenant, "a:b:c"),
        ):
            assert selectors.route_of_worker(tenant=tenant_of, worker_name=name) is None

    def test_they_need_their_namespace(self, upload_js, make, other_tenant):
        make(tenant=other_tenant)
        with pytest.raises(NamespaceNotFound):
            upload_js(name="production:api")
        for name in (":api", "production:", "a:b:c", "Production:api", "production:Api", "production:/"):
            with pytest.raises(WorkerNameInvalid):
                upload_js(name=name)
        assert not Worker.objects.exists()

    def test_a_namespace_holds_so_many(self, make, upload_js, settings):
        make()
        settings.HOSTEL = replace(django_settings.HOSTEL, max_workers_per_namespace=1, max_workers_per_tenant=1)
        upload_js(name="production:one"), upload_js(name="one")
        for name in ("production:two", "two"):
            with pytest.raises(QuotaExceeded):
                upload_js(name=name)

    def test_a_caller_limited_to_some_workers_sees_those_only(self, make, tenant, actor, upload_js):
        production = make()
        upload_js(name="production:api"), upload_js(name="api"), upload_js(name="production:other")
        tenant.only_workers = frozenset({"production:api"})
        assert selectors.worker_get(tenant=tenant, name="production:api").last_version_number == 1
        assert upload_js(name="production:api").version.number == 2
        for name in ("api", "production:other"):
            with pytest.raises(WorkerNotFound):
                selectors.worker_get(tenant=tenant, name=name)
        assert list(selectors.worker_list(tenant=tenant)) == []
        assert list(selectors.namespace_list(tenant=tenant)) == []
        assert [row.name for row in selectors.namespace_workers(tenant=tenant, namespace=production)] == ["api"]
        with pytest.raises(NamespaceNotFound):
            selectors.namespace_get(tenant=tenant, name="production")
        with pytest.raises(NamespaceNotFound):
            services.namespace_delete(tenant=tenant, name="production", actor=actor)
        # A dispatcher of its own would reach the others.
        with pytest.raises(BindingTargetMissing):
            upload_js(name="production:api", bindings=[DISPATCH])
        tenant.only_workers = frozenset({"api"})
        with pytest.raises(WorkerNotFound):
            upload_js(name="production:api")
        assert upload_js(name="api").version.number == 2

    def test_they_go_with_it(self, make, tenant, actor, upload_js):
        make()
        upload_js(name="production:api"), upload_js(name="api")
        before = epoch.stored()
        services.namespace_delete(tenant=tenant, name="production", actor=actor)
        assert [one.qualified_name for one in Worker.objects.all()] == ["api"]
        assert Version.objects.count() == 1
        assert epoch.stored() == before + 1

    def test_listed_and_removed_by_tag(self, make, tenant, actor, upload_js):
        production = make()
        tags = {"a": ["one", "paid"], "b": ["one"], "c": ["two", "ONE"], "d": []}
        for name, own in tags.items():
            upload_js(name=f"production:{name}")
            services.worker_settings_update(tenant=tenant, worker_name=f"production:{name}", settings=WorkerSettings(tags=own), actor=actor)

        def tagged(*wanted, without=()):
            rows = selectors.namespace_workers(tenant=tenant, namespace=production, with_tags=wanted, without_tags=without)
            return "".join(row.name for row in rows)

        assert (tagged(), tagged("one"), tagged("one", "paid"), tagged("one", without=["paid"]), tagged(without=["one"])) == (
            "abcd",
            "ab",
            "a",
            "b",
            "cd",
        )
        with pytest.raises(FieldInvalid):
            services.namespace_workers_delete(tenant=tenant, name="production", with_tags=[], actor=actor)
        gone = services.namespace_workers_delete(tenant=tenant, name="production", with_tags=["one"], actor=actor)
        assert (gone, tagged()) == (["a", "b"], "cd")


class TestBindings:
    def test_a_dispatcher_names_what_is_there(self, make, upload_js, other_tenant):
        make(tenant=other_tenant)
        with pytest.raises(BindingTargetMissing, match="namespace"):
            upload_js(bindings=[DISPATCH])
        make()
        for outbound in ({"service": "out", "params": ["a"]}, {"worker": {"service": "out"}, "params": [{"name": "a"}]}):
            with pytest.raises(BindingTargetMissing, match="worker"):
                upload_js(bindings=[{**DISPATCH, "outbound": outbound}])
        # Only workers outside of namespaces can be bound.
        upload_js(name="production:out")
        with pytest.raises(BindingTargetMissing):
            upload_js(bindings=[{**DISPATCH, "outbound": {"service": "out"}}])
        with pytest.raises(BindingTargetMissing):
            upload_js(bindings=[{"type": "service", "name": "OUT", "service": "out"}])
        with pytest.raises(BindingInvalid):
            upload_js(bindings=[{"type": "service", "name": "OUT", "service": "production:out"}])
        upload_js(name="out")
        stored = [
            upload_js(bindings=[{**DISPATCH, "outbound": outbound}]).version.bindings[0]["outbound"]
            for outbound in ({"service": "out", "params": ["a"]}, {"worker": {"service": "out"}, "params": [{"name": "a"}]})
        ]
        assert stored == [{"worker": {"service": "out"}, "params": [{"name": "a"}]}] * 2

    @pytest.mark.parametrize(
        "more",
        [
            {"namespace": "a:b"},
            {"namespace": None},
            {"outbound": "out"},
            {"outbound": {}},
            {"outbound": {"worker": "out"}},
            {"outbound": {"service": "a:b"}},
            {"outbound": {"service": "out", "params": "a"}},
            {"outbound": {"service": "out", "params": ["a", "a"]}},
            {"outbound": {"service": "out", "params": ["not a name"]}},
            {"outbound": {"service": "out", "params": [{}]}},
            {"outbound": {"service": "out", "params": [f"p{at}" for at in range(65)]}},
        ],
    )
    def test_malformed_ones(self, make, upload_js, more):
        make(), upload_js(HELLO, name="out")
        with pytest.raises(BindingInvalid):
            upload_js(bindings=[{**DISPATCH, **more}])


@given(st.text(alphabet="ab-_:.A~", max_size=8))
def test_a_qualified_name_is_read_as_it_is_written(text):
    place = split_name(text)
    if place is not None:
        assert qualified(*place) == text
        assert ":" not in place[0] + place[1]


def test_rows_of_one_name_are_kept_apart_by_the_database(tenant, make):
    from django.db import IntegrityError, transaction

    production, staging = make(), make("staging")
    for namespace in (None, production, staging):
        Worker.objects.create(tenant=tenant, namespace=namespace, name="api")
        with pytest.raises(IntegrityError), transaction.atomic():
            Worker.objects.create(tenant=tenant, namespace=namespace, name="api", tag=uuid.uuid4().hex)
    assert Namespace.objects.count() == 2
