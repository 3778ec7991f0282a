"""What operators see of background work, and what they can do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from jobs import schedule, services
from jobs.models import Job, Schedule
from jobs.registry import job_kind, kind, periodic
from jobs.running import run
from tenants import services as tenants
from tenants.actor import Actor
from tenants.models import AuditEvent
from tests.api.conftest import Native, native, operator  # noqa: F401 - fixtures

moods: list[str] = []


@job_kind("test_moody", max_attempts=2)
def moody(_job: Job) -> dict[str, object]:
    if moods:
        raise RuntimeError(moods.pop())
    return {"well": True}


@pytest.fixture(autouse=True)
def waiting(settings):
    """Jobs wait: these tests are the runner."""
    settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)
    settings.HOSTEL_CELERY_APP = f"{__name__}.sent"
    sent.clear()
    moods.clear()


class Sent(list):
    """Stands where Celery's application does."""

    def send_task(self, _name: str, args: list[str], **_options: object) -> None:
        self.append(args[0])


sent = Sent()


def dead() -> Job:
    """A job that has failed as often as it may."""
    moods.extend(["a", "b"])
    job = services.job_enqueue(kind="test_moody", payload={"n": 1})
    for _ in range(2):
        Job.objects.filter(pk=job.pk).update(run_after=timezone.now())
        run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DEAD
    return job


@pytest.fixture
def caller(native: Native, operator: Native) -> Native:  # noqa: F811
    return operator


class TestDeadLetters:
    def test_are_listed_looked_at_and_tried_again(self, caller: Native) -> None:
        job = dead()
        services.job_enqueue(kind="test_moody", payload={})
        [listed] = caller.get("/admin/jobs?state=dead,failed").json["items"]
        assert listed["id"] == str(job.pk)
        assert (listed["attempts"], listed["error"]["code"], listed["payload"]) == (2, "job_failed", {"n": 1})
        assert caller.get(f"/admin/jobs/{job.pk}").json == listed
        sent.clear()
        again = caller.post(f"/admin/jobs/{job.pk}/retry").json
        assert (again["state"], again["attempts"], again["max_attempts"], again["error"]) == ("queued", 2, 4, None)
        assert sent == [str(job.pk)]
        run(job.pk)
        assert caller.get(f"/admin/jobs/{job.pk}").json["result"] == {"well": True}
        event = AuditEvent.objects.get(action="job_retry")
        assert (event.target, event.before, event.after, event.via) == (str(job.pk), "dead", "queued", "api")

    def test_a_runner_from_before_the_retry_is_not_heard(self, db: None) -> None:
        moods.append("once")
        job = services.job_enqueue(kind="test_moody", payload={}, max_attempts=1)
        late = services.job_claim(job_id=job.pk, runner="late")
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        services.jobs_sweep()
        services.job_retry(job_id=job.pk, actor=Actor.system())
        assert not services.job_succeed(job=late, result={})
        young = services.job_claim(job_id=job.pk, runner="young")
        assert young.attempts == 2
        assert not services.job_succeed(job=late, result={})
        assert services.job_succeed(job=young, result={})

    @pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
    def test_only_what_has_ended_badly_is_tried_again(self, caller: Native, state: str) -> None:
        job = services.job_enqueue(kind="test_moody", payload={})
        Job.objects.update(state=state)
        reply = caller.post(f"/admin/jobs/{job.pk}/retry")
        assert (reply.status, reply.problem["code"], reply.problem["state"]) == (409, "job_conflict", state)

    def test_not_beside_its_successor(self, caller: Native) -> None:
        first = services.job_enqueue(kind="test_moody", payload={}, idempotency_key="k")
        services.job_cancel(job_id=first.pk)
        services.job_enqueue(kind="test_moody", payload={}, idempotency_key="k")
        reply = caller.post(f"/admin/jobs/{first.pk}/retry")
        assert (reply.status, reply.problem["code"], reply.problem["key"]) == (409, "job_conflict", "k")

    def test_outlive_the_others(self, db: None) -> None:
        job, other = dead(), services.job_enqueue(kind="test_moody", payload={})
        run(other.pk)
        Job.objects.update(finished=timezone.now() - timedelta(days=django_settings.HOSTEL.job_keep_days + 1))
        assert services.jobs_prune() == 1
        assert Job.objects.get().pk == job.pk
        Job.objects.update(finished=timezone.now() - timedelta(days=5 * django_settings.HOSTEL.job_keep_days))
        assert services.jobs_prune() == 1


