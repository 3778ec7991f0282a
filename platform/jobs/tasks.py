"""Celery's side: two tasks, each a line or two.

Owns the names that messages carry. Must not hold work: jobs do.
"""

from __future__ import annotations

import uuid

from celery import shared_task

from jobs import running, schedule, services
from tenants import services as tenants


@shared_task(name="jobs.run")
def run(job_id: str) -> None:
    """Attempt the job, if it is there to be taken."""
    running.run(uuid.UUID(job_id))


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Ask for what is due, send again what is overdue."""
    schedule.schedule_run()
    services.jobs_sweep()
    if tenants.deliveries_due():
        services.job_enqueue(kind=tenants.SEND, payload={}, idempotency_key=tenants.SEND)
