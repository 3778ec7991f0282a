"""The life of a job in its row: claimed once, finished once, taken up again when its runner is gone."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone

from jobs import failures, registry, services
from jobs.models import Job, Runner
from jobs.registry import job_kind
from sandbox.errors import HostelError, SyntaxFailed
from tenants.errors import WorkerNotFound

pytestmark = pytest.mark.django_db

runs: list[str] = []


@job_kind("test_note")
def note(job: Job) -> dict[str, object]:
    runs.append(job.payload["text"])
    return {"heard": job.payload["text"]}


@job_kind("test_answer")
def answer(_job: Job) -> None:
    raise SyntaxFailed("unexpected \0 token", file="worker.js", line=3, column=7, near="x")


@job_kind("test_crash", max_attempts=2)
def crash(_job: Job) -> None:
    raise ZeroDivisionError("the password is 1234")


@pytest.fixture(autouse=True)
def waiting(settings):
    """Jobs stay queued: these tests are the runner."""
    settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)
    settings.HOSTEL_CELERY_APP = f"{__name__}.sent"
    sent.clear()
    runs.clear()


class Sent(list):
    """Stands where Celery's application does, and keeps what was sent."""

    def send_task(self, name: str, args: list[str], **_options: object) -> None:
        self.append((name, args[0]))


sent = Sent()


def run(job: Job) -> Job:
    from jobs.running import run as run_job

    run_job(job.pk)
    job.refresh_from_db()
    return job