class TestOperatorApi:
    def test_a_job_is_cancelled_once(self, caller: Native) -> None:
        job = services.job_enqueue(kind="test_moody", payload={})
        assert caller.post(f"/admin/jobs/{job.pk}/cancel").json["state"] == "cancelled"
        assert caller.post(f"/admin/jobs/{job.pk}/cancel").problem["code"] == "job_conflict"
        assert AuditEvent.objects.filter(action="job_cancel").count() == 1

    def test_filters_and_pages(self, caller: Native) -> None:
        for _ in range(3):
            services.job_enqueue(kind="test_moody", payload={})
        services.job_enqueue(kind="job_prune", payload={})
        assert caller.get("/admin/jobs?kind=job_prune").json["total"] == 1
        page = caller.get("/admin/jobs?kind=test_moody&per_page=2&page=2").json
        assert (len(page["items"]), page["total"]) == (1, 3)
        assert caller.get("/admin/jobs?state=lost").problem["field"] == "state"

    def test_no_job_is_no_job(self, caller: Native) -> None:
        for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/cancel")):
            assert caller.call(method, f"/admin/jobs/{uuid4()}{path}").problem["code"] == "job_not_found"

    def test_background_work_at_a_glance(self, caller: Native) -> None:
        dead()
        schedule.schedule_run()
        found = caller.get("/admin/background").json
        assert found["states"] == {"queued": len(periodic()), "running": 0, "succeeded": 0, "failed": 0, "dead": 1, "cancelled": 0}
        assert {row["kind"] for row in found["schedule"]} == {kind.name for kind in periodic()}
        assert found["runners"] == []

    @pytest.mark.parametrize("path", ["/admin/jobs", "/admin/background"])
    def test_tenants_are_no_operators(self, native: Native, path: str) -> None:  # noqa: F811
        assert native.get(path).problem["code"] == "token_scope_missing"


@pytest.mark.django_db
class TestSchedule:
    def test_every_periodic_kind_is_asked_for_once(self) -> None:
        assert {kind.name for kind in periodic()} >= {"blob_gc", "job_prune"}
        assert schedule.schedule_run() == len(periodic())
        assert schedule.schedule_run() == 0
        assert set(Job.objects.values_list("kind", flat=True)) == {kind.name for kind in periodic()}

    def test_an_outage_is_caught_up_with_once_and_the_beat_is_kept(self) -> None:
        schedule.schedule_run()
        Job.objects.all().delete()
        due = timezone.now() - timedelta(hours=5, minutes=20)
        Schedule.objects.filter(kind="job_prune").update(next_at=due)
        assert schedule.schedule_run() == 1
        [job] = Job.objects.all()
        assert (job.kind, job.payload) == ("job_prune", {"missed": 5})
        row = Schedule.objects.get(kind="job_prune")
        assert row.next_at == due + timedelta(hours=6)
        assert row.last_at is not None
        assert schedule.schedule_run() == 0

    def test_one_that_is_still_under_way_is_not_asked_for_again(self) -> None:
        schedule.schedule_run()
        Schedule.objects.update(next_at=timezone.now())
        schedule.schedule_run()
        assert Job.objects.filter(kind="job_prune").count() == 1

    def test_a_shorter_period_takes_effect_at_once(self) -> None:
        schedule.schedule_run()
        Job.objects.all().delete()
        Schedule.objects.filter(kind="job_prune").update(next_at=timezone.now() + timedelta(days=7))
        assert schedule.schedule_run() == 1
        assert Schedule.objects.get(kind="job_prune").next_at <= timezone.now() + timedelta(seconds=kind("job_prune").every)

    def test_what_is_asked_for_and_when_it_is_next_are_one_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Killed in between, neither has happened: the next sweep does both."""
        schedule.schedule_run()
        Job.objects.all().delete()
        due = timezone.now()
        Schedule.objects.filter(kind="job_prune").update(next_at=due)

        def killed(**_: object) -> None:
            raise KeyboardInterrupt

        whole = services.job_enqueue
        monkeypatch.setattr(services, "job_enqueue", killed)
        with pytest.raises(KeyboardInterrupt):
            schedule.schedule_run()
        monkeypatch.setattr(services, "job_enqueue", whole)
        assert Schedule.objects.get(kind="job_prune").next_at == due
        assert schedule.schedule_run() == 1


@pytest.mark.django_db
def test_operators_changes_are_in_the_platforms_chain() -> None:
    job = dead()
    services.job_retry(job_id=job.pk, actor=Actor.system())
    assert tenants.audit_verify(chain="platform").intact
