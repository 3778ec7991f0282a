"""What the gateway asks: where a host name leads, what runs there, and whether anything has changed."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import uuid
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from jobs.engine import engine
from sandbox import Program, Request, Target, WorkerKey
from tenants import blobs, epoch, selectors, services
from tenants.actor import Actor
from tenants.epoch import EpochReader
from tenants.errors import BlobMissing, VersionNotFound
from tenants.models import ConfigEpoch
from tenants.uploads import WorkerSettings
from tests.conftest import HELLO

pytestmark = pytest.mark.django_db


class TestLookup:
    def test_a_worker_answers_at_its_own_host(self, upload_js, tenant, django_assert_max_num_queries):
        made = upload_js(tag="v1", limits={"cpu_ms": 7})
        with django_assert_max_num_queries(5):
            route = selectors.route_lookup("hello.acme.localhost")
        assert route is not None
        assert (route.tenant_id, route.tenant_slug, route.account_id, route.suspended) == (tenant.pk, "acme", tenant.account_id, False)
        assert (route.worker_id, route.worker_name, route.worker_tag, route.mode) == (made.worker.pk, "hello", made.worker.tag, "reuse")
        assert route.deployment_id == str(made.deployment.uuid)
        [version] = route.versions
        assert (version.id, version.number, version.tag, version.weight) == (str(made.version.pk), 1, "v1", 10_000)
        assert version.created == made.version.created.isoformat()
        assert version.limits.cpu_ms == 7
        assert selectors.route_lookup("hello.acme.localhost.") == route

    def test_the_newest_version_comes_first(self, upload_js, tenant, actor):
        one, two = upload_js().version, upload_js("export default { fetch() {} }").version
        services.deployment_create(tenant=tenant, worker_name="hello", versions=[(one.pk, 75), (two.pk, 25)], actor=actor, source="t")
        route = selectors.route_lookup("hello.acme.localhost")
        assert [(version.number, version.weight) for version in route.versions] == [(2, 2_500), (1, 7_500)]

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "acme.localhost",
            "gone.acme.localhost",
            "hello.gone.localhost",
            "x.hello.acme.localhost",
            "hello.acme.example",
            ".acme.localhost",
            "hello..localhost",
            "",
            "127.0.0.1",
            "[::1]",
            "é.acme.localhost",
            "a b.acme.localhost",
        ],
    )
    def test_other_hosts_lead_nowhere(self, upload_js, host):
        upload_js()
        assert selectors.route_lookup(host) is None

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
    def test_any_text_is_looked_up_or_not(self, host):
        assert selectors.route_lookup(host) is None
        assert selectors.preview_lookup(f"{host}.localhost") is None

    def test_a_worker_without_its_subdomain_is_not_there(self, upload_js, tenant, actor):
        upload_js()
        services.worker_settings_update(tenant=tenant, worker_name="hello", settings=WorkerSettings(subdomain_enabled=False), actor=actor)
        assert selectors.route_lookup("hello.acme.localhost") is None
        services.domain_add(tenant=tenant, worker_name="hello", hostname="shop.example.com", actor=actor)
        assert selectors.route_lookup("shop.example.com") is not None
        assert selectors.route_of_worker(tenant=tenant, worker_name="hello") is not None

    def test_a_worker_with_nothing_deployed_is_there_without_versions(self, upload_js):
        upload_js(deploy=False)
        route = selectors.route_lookup("hello.acme.localhost")
        assert route is not None
        assert (route.deployment_id, route.versions) == (None, ())

    def test_a_suspended_tenant_is_told(self, upload_js, tenant, actor):
        upload_js()
        services.tenant_suspend(tenant=tenant, reason="", actor=actor)
        assert selectors.route_lookup("hello.acme.localhost").suspended

    def test_a_services_name_is_its_tenants(self, upload_js, other_tenant):
        upload_js()
        assert selectors.route_of_worker(tenant=other_tenant, worker_name="hello") is None


class TestPreview:
    def test_a_version_has_its_own_host_where_that_is_switched_on(self, upload_js, tenant, actor):
        made = upload_js(deploy=False)
        host = f"{made.version.pk.hex[:8]}-hello.acme.localhost"
        assert selectors.preview_lookup(host) is None
        services.worker_settings_update(tenant=tenant, worker_name="hello", settings=WorkerSettings(previews_enabled=True), actor=actor)
        route = selectors.preview_lookup(host)
        assert [(version.id, version.weight) for version in route.versions] == [(str(made.version.pk), 10_000)]
        for other in (
            "0" * 8 + "-hello.acme.localhost",
            f"{made.version.pk.hex[:7]}-hello.acme.localhost",
            f"{made.version.pk.hex[:8]}-gone.acme.localhost",
            host.upper(),
        ):
            assert selectors.preview_lookup(other) is None


class TestProgram:
    def test_what_was_uploaded_runs_from_its_image(self, upload_js):
        source = "const made = []; export default { fetch: (r, env) => new Response([env.A, env.KEY, env.V.id, made.length].join()) };"
        bindings = [
            {"type": "plain_text", "name": "A", "text": "1"},
            {"type": "secret_text", "name": "KEY", "text": "k"},
            {"type": "version_metadata", "name": "V"},
        ]
        made = upload_js(source, bindings=bindings)
        route = selectors.route_lookup("hello.acme.localhost")
        image = made.version.images.get()
        program = selectors.version_program(route.versions[0].id, guest_build=image.guest_build)
        assert program.image is not None

        async def answer() -> str:
            async def source() -> Program:
                return program

            target = Target(WorkerKey(route.account_id, route.worker_name, route.versions[0].id), source, route.versions[0].limits)
            response = await engine.sandbox().dispatch(target, Request("GET", "http://hello.acme.localhost/"))
            return await response.text()

        assert engine.run(answer()) == f"1,k,{made.version.pk},0"

    def test_without_an_image_it_is_started_from_its_modules(self, upload_js):
        made = upload_js()
        version_id = str(made.version.pk)
        assert selectors.version_program(version_id, guest_build="another").image is None
        assert selectors.version_program(version_id, guest_build=None).image is None
        blobs.store().delete(made.version.images.get().blob_sha256)
        program = selectors.version_program(version_id, guest_build=made.version.images.get().guest_build)
        assert program.image is None
        assert program.bundle.modules[0].content.decode() == HELLO

    def test_source_maps_are_loaded_only_where_there_is_no_image(self, upload_js, tenant, actor):
        from tenants.uploads import Upload
        from tests.conftest import module

        parts = [module("worker.js", HELLO), module("worker.js.map", "{}", None)]
        made = services.version_upload(
            tenant=tenant, worker_name="w", upload=Upload(main_module="worker.js", modules=parts), actor=actor, source="t", deploy=True
        )
        version_id = str(made.version.pk)
        bundle = selectors.version_program(version_id, guest_build=None).bundle
        assert ([one.name for one in bundle.modules], dict(bundle.source_maps)) == (["worker.js"], {"worker.js.map": b"{}"})
        blobs.store().delete(made.version.modules[1]["sha256"])
        bundle = selectors.version_program(version_id, guest_build=made.version.images.get().guest_build).bundle
        assert ([one.name for one in bundle.modules], dict(bundle.source_maps)) == (["worker.js"], {})

    def test_what_is_gone_is_told(self, upload_js):
        made = upload_js()
        with pytest.raises(VersionNotFound):
            selectors.version_program(str(uuid.uuid4()), guest_build=None)
        blobs.store().delete(made.version.modules[0]["sha256"])
        with pytest.raises(BlobMissing):
            selectors.version_program(str(made.version.pk), guest_build=None)


class TestCollecting:
    def test_what_is_referred_to_stays(self, upload_js, tenant, actor):
        kept = upload_js()
        upload_js("export default { fetch() { return 2 } };", name="gone")
        services.worker_delete(tenant=tenant, worker_name="gone", actor=actor)
        (django_settings.HOSTEL.home / "staging" / ("0" * 32)).mkdir(parents=True)
        os.utime(django_settings.HOSTEL.home / "staging" / ("0" * 32), (0, 0))
        assert services.blobs_collect().removed == 0
        found = services.blobs_collect(grace_seconds=-60)
        assert found.removed >= 2
        assert found.bytes > 0
        assert found.kept == 2
        assert found.uploads in (0, 1)
        assert selectors.version_program(str(kept.version.pk), guest_build=kept.version.images.get().guest_build).image


@pytest.mark.django_db(transaction=True)
class TestEpoch:
    def test_readers_see_a_change_when_it_is_committed(self):
        reader = EpochReader()
        before, stored = reader.token(), epoch.stored()
        with transaction.atomic():
            epoch.bump(reason="test")
            assert reader.token() == before
        assert reader.token() != before
        assert epoch.stored() == stored + 1

    def test_and_none_when_it_is_rolled_back(self):
        reader = EpochReader()
        before, stored = reader.token(), epoch.stored()
        with transaction.atomic():
            epoch.bump(reason="test")
            transaction.set_rollback(True)
        assert (reader.token(), epoch.stored()) == (before, stored)

    def test_a_change_needs_its_transaction(self):
        with pytest.raises(transaction.TransactionManagementError):
            epoch.bump(reason="test")

    def test_other_machines_are_noticed_through_the_row(self, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, epoch_poll_seconds=0.02, redis_url="")
        reader = EpochReader()
        reader.start()
        try:
            time.sleep(0.2)
            before = reader.token()
            ConfigEpoch.objects.update_or_create(pk=1, defaults={"value": epoch.stored() + 1})
            until = time.monotonic() + 5
            while reader.token() == before and time.monotonic() < until:
                time.sleep(0.01)
            assert reader.token() != before
            assert reader.healthy
        finally:
            reader.close()
            reader.close()

    def test_reading_costs_next_to_nothing(self, django_assert_num_queries):
        reader = EpochReader()
        with django_assert_num_queries(0):
            started = time.perf_counter()
            for _ in range(10_000):
                reader.token()
            assert time.perf_counter() - started < 0.5

    def test_processes_ring_one_bell(self, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, redis_url="")
        reader = EpochReader()
        before = reader.token()[0]
        with multiprocessing.get_context("fork").Pool(4) as pool:
            pool.map(_ring, range(100))
        assert reader.token()[0] == before + 100

    @pytest.mark.skipif(not django_settings.HOSTEL.redis_url, reason="REDIS_URL names no server")
    def test_other_machines_are_noticed_through_redis(self, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, epoch_poll_seconds=60)
        reader = EpochReader()
        reader.start()
        try:
            time.sleep(0.5)
            before = reader.token()[1]
            epoch.announce(reason="test")
            until = time.monotonic() + 5
            while reader.token()[1] == before and time.monotonic() < until:
                time.sleep(0.01)
            assert reader.token()[1] > before
        finally:
            reader.close()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="DATABASE_URL names no PostgreSQL")
    def test_other_machines_are_noticed_through_postgresql(self, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, epoch_poll_seconds=3600, redis_url="")
        reader = EpochReader()
        reader.start()
        try:
            until = time.monotonic() + 30
            # It listens as soon as it has counted its own beginning.
            while reader.token()[1] == 0 and time.monotonic() < until:
                time.sleep(0.01)
            before = reader.token()[1]
            assert before
            with transaction.atomic():
                epoch.bump(reason="undone")
                transaction.set_rollback(True)
            with transaction.atomic():
                epoch.bump(reason="test")
            while reader.token()[1] == before and time.monotonic() < until:
                time.sleep(0.01)
            assert reader.token()[1] == before + 1
        finally:
            reader.close()

    def test_concurrent_changes_all_count(self, tenant):
        stored = epoch.stored()

        def change() -> None:
            try:
                services.tenant_limits_set(tenant=tenant, limits={}, actor=Actor.system())
            finally:
                connection.close()

        threads = [threading.Thread(target=change) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert epoch.stored() == stored + 8


def _ring(_number: int) -> None:
    epoch._count_up(epoch._counter_path())
