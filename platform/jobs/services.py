"""The life of a job: asked for, claimed, finished, swept.

Owns every change of a job's state. Each is one conditional UPDATE, so two runners, a late one and a waiting visitor cannot disagree about
whose a job is: an attempt's number is its token, and what an older attempt brings is dropped.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from jobs import broker, failures
from jobs.errors import JobConflict
from jobs.models import Job, Runner
from jobs.registry import kind as kind_of
from jobs.selectors import job_get
from jobs.wake import Bell, ring
from sandbox.errors import HostelError
from tenants.actor import Actor
from tenants.models import Tenant, Version
from tenants.services.support import audit

log = structlog.get_logger(__name__)

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)
# What an operator can have tried again.
RETRIED = (Job.State.FAILED, Job.State.DEAD, Job.State.CANCELLED)
# Dead jobs wait for an operator: they are kept so many times as long as the others.
_DEAD = 4
# Between two attempts of a job that failed unexpectedly: 2, 4, 8, … seconds.
_RETRY_SECONDS = 2.0
# How often a waiter looks at the row; the bell makes it look at once when the runner is on this machine.
_LOOK_SECONDS = 0.1
# A queued job that nobody has taken this long after its message was sent: the message may be lost.
_LOST_SECONDS = 10.0
# Jobs sent again in one sweep.
_SWEPT = 500
# Keys of jobs in one statement.
_FORGOTTEN = 500
# A runner that has not reported for so many leases is gone.
_SILENT_LEASES = 4


def job_enqueue(
    *,
    kind: str,
    payload: Mapping[str, Any],
    idempotency_key: str | None = None,
    max_attempts: int | None = None,
    delay_seconds: float = 0.0,
) -> Job:
    """Ask for a job, in the caller's transaction if there is one; workers are woken when it is committed.

    With an `idempotency_key`, an unfinished job that has it is returned instead of a second one. `payload` is stored in the open: it must
    hold no secret.
    """
    now = timezone.now()
    row = Job(
        kind=kind,
        payload=dict(payload),
        idempotency_key=idempotency_key,
        max_attempts=max_attempts or kind_of(kind).max_attempts,
        run_after=now + timedelta(seconds=delay_seconds),
        sent=None if delay_seconds > 0 else now,
        created=now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        found = Job.objects.filter(idempotency_key=idempotency_key, state__in=UNFINISHED).first()
        if idempotency_key is None or found is None:
            raise
        return found
    if delay_seconds <= 0:
        transaction.on_commit(lambda: broker.send(row.pk))
    return row


def job_cancel(*, job_id: uuid.UUID) -> bool:
    """End a job that has not ended; whether this did. A runner that is at it finds its result unwanted."""
    return bool(Job.objects.filter(pk=job_id, state__in=UNFINISHED).update(state=Job.State.CANCELLED, finished=timezone.now()))


@transaction.atomic
def job_stop(*, job_id: uuid.UUID, actor: Actor) -> Job:
    """An operator's `job_cancel`. Raises `JobNotFound`, or `JobConflict` for a job that has ended."""
    job = job_get(job_id=job_id)
    if not job_cancel(job_id=job_id):
        raise JobConflict(f"The job has ended: it is {job.state}.", state=job.state)
    audit(tenant=None, actor=actor, action="job_cancel", target=str(job_id), before=job.state, after=Job.State.CANCELLED, kind=job.kind)
    return job_get(job_id=job_id)


@transaction.atomic
def job_retry(*, job_id: uuid.UUID, actor: Actor) -> Job:
    """Have a job that has ended without success tried again, as often as its kind may be.

    Raises `JobNotFound`, or `JobConflict` for a job that has not ended or has succeeded, and where another one with its key is under way.
    """
    job = job_get(job_id=job_id)
    retried = Job.objects.filter(pk=job_id, state__in=RETRIED)
    try:
        with transaction.atomic():
            # Attempts are counted on: a number that has been is the token of a runner that may still be about.
            done = retried.update(
                state=Job.State.QUEUED,
                max_attempts=F("attempts") + kind_of(job.kind).max_attempts,
                run_after=timezone.now(),
                sent=timezone.now(),
                lease_until=None,
                finished=None,
                error=None,
            )
    except IntegrityError:
        raise JobConflict("Another job with the same key is under way.", key=job.idempotency_key) from None
    if not done:
        raise JobConflict(f"Only a job that has ended without success can be tried again: it is {job.state}.", state=job.state)
    audit(tenant=None, actor=actor, action="job_retry", target=str(job_id), before=job.state, after=Job.State.QUEUED, kind=job.kind)
    transaction.on_commit(lambda: broker.send(job_id))
    return job_get(job_id=job_id)


def job_wait(*, job_id: uuid.UUID, timeout: float) -> Job:
    """The job's row once it has ended, or as it is after `timeout` seconds. Must not be called in a transaction."""
    if settings.HOSTEL.jobs_inline:
        broker.send(job_id)
    until = time.monotonic() + timeout
    with Bell(_waiter(job_id)) as bell:
        while True:
            row = Job.objects.get(pk=job_id)
            left = until - time.monotonic()
            if row.ended or left <= 0:
                return row
            bell.wait(min(_LOOK_SECONDS, left))


