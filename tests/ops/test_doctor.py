"""The doctor: what is wrong is found, named, and comes with what to do."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from jobs.models import Job, Runner
from ops.doctor import data, machine, services
from tenants import blobs
from tenants.models import AuditEvent, DataKey
from tenants.services.blobs import references


def level(finding):
    assert finding.said
    assert bool(finding.advice) == (finding.level != "ok"), finding
    return finding.level


class TestTheMachine:
    @pytest.fixture
    def config(self, tmp_path):
        (tmp_path / "run").mkdir()
        return replace(django_settings.HOSTEL, home=tmp_path, guest_cache=None, host="127.0.0.1")

    def test_the_home(self, config, tmp_path):
        (found,) = machine.home(config)
        assert level(found) == "ok"
        (tmp_path / "secret.key").write_text("x")
        (tmp_path / "secret.key").chmod(0o644)
        (found,) = machine.home(config)
        assert (level(found), "secret.key" in found.said) == ("fail", True)
        (found,) = machine.home(replace(config, home=tmp_path / "none"))
        assert level(found) == "fail"
        long = tmp_path / ("x" * 120)
        long.mkdir()
        (found,) = machine.home(replace(config, home=long))
        assert level(found) == "fail"

    @pytest.mark.parametrize(("free", "expected"), [(100, "ok"), (4, "warn"), (1, "warn"), (0.1, "fail")])
    def test_the_disk(self, monkeypatch, tmp_path, free, expected):
        usage = SimpleNamespace(total=100 * machine.GIB, free=int(free * machine.GIB))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        assert level(machine.disk(tmp_path)) == expected

    def test_the_guest(self, config, monkeypatch):
        assert level(machine.guest(config)) == "fail"
        folder = config.guest_home
        (folder / "abc").mkdir(parents=True)
        (folder / "current").write_text("abc\n")
        assert level(machine.guest(config)) == "fail"
        (folder / "abc" / "guest.cwasm").touch()
        assert level(machine.guest(config)) == "warn"
        monkeypatch.setattr(machine.build, "expected", lambda: "abc")
        assert level(machine.guest(config)) == "ok"

    def test_the_wall_is_tried_elsewhere(self, monkeypatch):
        assert level(machine.wall()) in ("ok", "warn")
        monkeypatch.setattr(machine, "_WALL", 'print(\'{"landlock": "no (Function not implemented)"}\')')
        found = machine.wall()
        assert (level(found), found.said) == ("warn", "landlock: no (Function not implemented)")
        monkeypatch.setattr(machine, "_WALL", "raise SystemExit(1)")
        assert level(machine.wall()) == "fail"

    def test_the_port(self, config):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            assert level(machine.port(replace(config, port=port))) == "fail"
        assert level(machine.port(replace(config, port=port))) == "ok"

    def test_warnings_of_settings_are_findings(self, config, monkeypatch):
        monkeypatch.setenv("HOSTEL_PROT", "1")
        assert any("HOSTEL_PROT" in one.said and level(one) == "warn" for one in machine.looks(config))


@pytest.mark.django_db
class TestWhatIsKept:
    def test_all_is_well(self, upload_js):
        upload_js()
        assert {one.name: level(one) for one in data.looks(deep=True)} == dict.fromkeys(
            ("database", "schema", "clock", "keys", "content", "images", "audit log"), "ok"
        )

    def test_a_schema_that_is_behind_ends_the_look(self, monkeypatch):
        monkeypatch.setattr(data.migrating, "missing", lambda: ["tenants.0099_later"])
        assert [level(one) for one in data.looks(deep=True)] == ["ok", "fail"]

    def test_content_that_is_lost_or_damaged(self, upload_js):
        upload_js()
        lost, damaged = sorted(set(references()))[:2]
        kept = {sha256: blobs.store().get(sha256) for sha256 in (lost, damaged)}
        blobs.store().delete(lost)
        blobs.store()._path(damaged).write_bytes(b"rotten")
        found = data.content(deep=True)
        assert (level(found), "1 missing and 1 damaged" in found.said) == ("fail", True)
        blobs.store().delete(damaged)
        for content in kept.values():
            blobs.store().put(content)
        assert level(data.content(deep=True)) == "ok"

    def test_keys_that_are_gone(self, upload_js):
        upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "s3cret"}])
        DataKey.objects.update(key_id="00000000")
        assert level(data.keys()) == "fail"

    def test_a_clock_that_went_back(self, tenant):
        if connection.vendor == "postgresql":
            assert level(data.clock()) == "ok"
            return
        AuditEvent._base_manager.update(created=timezone.now() + timedelta(days=1))
        assert level(data.clock()) == "warn"

    def test_a_changed_audit_log(self, tenant):
        AuditEvent._base_manager.update(target="someone else")
        assert level(data.audit()) == "fail"


@pytest.mark.django_db
class TestWhatRuns:
    def test_nobody_does_the_jobs(self, db):
        assert level(services.background()) == "fail"
        Runner.objects.create(name="one", guest_build="a")
        assert level(services.background()) == "ok"
        Runner.objects.create(name="two", guest_build="b")
        assert level(services.background()) == "warn"

    def test_jobs_that_are_stuck(self, db):
        assert level(services.jobs()) == "ok"
        ago = timezone.now() - timedelta(minutes=10)
        job = Job.objects.create(kind="job_prune", payload={}, run_after=ago)
        assert level(services.jobs()) == "fail"
        Job.objects.filter(pk=job.pk).update(state="running", lease_until=ago)
        assert level(services.jobs()) == "fail"
        Job.objects.filter(pk=job.pk).update(state="dead", finished=timezone.now())
        assert level(services.jobs()) == "warn"

    def test_sockets_of_dead_gateways(self, settings, tmp_path):
        settings.HOSTEL = replace(django_settings.HOSTEL, home=tmp_path)
        (tmp_path / "run").mkdir()
        assert level(services.sockets()) == "ok"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "run" / "gateway-4194303.sock"))
        assert level(services.sockets()) == "warn"

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
    def test_a_broker_that_is_not_there(self, settings, url):
        settings.HOSTEL = replace(django_settings.HOSTEL, broker_url=url)
        assert level(services.broker()) == "fail"
        settings.HOSTEL = replace(django_settings.HOSTEL, broker_url="hostel://")
        assert level(services.broker()) == "ok"

    def test_a_redis_that_is_not_there_and_one_that_is(self, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, redis_url="redis://127.0.0.1:1/0")
        assert level(services.redis_server()) == "fail"
        if url := os.environ.get("REDIS_URL"):
            settings.HOSTEL = replace(django_settings.HOSTEL, redis_url=url)
            assert level(services.redis_server()) == "ok"
