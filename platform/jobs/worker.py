"""The background worker process.

Owns how Celery is started: a pool of threads, because the engine is loaded once for a process and gives the interpreter up while a guest
runs; the schedule in a thread beside it; the sandbox started before the first upload needs it.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any, cast

import structlog
from celery import signals
from celery.beat import EmbeddedService
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from django.conf import settings
from django.db import connections

from jobs import broker, builds, running, schedule, services
from jobs.engine import engine
from telemetry.ingester import Ingester

log = structlog.get_logger(__name__)


def main(*, concurrency: int) -> None:
    """Run until SIGTERM or SIGINT; jobs under way are finished first (a second signal ends them: another worker takes them up)."""
    # Celery's word to root is about pickled messages; ours are JSON, and in a container root is usual. The other one announces a default of
    # Celery 6 that threads cannot obey.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    app = broker.application()
    settings.HOSTEL.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Every background worker keeps the schedule, in memory: two that sweep at once do no harm.
    beat = cast("threading.Thread", EmbeddedService(app, thread=True, scheduler_cls="celery.beat:Scheduler"))

    # Before anything can start it: this process runs tenants' code and needs little else.
    engine.walled = True

    ingester = Ingester(settings.HOSTEL.spool)

    def ready(**_signal: Any) -> None:
        running.keeper.start()
        ingester.start()
        threading.Thread(target=_warm, name="warm", daemon=True).start()
        beat.start()
        log.info("background worker ready", runner=running.runner_name(), concurrency=concurrency)

    signals.worker_ready.connect(ready, weak=False)
    worker: Any = app.Worker(
        pool="threads",
        concurrency=concurrency,
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel=settings.HOSTEL.log_level,
        quiet=True,
        hostname=f"hostel@{running.runner_name()}",
    )
    try:
        worker.start()
    finally:
        if beat.is_alive():
            cast("Any", beat).service.stop(wait=False)
        ingester.stop()
        running.keeper.stop()
        engine.close()
        connections.close_all()


def _warm() -> None:
    """Start the engine behind the second wall, say which guest it has, and take up what was left lying."""
    try:
        builds.report_guest(engine.sandbox().guest_build)
        schedule.schedule_run()
        services.jobs_sweep()
        services.job_enqueue(kind="images_refresh", payload={}, idempotency_key="images_refresh")
    except Exception:
        log.exception("the engine did not start; each build will try again")
    finally:
        connections.close_all()
