"""The background worker as a process: fast when idle, no job lost when it is killed, gone when told."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import pytest
from django.conf import settings as django_settings

import tests.jobs.slow  # noqa: F401 - registers its kinds here too
from jobs import broker, services
from jobs.models import Job, Message, Runner
from sandbox.errors import StartupCpuExceeded, SyntaxFailed
from tenants import blobs
from tenants import services as tenants
from tenants.errors import BuildUnavailable
from tenants.models import Version, Worker
from tests.conftest import HELLO, BackgroundWorker
from tests.jobs.slow import WORKER

pytestmark = pytest.mark.django_db(transaction=True)


def until(condition, seconds: float = 20.0) -> None:
    """Wait for `condition`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_an_upload_is_built_there_and_answered_here(background_worker, upload_js):
    made = upload_js(bindings=[{"type": "secret_text", "name": "KEY", "text": "k"}])
    assert made.version.handlers == ["fetch"]
    [job] = Job.objects.filter(kind="version_build")
    assert job.state == "succeeded"
    assert job.runner == services.runners_alive()[0].name
    assert "staged" in job.payload
    # The process has said which guest it builds for: equal content is not sent there again.
    assert not upload_js(name="again", bindings=[{"type": "secret_text", "name": "KEY", "text": "k"}]).built
    assert Job.objects.filter(kind="version_build").count() == 1


def test_what_is_wrong_with_it_comes_back_whole(background_worker, upload_js):
    with pytest.raises(SyntaxFailed) as refused:
        upload_js("export default {\n  fetch() { return 1 +; }\n}")
    assert (refused.value.file, refused.value.line) == ("worker.js", 2)
    with pytest.raises(StartupCpuExceeded):
        upload_js("for (;;);", limits={"startup_cpu_ms": 100})
    assert not Worker.objects.exists()
    assert list((django_settings.HOSTEL.home / "staging").glob("*")) == []
    upload_js(HELLO)


def test_an_idle_worker_begins_at_once(background_worker, upload_js):
    for number in range(10):
        upload_js(f"export default {{ fetch() {{ return {number} }} }};")
    delays = [(job.started - job.created).total_seconds() for job in Job.objects.filter(kind="version_build").order_by("created")]
    # 4 ms when the machine is quiet; polling would make it 125 ms on average.
    assert statistics.median(delays[2:]) < 0.1


def test_a_full_worker_takes_the_next_one_as_soon_as_it_can(own_jobs, tmp_path):
    """Two hundred jobs that take nothing, two at once: at a poll for each two of them they would take twenty-five seconds."""
    worker = BackgroundWorker(script=WORKER)
    try:
        for _ in range(200):
            services.job_enqueue(kind="test_slow", payload={"marks": str(tmp_path / "marks"), "seconds": 0})
        until(lambda: Job.objects.filter(kind="test_slow", state="succeeded").count() == 200, 22)
    finally:
        worker.stop()


def test_it_ends_when_told_and_signs_off(own_jobs):
    worker = BackgroundWorker()
    assert Runner.objects.count() == 1
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 10
    assert not Runner.objects.exists()
    assert not (django_settings.HOSTEL.run / "background.ready").exists()
    assert list((django_settings.HOSTEL.run / "wake").glob(f"{worker.process.pid}-*")) == []


def test_inspect_reaches_it(background_worker):
    [reply] = broker.application().control.ping(timeout=3)
    assert list(reply.values()) == [{"ok": "pong"}]


def test_nobody_there_is_told_in_time_and_a_late_worker_does_nothing(own_jobs, settings, upload_js):
    settings.HOSTEL = replace(django_settings.HOSTEL, upload_wait_seconds=0.3)
    with pytest.raises(BuildUnavailable):
        upload_js()
    [job] = Job.objects.all()
    assert job.state == "cancelled"
    assert Message.objects.count() == 1
    late = BackgroundWorker()
    until(lambda: not Message.objects.exists())
    late.stop()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("cancelled", 0)
    assert not Worker.objects.exists()
    assert list((django_settings.HOSTEL.home / "staging").glob("*")) == []


def test_an_image_is_made_again_for_another_guest(background_worker, upload_js):
    from tenants.builder import builder

    made = upload_js()
    image = made.version.images.get()
    made.version.images.update(guest_build="older")
    blobs.store().delete(image.blob_sha256)
    for _ in range(3):
        builder().remake(version_id=str(made.version.pk))
    until(lambda: Version.objects.get().images.count() == 2)
    again = made.version.images.get(guest_build=image.guest_build)
    assert blobs.store().exists(again.blob_sha256)
    assert Job.objects.filter(kind="image_remake").count() <= 3


def test_after_an_upgrade_live_versions_get_their_images(own_jobs, settings, upload_js):
    settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=True)
    idle, live = upload_js(deploy=False).version, upload_js("export default { fetch() { return 2 } }").version
    guest = live.images.get().guest_build
    for version in (idle, live):
        version.images.update(guest_build="older")
    worker = BackgroundWorker()
    try:
        until(lambda: live.images.filter(guest_build=guest).exists())
        assert not idle.images.filter(guest_build=guest).exists()
    finally:
        worker.stop()
    assert tenants.images_prune(guest_build=guest) == 0
    assert tenants.images_prune(guest_build=guest, grace_seconds=-60) == 2
    assert live.images.get().guest_build == guest
