"""Uploads: what a good one makes, and that a bad one leaves no trace."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.db import connection

from sandbox.bundle import ModuleKind
from sandbox.errors import BundleInvalid, HostelError, StartupCpuExceeded, SyntaxFailed
from tenants import blobs, selectors, services
from tenants.builder import BuildReport
from tenants.errors import (
    BindingTargetMissing,
    BuildUnavailable,
    FieldInvalid,
    InheritUnresolved,
    NewestMoved,
    QuotaExceeded,
    SettingInvalid,
    VersionNotFound,
    WorkerNameInvalid,
    WorkerNotFound,
)
from tenants.models import AuditEvent, ConfigEpoch, Deployment, Version, VersionImage, Worker
from tenants.services.images import image_bytes
from tenants.uploads import Upload, WorkerSettings
from tests.conftest import HELLO, module, script

pytestmark = pytest.mark.django_db


def everything() -> dict[str, object]:
    """What an upload could leave behind."""
    return {
        "rows": [model.objects.count() for model in (Worker, Version, VersionImage, Deployment)],
        "epoch": ConfigEpoch.objects.values_list("value", flat=True).first(),
        "audit": AuditEvent.objects.count(),
        "blobs": sorted(blob.sha256 for blob in blobs.store().walk()),
        "staging": sorted(path.name for path in (django_settings.HOSTEL.home / "staging").glob("*")),
    }


class TestAGoodUpload:
    def test_makes_a_worker_a_version_and_a_deployment(self, upload_js, tenant, actor):
        made = upload_js(bindings=[{"type": "plain_text", "name": "A", "text": "1"}], message="first", tag="v1", annotations={"k": "v"})
        worker, version, deployment = made.worker, made.version, made.deployment
        assert made.worker_created
        assert (worker.tenant, worker.name, worker.last_version_number, worker.last_deployed_from) == (tenant, "hello", 1, "tests")
        assert (version.number, version.message, version.tag, version.annotations) == (1, "first", "v1", {"k": "v"})
        assert (version.author, version.source) == ("ada@example.com", "tests")
        assert version.handlers == ["fetch"]
        assert version.compatibility_date == "2021-11-02"
        assert version.startup_time_ms >= 1
        assert [entry.weight for entry in deployment.entries.all()] == [10_000]
        assert selectors.deployment_live(tenant=tenant, worker=worker) == deployment
        [row] = version.modules
        assert (row["name"], row["kind"], row["size"]) == ("worker.js", "js", len(HELLO))
        assert blobs.store().get(row["sha256"]).decode() == HELLO
        assert everything()["staging"] == []

    def test_can_leave_the_traffic_alone(self, upload_js, tenant):
        first = upload_js()
        second = upload_js("export default { fetch() {} }", deploy=False, create=False)
        assert second.deployment is None
        assert second.version.number == 2
        assert selectors.deployment_live(tenant=tenant, worker=first.worker) == first.deployment
        assert selectors.version_latest(tenant=tenant, worker=first.worker) == second.version

    def test_keeps_every_kind_of_module_in_order_with_its_source_map(self, tenant, actor):
        parts = [
            module(
                "worker.js",
                'import t from "./t.txt"; import j from "j.json"; import d from "sub/d.bin"; import "./lib.js"; export default { fetch() {} };',
                content_type="application/javascript+module",
            ),
            module("t.txt", "text", ModuleKind.TEXT, "text/plain"),
            module("j.json", "[1]", ModuleKind.JSON),
            module("sub/d.bin", b"\x00\xff", ModuleKind.DATA, "application/octet-stream"),
            module("lib.js", "export {};"),
            module("worker.js.map", "{}", None, "application/source-map"),
        ]
        made = services.version_upload(
            tenant=tenant, worker_name="w", upload=Upload(main_module="worker.js", modules=parts), actor=actor, source="tests", deploy=False
        )
        assert selectors.version_modules(tenant=tenant, version=made.version) == parts
        assert [row["kind"] for row in made.version.modules] == ["js", "text", "json", "data", "js", "source_map"]

    def test_applies_settings_that_no_version_carries(self, tenant, actor):
        settings = WorkerSettings(
            tags=["a:b"], logpush=True, observability={"enabled": True}, migration_tag="m1", mode="fresh", subdomain_enabled=False
        )
        made = services.version_upload(
            tenant=tenant, worker_name="w", upload=script(HELLO), actor=actor, source="tests", deploy=True, settings=settings
        )
        worker = selectors.worker_get(tenant=tenant, name="w")
        assert worker == made.worker
        assert (worker.tags, worker.logpush, worker.observability, worker.migration_tag) == (["a:b"], True, {"enabled": True}, "m1")
        assert (worker.mode, worker.subdomain_enabled) == ("fresh", False)
        # None leaves a setting as it is.
        services.version_upload(
            tenant=tenant,
            worker_name="w",
            upload=script(HELLO),
            actor=actor,
            source="tests",
            deploy=True,
            settings=WorkerSettings(logpush=False),
        )
        worker.refresh_from_db()
        assert (worker.tags, worker.logpush) == (["a:b"], False)

    def test_bumps_the_epoch_and_is_recorded_without_secrets(self, upload_js):
        before = everything()["epoch"]
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret-value"}])
        assert everything()["epoch"] == before + 1
        event = AuditEvent.objects.latest("pk")
        assert (event.action, event.target, event.actor, event.actor_email) == ("version_upload", "hello", "user:1", "ada@example.com")
        assert "s3cret-value" not in json.dumps(event.data)

    def test_every_json_value_survives_in_every_database(self, upload_js, tenant, actor):
        odd = {"\0": ["\ud800", "\U0001f600", 2**70, 1e-7, None, "</script>"]}
        made = upload_js(
            bindings=[{"type": "json", "name": "J", "json": odd}, {"type": "plain_text", "name": "T", "text": "\0"}],
            annotations={"k": "\0"},
        )
        version = selectors.version_get(tenant=tenant, worker=made.worker, version_id=made.version.pk)
        assert version.bindings == [{"type": "json", "name": "J", "json": odd}, {"type": "plain_text", "name": "T", "text": "\0"}]
        assert version.annotations == {"k": "\0"}
        with pytest.raises(HostelError) as refused:
            upload_js("throw new Error('\\0' + '\\ud800')")
        assert refused.value.code == "script_top_level_threw"

    def test_warnings_are_kept(self, upload_js):
        made = upload_js("export default { scheduled() {} }", bindings=[{"type": "inherit", "name": "GONE"}])
        assert made.version.handlers == ["scheduled"]
        assert any("GONE" in warning for warning in made.version.warnings)
        assert any("fetch" in warning for warning in made.version.warnings)


class TestEqualContent:
    def test_shares_every_byte_and_is_not_built_again(self, upload_js):
        first = upload_js()
        before = everything()["blobs"]
        second = upload_js()
        assert second.version.number == 2
        assert not second.built
        assert first.built
        assert second.version.same_as(first.version)
        assert everything()["blobs"] == before
        assert second.version.handlers == first.version.handlers
        one, two = VersionImage.objects.order_by("pk")
        assert one.blob_sha256 == two.blob_sha256

    def test_is_built_again_under_other_start_up_limits(self, upload_js):
        upload_js()
        assert upload_js(limits={"startup_cpu_ms": 500}).built

    def test_another_secret_is_another_image(self, upload_js):
        def with_key(text: str):
            return upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": text}])

        first, second, third = with_key("one"), with_key("two"), with_key("one")
        assert second.built
        assert not first.version.same_as(second.version)
        # The same secret again: recognised by its keyed digest, though it is sealed anew.
        assert not third.built
        assert first.version.same_as(third.version)

    def test_a_version_that_knows_its_id_has_its_own_image(self, upload_js):
        settings = {"bindings": [{"type": "version_metadata", "name": "V"}]}
        assert upload_js(**settings).built
        assert upload_js(**settings).built

    def test_another_tenant_builds_for_itself(self, upload_js, other_tenant):
        upload_js()
        before = everything()["blobs"]
        assert upload_js(tenant=other_tenant).built
        assert everything()["blobs"] == before

    def test_a_missing_image_is_made_again(self, upload_js):
        first = upload_js()
        blobs.store().delete(first.version.images.get().blob_sha256)
        assert upload_js().built


class TestImages:
    def test_are_sealed_where_there_are_secrets(self, upload_js, tenant):
        secret = "s3cret-that-nobody-may-read"
        made = upload_js(
            "const k = []; export default { fetch(r, env) { return new Response(env.KEY); } };",
            bindings=[{"type": "secret_text", "name": "KEY", "text": secret}],
        )
        image = made.version.images.get()
        assert image.encrypted
        assert image.tenant == tenant
        stored = blobs.store().get(image.blob_sha256)
        assert secret.encode() not in stored
        assert stored[:3] == b"HS2"
        assert image_bytes(image, tenant=tenant)
        assert secret not in json.dumps(made.version.bindings)

    def test_are_plain_where_there_are_none(self, upload_js, tenant):
        image = upload_js().version.images.get()
        assert not image.encrypted
        assert image_bytes(image, tenant=tenant) == blobs.store().get(image.blob_sha256)


BAD: list[tuple[Callable[[], dict[str, object]], type[HostelError], dict[str, object]]] = [
    (
        lambda: {"source": "export default {\n  fetch() { return 1 +; }\n}"},
        SyntaxFailed,
        {"code": "script_syntax_error", "file": "worker.js", "line": 2},
    ),
    (lambda: {"source": "\n\nthrow new Error('no')"}, HostelError, {"code": "script_top_level_threw", "file": "worker.js", "line": 3}),
    (lambda: {"source": "for (;;);", "limits": {"startup_cpu_ms": 50}}, StartupCpuExceeded, {"code": "startup_cpu_exceeded"}),
    (
        lambda: {"source": "import './gone.js'; export default {}"},
        HostelError,
        {"code": "module_not_found", "file": "worker.js", "line": 1},
    ),
    (lambda: {"source": "export const x = 1"}, HostelError, {"code": "script_no_handlers"}),
    (lambda: {"bindings": [{"type": "plain_text", "name": "not a name", "text": ""}]}, BundleInvalid, {"field": "bindings.name"}),
    (lambda: {"bindings": [{"type": "plain_text", "name": "A", "text": "x" * 2_000_000}]}, BundleInvalid, {"field": "bindings"}),
    (lambda: {"bindings": [{"type": "inherit", "name": "A"}], "inherit_strict": True}, InheritUnresolved, {"binding": "A"}),
    (lambda: {"bindings": [{"type": "service", "name": "A", "service": "gone"}]}, BindingTargetMissing, {"service": "gone"}),
    (lambda: {"limits": {"cpu": 1}}, BundleInvalid, {"field": "limits.cpu"}),
    (lambda: {"limits": {"code_bytes": 10}}, BundleInvalid, {"field": "modules", "limit": 10}),
    (lambda: {"compatibility_date": "tomorrow"}, BundleInvalid, {"field": "compatibility_date"}),
    (lambda: {"compatibility_flags": ["no_such_flag"]}, BundleInvalid, {"field": "compatibility_flags", "flag": "no_such_flag"}),
    (lambda: {"compatibility_flags": ["x"] * 101}, FieldInvalid, {"field": "compatibility_flags"}),
    (lambda: {"message": "x" * 1_001}, FieldInvalid, {"field": "message", "limit": 1_000}),
    (lambda: {"tag": "x" * 101}, FieldInvalid, {"field": "tag"}),
    (lambda: {"tag": "\0"}, FieldInvalid, {"field": "tag"}),
    (lambda: {"annotations": {"a": 1}}, FieldInvalid, {"field": "annotations"}),
    (lambda: {"name": "Upper"}, WorkerNameInvalid, {"field": "name"}),
]


@pytest.mark.parametrize(("given", "error", "detail"), BAD, ids=[error.code + str(number) for number, (_, error, _) in enumerate(BAD)])
@pytest.mark.parametrize("exists", [False, True], ids=["new", "existing"])
def test_a_bad_upload_leaves_no_trace(upload_js, given, error, detail, exists):
    if exists:
        upload_js()
    before = everything()
    with pytest.raises(error) as refused:
        upload_js(**{"source": HELLO, **given()})
    found = refused.value.as_dict()
    assert {key: found.get(key) for key in detail} == detail
    assert 400 <= refused.value.status < 500
    assert everything() == before


@pytest.mark.parametrize(
    ("modules", "field"),
    [
        ([("worker.js", HELLO), ("worker.js", HELLO)], "modules"),
        ([("worker.js", HELLO), ("../up.js", "")], "modules.name"),
        ([("worker.js", HELLO), ("a\0b.js", "")], "modules.name"),
        ([("worker.js", HELLO), ("", "")], "modules.name"),
        ([("other.js", HELLO)], "main_module"),
        ([], "main_module"),
        ([("worker.js", b"\xff")], "modules"),
    ],
)
def test_bad_modules_leave_no_trace(tenant, actor, modules, field):
    before = everything()
    parts = [module(name, content) for name, content in modules]
    with pytest.raises(BundleInvalid) as refused:
        services.version_upload(
            tenant=tenant, worker_name="w", upload=Upload(main_module="worker.js", modules=parts), actor=actor, source="t", deploy=True
        )
    assert refused.value.detail["field"] == field
    assert everything() == before


@pytest.mark.parametrize("name", ["worker.js", "../a.map", "a:b.map"])
def test_source_maps_obey_the_same_rules(tenant, actor, name):
    parts = [module("worker.js", HELLO), module(name, "{}", None)]
    with pytest.raises(BundleInvalid):
        services.version_upload(
            tenant=tenant, worker_name="w", upload=Upload(main_module="worker.js", modules=parts), actor=actor, source="t", deploy=True
        )


def test_a_version_of_a_worker_that_must_exist(upload_js):
    before = everything()
    with pytest.raises(WorkerNotFound):
        upload_js(create=False)
    assert everything() == before


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"tags": ["x"] * 65}, "tags"), ({"mode": "warm"}, "mode"), ({"observability": {"x": "y" * 20_000}}, "observability")],
)
def test_bad_settings_leave_no_trace(tenant, actor, settings, field):
    before = everything()
    with pytest.raises(SettingInvalid) as refused:
        services.version_upload(
            tenant=tenant, worker_name="w", upload=script(HELLO), actor=actor, source="t", deploy=True, settings=WorkerSettings(**settings)
        )
    assert refused.value.detail["field"] == field
    assert everything() == before


def test_the_count_of_workers_is_limited(upload_js, settings):
    settings.HOSTEL = replace(django_settings.HOSTEL, max_workers_per_tenant=1)
    upload_js()
    with pytest.raises(QuotaExceeded) as refused:
        upload_js("export default { fetch() { return 2 } }", name="second")
    assert refused.value.detail["limit"] == 1
    assert upload_js(name="hello").version.number == 2


class NobodyBuilds:
    """A builder whose background workers are all gone."""

    def guest_build(self) -> str | None:
        return None

    def build(self, *, staged: str, account_id: str, wait_seconds: float) -> BuildReport:
        raise BuildUnavailable(seconds=wait_seconds)

    def remake(self, *, version_id: str) -> None:
        return


def test_without_a_background_worker_nothing_is_changed(upload_js, settings):
    settings.HOSTEL_BUILDER = f"{__name__}.NobodyBuilds"
    before = everything()
    with pytest.raises(BuildUnavailable) as refused:
        upload_js()
    assert (refused.value.status, refused.value.code) == (503, "build_unavailable")
    assert everything() == before


class TestImmutability:
    def test_a_version_is_never_changed_or_removed(self, upload_js):
        version = upload_js().version
        version.message = "changed"
        for change in (
            version.save,
            version.delete,
            lambda: Version.objects.filter(pk=version.pk).update(message="changed"),
            lambda: Version.objects.bulk_update([version], ["message"]),
        ):
            with pytest.raises(TypeError):
                change()
        version.refresh_from_db()
        assert version.message == ""

    def test_nor_is_a_deployment(self, upload_js):
        with pytest.raises(TypeError):
            upload_js().deployment.save()

    def test_a_version_goes_with_its_worker(self, upload_js, tenant, actor):
        upload_js()
        services.worker_delete(tenant=tenant, worker_name="hello", actor=actor)
        assert everything()["rows"] == [0, 0, 0, 0]
        with pytest.raises(WorkerNotFound):
            services.worker_delete(tenant=tenant, worker_name="hello", actor=actor)


class TestTakingOver:
    def test_an_upload_keeps_what_it_asks_to_keep(self, upload_js, tenant):
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "k"}, {"type": "plain_text", "name": "A", "text": "1"}])
        made = upload_js(
            "export default { fetch() {} };",
            keep_bindings=["secret_text", "secret_key"],
            bindings=[{"type": "plain_text", "name": "B", "text": "2"}],
        )
        shown = selectors.version_bindings(tenant=tenant, version=made.version)
        assert shown == [{"type": "plain_text", "name": "B", "text": "2"}, {"type": "secret_text", "name": "KEY"}]

    def test_deriving_changes_only_what_is_given(self, upload_js, tenant, actor):
        first = upload_js(
            bindings=[{"type": "secret_text", "name": "KEY", "text": "k"}], compatibility_date="2025-01-01", limits={"cpu_ms": 9}
        )
        made = services.version_derive(
            tenant=tenant, worker_name="hello", actor=actor, source="t", deploy=True, compatibility_date="2025-02-02"
        )
        assert made.version.number == 2
        assert (made.version.compatibility_date, made.version.limits) == ("2025-02-02", {"cpu_ms": 9})
        assert made.version.modules == first.version.modules
        assert made.version.bindings == first.version.bindings
        made = services.version_derive(
            tenant=tenant,
            worker_name="hello",
            actor=actor,
            source="t",
            deploy=False,
            bindings=[{"type": "inherit", "name": "KEY"}, {"type": "json", "name": "J", "json": 1}],
            limits={},
        )
        assert [binding["name"] for binding in made.version.bindings] == ["KEY", "J"]
        assert made.version.limits == {}

    def test_there_must_be_something_to_derive_from(self, tenant, actor):
        Worker.objects.create(tenant=tenant, name="empty")
        with pytest.raises(VersionNotFound):
            services.version_derive(tenant=tenant, worker_name="empty", actor=actor, source="t", deploy=False)


class Meanwhile:
    """A builder during whose first builds somebody else sets a secret."""

    interruptions = 0

    def __init__(self) -> None:
        from jobs.builds import JobBuilder

        self._real = JobBuilder()

    def guest_build(self) -> str | None:
        return None

    def build(self, *, staged: str, account_id: str, wait_seconds: float) -> BuildReport:
        report = self._real.build(staged=staged, account_id=account_id, wait_seconds=wait_seconds)
        if Meanwhile.interruptions > 0:
            Meanwhile.interruptions -= 1
            worker = Worker.objects.get(name="hello")
            self._put(worker, f"OTHER_{Meanwhile.interruptions}")
        return report

    def _put(self, worker: Worker, name: str) -> None:
        left, Meanwhile.interruptions = Meanwhile.interruptions, 0
        services.secret_put(
            tenant=worker.tenant, worker_name=worker.name, name=name, text="x", actor=services.versions.Actor.system(), source="t"
        )
        Meanwhile.interruptions = left


class TestLostUpdates:
    def test_two_secrets_set_at_once_are_both_there(self, upload_js, tenant, actor, settings):
        upload_js()
        settings.HOSTEL_BUILDER = f"{__name__}.Meanwhile"
        Meanwhile.interruptions = 2
        made = services.secret_put(tenant=tenant, worker_name="hello", name="MINE", text="x", actor=actor, source="t")
        assert {binding["name"] for binding in made.version.bindings} == {"MINE", "OTHER_0", "OTHER_1"}
        assert made.version.number == 4

    def test_an_upload_that_keeps_secrets_keeps_the_newest(self, upload_js, settings):
        upload_js()
        settings.HOSTEL_BUILDER = f"{__name__}.Meanwhile"
        Meanwhile.interruptions = 1
        made = upload_js("export default { fetch() { return 2 } }", keep_bindings=["secret_text"])
        assert [binding["name"] for binding in made.version.bindings] == ["OTHER_0"]

    def test_it_does_not_go_on_for_ever(self, upload_js, tenant, actor, settings):
        upload_js()
        settings.HOSTEL_BUILDER = f"{__name__}.Meanwhile"
        Meanwhile.interruptions = 10
        with pytest.raises(NewestMoved):
            services.secret_put(tenant=tenant, worker_name="hello", name="MINE", text="x", actor=actor, source="t")
        Meanwhile.interruptions = 0


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_however_many_upload_at_once(tenant, actor):
    failures: list[BaseException] = []

    def upload(number: int) -> None:
        try:
            source = "throw 1" if number % 4 == 3 else f"export default {{ fetch() {{ return {number} }} }};"
            services.version_upload(tenant=tenant, worker_name="w", upload=script(source), actor=actor, source="t", deploy=True)
        except HostelError as error:
            if number % 4 != 3:
                failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=upload, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    worker = selectors.worker_get(tenant=tenant, name="w")
    assert sorted(Version.objects.filter(worker=worker).values_list("number", flat=True)) == list(range(1, 10))
    assert worker.last_version_number == 9
    assert Deployment.objects.filter(worker=worker).count() == 9