def job_claim(*, job_id: uuid.UUID, runner: str) -> Job | None:
    """Begin an attempt at the job if it is due and nobody is at it; None otherwise."""
    now = timezone.now()
    free = Q(state=Job.State.QUEUED, run_after__lte=now) | Q(state=Job.State.RUNNING, lease_until__lt=now)
    claimed = Job.objects.filter(free, pk=job_id, attempts__lt=F("max_attempts")).update(
        state=Job.State.RUNNING,
        attempts=F("attempts") + 1,
        lease_until=now + timedelta(seconds=settings.HOSTEL.job_lease_seconds),
        runner=runner,
        started=now,
    )
    return Job.objects.get(pk=job_id) if claimed else None


def job_succeed(*, job: Job, result: Mapping[str, Any] | None) -> bool:
    """End the attempt with a result; whether it was still wanted."""
    return _end(job, state=Job.State.SUCCEEDED, result=dict(result or {}))


def job_fail(*, job: Job, error: BaseException) -> bool:
    """End the attempt with an error: as failed where that is an answer, as dead where it was the last attempt, else to be tried again."""
    stored = failures.to_json(error)
    if isinstance(error, HostelError):
        return _end(job, state=Job.State.FAILED, error=stored)
    if job.attempts >= job.max_attempts:
        log.error("a job is dead", job=str(job.pk), kind=job.kind, attempts=job.attempts)
        return _end(job, state=Job.State.DEAD, error=stored)
    pause = timedelta(seconds=_RETRY_SECONDS * 2 ** (job.attempts - 1))
    return bool(_mine(job).update(state=Job.State.QUEUED, error=stored, run_after=timezone.now() + pause, lease_until=None))


def job_release(*, job: Job) -> None:
    """Give up the job's key while it runs: whoever asks with that key from now on gets a job of his own."""
    _mine(job).update(idempotency_key=None)


def leases_renew(*, runner: str, job_ids: Sequence[uuid.UUID]) -> None:
    """Say that the runner is alive and at these jobs."""
    until = timezone.now() + timedelta(seconds=settings.HOSTEL.job_lease_seconds)
    if job_ids:
        Job.objects.filter(pk__in=job_ids, runner=runner, state=Job.State.RUNNING).update(lease_until=until)
    Runner.objects.filter(name=runner).update(seen=timezone.now())


def jobs_sweep() -> int:
    """Send again what is overdue: due jobs nobody has taken, and jobs whose runner has fallen silent; how many were sent.

    A job that has no attempts left ends as dead. Any number of processes may sweep at once: sending twice is harmless.
    """
    now = timezone.now()
    silent = Q(state=Job.State.RUNNING, lease_until__lt=now)
    exhausted = Job.objects.filter(silent, attempts__gte=F("max_attempts"))
    for job in exhausted:
        lost = failures.JobFailed("The background worker stopped in the middle, as often as it may be tried.")
        if _end(job, state=Job.State.DEAD, error=lost.as_dict()):
            log.error("a job is dead", job=str(job.pk), kind=job.kind, attempts=job.attempts)
    unsent = Q(sent=None) | Q(sent__lt=F("run_after")) | Q(sent__lt=now - timedelta(seconds=_LOST_SECONDS))
    due = Q(unsent, state=Job.State.QUEUED, run_after__lte=now)
    overdue = list(Job.objects.filter(silent | due).order_by("run_after").values_list("pk", flat=True)[:_SWEPT])
    Job.objects.filter(pk__in=overdue).update(sent=now)
    for job_id in overdue:
        broker.send(job_id)
    return len(overdue)


def jobs_prune() -> int:
    """Remove jobs that ended longer ago than they are kept, and runners that are gone; how many jobs."""
    now = timezone.now()
    Runner.objects.filter(seen__lt=now - timedelta(seconds=settings.HOSTEL.job_lease_seconds * _SILENT_LEASES)).delete()
    kept = timedelta(days=settings.HOSTEL.job_keep_days)
    dead = Q(state=Job.State.DEAD)
    old = Job.objects.exclude(state__in=UNFINISHED).filter(~dead & Q(finished__lt=now - kept) | dead & Q(finished__lt=now - _DEAD * kept))
    return old.delete()[0]


def jobs_forget(tenant: Tenant) -> None:
    """Remove every job that was done for the tenant: their results and errors quote its code."""
    # Text of a JSON column: an account id is random and means nothing else.
    Job.objects.filter(payload__contains=tenant.account_id).delete()
    versions = [str(version) for version in Version.objects.filter(tenant=tenant).values_list("pk", flat=True)]
    for start in range(0, len(versions), _FORGOTTEN):
        Job.objects.filter(idempotency_key__in=[f"image_remake:{version}" for version in versions[start : start + _FORGOTTEN]]).delete()


def runners_alive() -> list[Runner]:
    """The background workers that have reported lately, the youngest first."""
    since = timezone.now() - timedelta(seconds=settings.HOSTEL.job_lease_seconds * _SILENT_LEASES)
    return list(Runner.objects.filter(seen__gte=since).order_by("-started"))


def _mine(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)


def _end(job: Job, **values: Any) -> bool:
    ended = bool(_mine(job).update(finished=timezone.now(), lease_until=None, **values))
    if ended:
        ring(_waiter(job.pk))
    return ended


def _waiter(job_id: uuid.UUID) -> Path:
    folder: Path = settings.HOSTEL.run / "wait"
    return folder / job_id.hex
