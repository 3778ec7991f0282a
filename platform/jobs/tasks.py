"""Celery's side: three tasks, each a line.

Owns the names that messages carry. Must not hold work: jobs do.
"""

from __future__ import annotations

import uuid

from celery import shared_task

from jobs import running, services


@shared_task(name="jobs.run")
def run(job_id: str) -> None:
    """Attempt the job, if it is there to be taken."""
    running.run(uuid.UUID(job_id))


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Send again what is overdue."""
    services.jobs_sweep()


@shared_task(name="jobs.start")
def start(kind: str) -> None:
    """Ask for a periodic job of that kind, unless one is under way."""
    services.job_enqueue(kind=kind, payload={}, idempotency_key=f"periodic:{kind}")
