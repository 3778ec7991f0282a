"""What is done again and again.

Owns the schedule: a row for each periodic kind with the moment it is next due, so that it outlives every process. Whoever sweeps looks; one
conditional UPDATE decides who asks for the job. After an outage a kind that was due several times runs once, at once, and is told how
many times it missed; then it is due at the times it would have been.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from jobs import services
from jobs.models import Schedule
from jobs.registry import Kind, periodic


def schedule_run() -> int:
    """Ask for the jobs of every kind that is due; how many."""
    now = timezone.now()
    rows = {row.kind: row for row in Schedule.objects.all()}
    return sum(_run(kind, rows.get(kind.name), now) for kind in periodic())


def _run(kind: Kind, row: Schedule | None, now: datetime) -> bool:
    every = timedelta(seconds=kind.every or 0)
    if row is None:
        row, _ = Schedule.objects.get_or_create(kind=kind.name, defaults={"next_at": now})
    if now < row.next_at <= now + every:
        return False
    # A moment farther away than one period is one of an earlier, longer period, or of a clock that went wrong.
    missed = max(0, (now - row.next_at) // every)
    following = row.next_at + (missed + 1) * every if row.next_at <= now else now + every
    with transaction.atomic():
        taken = Schedule.objects.filter(kind=kind.name, next_at=row.next_at).update(next_at=following, last_at=now)
        if taken:
            services.job_enqueue(kind=kind.name, payload={"missed": missed}, idempotency_key=f"periodic:{kind.name}")
    return bool(taken)
