"""Jobs, read. For operators: jobs belong to no tenant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import Count, QuerySet

from jobs.errors import JobNotFound
from jobs.models import Job, Runner, Schedule


def job_list(*, states: Sequence[str] = (), kind: str = "") -> QuerySet[Job]:
    """Jobs, the youngest first; of some states or one kind, where given."""
    found = Job.objects.order_by("-created", "-pk")
    found = found.filter(state__in=states) if states else found
    return found.filter(kind=kind) if kind else found


def job_get(*, job_id: uuid.UUID) -> Job:
    """One job; raises `JobNotFound`."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return job


def job_counts() -> dict[str, int]:
    """How many jobs there are of each state."""
    found = Job.objects.order_by().values_list("state").annotate(count=Count("pk"))
    return {**dict.fromkeys(Job.State.values, 0), **dict(found)}


def schedule_list() -> QuerySet[Schedule]:
    """The periodic kinds and when each is due."""
    return Schedule.objects.order_by("kind")


def runner_list() -> QuerySet[Runner]:
    """The background workers that have a row, alive or lately so."""
    return Runner.objects.order_by("-seen")