def lapse(job: Job) -> None:
    """Make the job's lease run out."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


class TestEnqueue:
    def test_the_message_leaves_with_the_transaction(self, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
            assert sent == []
        assert sent == [("jobs.run", str(job.pk))]
        assert (job.state, job.attempts, job.max_attempts) == ("queued", 0, 3)

    @pytest.mark.django_db(transaction=True)
    def test_and_not_without_it(self):
        with transaction.atomic():
            services.job_enqueue(kind="test_note", payload={})
            transaction.set_rollback(True)
        assert not Job.objects.exists()
        assert sent == []

    def test_a_key_makes_one_of_many(self):
        first = services.job_enqueue(kind="test_note", payload={"text": "1"}, idempotency_key="k")
        assert services.job_enqueue(kind="test_note", payload={"text": "2"}, idempotency_key="k") == first
        run(first)
        assert services.job_enqueue(kind="test_note", payload={"text": "3"}, idempotency_key="k") != first

    def test_an_unknown_kind_is_a_bug(self):
        with pytest.raises(KeyError):
            services.job_enqueue(kind="nonsense", payload={})

    def test_a_broker_that_is_down_costs_a_sweep(self, settings, django_capture_on_commit_callbacks, monkeypatch):
        def refuse(*_args, **_options):
            raise ConnectionRefusedError

        monkeypatch.setattr(sent, "send_task", refuse, raising=False)
        with django_capture_on_commit_callbacks(execute=True):
            job = services.job_enqueue(kind="test_note", payload={"text": "x"})
        monkeypatch.undo()
        assert services.jobs_sweep() == 0
        Job.objects.update(sent=timezone.now() - timedelta(minutes=1))
        assert services.jobs_sweep() == 1
        assert sent == [("jobs.run", str(job.pk))]
        # Once is enough for a while.
        assert services.jobs_sweep() == 0


class TestRunning:
    def test_a_result_is_kept(self):
        job = run(services.job_enqueue(kind="test_note", payload={"text": "hi"}))
        assert (job.state, job.result, job.attempts, job.error) == ("succeeded", {"heard": "hi"}, 1, None)
        assert job.created <= job.started <= job.finished

    def test_a_message_that_comes_twice_does_nothing(self):
        job = run(services.job_enqueue(kind="test_note", payload={"text": "hi"}))
        run(job)
        assert runs == ["hi"]
        assert job.attempts == 1

    def test_an_answer_ends_it(self):
        job = run(services.job_enqueue(kind="test_answer", payload={}))
        assert (job.state, job.attempts) == ("failed", 1)
        error = failures.from_json(job.error)
        assert isinstance(error, SyntaxFailed)
        assert (error.message, error.file, error.line, error.column) == ("unexpected \0 token", "worker.js", 3, 7)
        assert error.detail["near"] == "x"

    def test_a_crash_is_tried_again_later_and_never_quoted(self):
        job = run(services.job_enqueue(kind="test_crash", payload={}))
        assert (job.state, job.attempts) == ("queued", 1)
        assert job.run_after > timezone.now()
        assert services.job_claim(job_id=job.pk, runner="r") is None
        Job.objects.update(run_after=timezone.now())
        run(job)
        assert (job.state, job.attempts) == ("dead", 2)
        assert job.error["code"] == "job_failed"
        assert job.error["kind"] == "ZeroDivisionError"
        assert "1234" not in str(job.error)

    def test_a_cancelled_job_is_not_begun(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        assert services.job_cancel(job_id=job.pk)
        assert not services.job_cancel(job_id=job.pk)
        run(job)
        assert (job.state, runs) == ("cancelled", [])

    def test_what_comes_too_late_is_dropped(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        claimed = services.job_claim(job_id=job.pk, runner="slow")
        services.job_cancel(job_id=job.pk)
        assert not services.job_succeed(job=claimed, result={})
        assert not services.job_fail(job=claimed, error=WorkerNotFound())
        job.refresh_from_db()
        assert (job.state, job.result, job.error) == ("cancelled", None, None)

    @pytest.mark.django_db(transaction=True)
    def test_of_many_runners_one_gets_it(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        claims: list[Job | None] = []

        def claim() -> None:
            try:
                claims.append(services.job_claim(job_id=job.pk, runner="r"))
            finally:
                connection.close()

        threads = [threading.Thread(target=claim) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(claims) == 8
        assert sum(claim is not None for claim in claims) == 1


class TestLeases:
    def test_a_kept_lease_is_respected_and_a_lost_one_is_not(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        first = services.job_claim(job_id=job.pk, runner="first")
        assert services.job_claim(job_id=job.pk, runner="second") is None
        lapse(job)
        services.leases_renew(runner="another", job_ids=[job.pk])
        second = services.job_claim(job_id=job.pk, runner="second")
        assert (second.attempts, second.runner) == (2, "second")
        # The first one was only slow: what it brings is not wanted any more.
        assert not services.job_succeed(job=first, result={"by": "first"})
        assert services.job_succeed(job=second, result={"by": "second"})

    def test_renewing_keeps_it(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        services.job_claim(job_id=job.pk, runner="first")
        lapse(job)
        services.leases_renew(runner="first", job_ids=[job.pk])
        assert services.job_claim(job_id=job.pk, runner="second") is None

    def test_the_sweep_sends_what_is_overdue_and_nothing_else(self):
        kept, silent, fresh, old = (services.job_enqueue(kind="test_note", payload={}) for _ in range(4))
        for job in (kept, silent):
            services.job_claim(job_id=job.pk, runner="r")
        lapse(silent)
        Job.objects.filter(pk=old.pk).update(sent=timezone.now() - timedelta(minutes=1))
        assert services.jobs_sweep() == 2
        assert {job_id for _, job_id in sent} == {str(silent.pk), str(old.pk)}
        assert str(fresh.pk) not in str(sent)

    def test_a_job_that_kills_its_runners_ends(self):
        job = services.job_enqueue(kind="test_note", payload={}, max_attempts=2)
        for _ in range(2):
            services.job_claim(job_id=job.pk, runner="doomed")
            lapse(job)
        assert services.job_claim(job_id=job.pk, runner="third") is None
        assert services.jobs_sweep() == 0
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == ("dead", "job_failed")

    def test_a_job_for_later_waits_for_its_time(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "x"}, delay_seconds=60)
        assert run(job).state == "queued"
        assert services.jobs_sweep() == 0
        Job.objects.update(run_after=timezone.now())
        assert services.jobs_sweep() == 1
        assert run(job).state == "succeeded"


class TestWaiting:
    def test_gives_up_in_time(self):
        job = services.job_enqueue(kind="test_note", payload={})
        started = time.monotonic()
        assert services.job_wait(job_id=job.pk, timeout=0.15).state == "queued"
        assert 0.1 < time.monotonic() - started < 2

    @pytest.mark.django_db(transaction=True)
    def test_is_woken_by_the_end(self):
        job = services.job_enqueue(kind="test_note", payload={"text": "hi"})
        claimed = services.job_claim(job_id=job.pk, runner="r")

        def finish() -> None:
            try:
                services.job_succeed(job=claimed, result={"x": 1})
            finally:
                connection.close()

        timer = threading.Timer(0.2, finish)
        timer.start()
        started = time.monotonic()
        done = services.job_wait(job_id=job.pk, timeout=10)
        timer.join()
        assert done.result == {"x": 1}
        assert time.monotonic() - started < 2


class TestPruning:
    def test_what_is_old_goes_and_what_is_unfinished_stays(self):
        old, young, waiting_one = (services.job_enqueue(kind="test_note", payload={"text": "x"}) for _ in range(3))
        for job in (old, young):
            run(job)
        long_ago = timezone.now() - timedelta(days=8)
        Job.objects.filter(pk=old.pk).update(finished=long_ago)
        Job.objects.filter(pk=waiting_one.pk).update(created=long_ago)
        Runner.objects.create(name="gone", seen=long_ago)
        Runner.objects.create(name="here")
        assert services.jobs_prune() == 1
        assert set(Job.objects.values_list("pk", flat=True)) == {young.pk, waiting_one.pk}
        assert [runner.name for runner in services.runners_alive()] == ["here"]


class TestFailures:
    @pytest.mark.parametrize("error", [WorkerNotFound("no", field="name"), SyntaxFailed("x", line=1), HostelError("x")])
    def test_an_error_of_ours_comes_back_as_it_was(self, error):
        back = failures.from_json(failures.to_json(error))
        assert type(back) is type(error)
        assert back.as_dict() == error.as_dict()

    @pytest.mark.parametrize("stored", [None, {}, {"code": "from_the_future", "message": "m", "x": 1}])
    def test_what_is_not_known_is_still_an_error(self, stored):
        assert isinstance(failures.from_json(stored), failures.JobFailed)


class TestRegistry:
    def test_a_name_means_one_kind(self):
        with pytest.raises(ValueError, match="test_note"):
            job_kind("test_note")(lambda _job: None)

    def test_every_kind_of_the_product_is_there(self):
        for name in ("version_build", "image_remake", "blob_gc", "job_prune"):
            assert registry.kind(name).name == name


def test_periodic_kinds_run():
    from jobs import tasks

    tasks.sweep()
    for kind in registry.periodic():
        assert run(Job.objects.get(kind=kind.name)).state == "succeeded", kind.name
    tasks.sweep()
    tasks.run(str(uuid.uuid4()))
