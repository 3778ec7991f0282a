"""Running jobs in this process.

Owns the attempt: claim, keep the lease while the work runs, finish. Free of Celery, so that another way to be woken is another few lines.
"""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
import uuid
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from jobs import services
from jobs.models import Runner
from jobs.registry import kind
from tenants.where import Where, acting

log = structlog.get_logger(__name__)
_HEARTBEAT_SECONDS = 2.0


@functools.cache
def runner_name() -> str:
    """This process, told apart from every other one, also from one that has the same number later."""
    return f"{socket.gethostname()[:100]}:{os.getpid()}:{time.time_ns():x}"


def run(job_id: uuid.UUID) -> None:
    """Attempt the job if it is there to be taken. Raises nothing: what goes wrong is in the row."""
    job = services.job_claim(job_id=job_id, runner=runner_name())
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(job=str(job.pk), kind=job.kind, attempt=job.attempts):
        started = time.perf_counter()
        keeper.add(job.pk)
        try:
            with acting(Where(via="job", request_id=str(job.pk))):
                result = kind(job.kind).run(job)
        except Exception as error:  # noqa: BLE001 - stored, and logged where it is not an answer
            wanted, outcome = services.job_fail(job=job, error=error), "failed"
        else:
            wanted, outcome = services.job_succeed(job=job, result=result), "succeeded"
        finally:
            keeper.remove(job.pk)
        log.info("job", outcome=outcome if wanted else "unwanted", ms=round((time.perf_counter() - started) * 1000, 1))


class Keeper:
    """Renews the leases of the jobs this process is at, from a thread of its own, at least three times in a lease."""

    def __init__(self) -> None:
        """Start with none."""
        self._jobs: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def add(self, job_id: uuid.UUID) -> None:
        """Keep a job's lease."""
        with self._lock:
            self._jobs.add(job_id)

    def remove(self, job_id: uuid.UUID) -> None:
        """Stop keeping it."""
        with self._lock:
            self._jobs.discard(job_id)

    def start(self) -> None:
        """Report this process as a runner, and go on reporting."""
        Runner.objects.update_or_create(name=runner_name())
        ready_file().write_text(f"{os.getpid()}\n")
        self._stop.clear()
        self._thread = threading.Thread(target=self._keep, name="job-leases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sign off; repeatable."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
            Runner.objects.filter(name=runner_name()).delete()
            ready_file().unlink(missing_ok=True)

    def _keep(self) -> None:
        try:
            while not self._stop.wait(min(_HEARTBEAT_SECONDS, settings.HOSTEL.job_lease_seconds / 3)):
                ready_file().touch()
                with self._lock:
                    jobs = list(self._jobs)
                try:
                    services.leases_renew(runner=runner_name(), job_ids=jobs)
                except DatabaseError as error:
                    log.warning("leases were not renewed", error=str(error))
                    connection.close()
        finally:
            connection.close()


def ready_file() -> Path:
    """Touched every few seconds while this process takes jobs, for the supervisor to look at."""
    file: Path = settings.HOSTEL.run / "background.ready"
    return file


keeper = Keeper()
