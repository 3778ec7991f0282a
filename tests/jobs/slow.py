"""Kinds of jobs for tests that need a worker process to be at something."""

from __future__ import annotations

import time
from pathlib import Path

from jobs.models import Job
from jobs.registry import job_kind

# For `python -c`: a background worker that knows the kinds of this module.
WORKER = """
import os, sys
sys.path[:0] = [os.getcwd(), os.path.join(os.getcwd(), "platform")]
import django
django.setup()
import tests.jobs.slow
from jobs import broker, worker
# A queue of its own: a broker of this machine may serve others, too.
broker.application().conf.task_default_queue = os.environ.get("TEST_QUEUE", "hostel")
worker.main(concurrency=2)
"""


@job_kind("test_slow", max_attempts=5)
def slow(job: Job) -> dict[str, object]:
    """Leaves a mark when it begins; the first attempt takes for ever."""
    with Path(job.payload["marks"]).open("a") as marks:
        marks.write(f"{job.pk} {job.attempts}\n")
    if job.attempts == 1 and job.payload["seconds"]:
        time.sleep(job.payload["seconds"])
    return {"attempt": job.attempts}
