"""Sending the one message there is: "look at this job".

Owns the way to Celery. A message that cannot be sent is logged and forgotten: the sweep sends it again.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError, OperationalError

if TYPE_CHECKING:
    from celery import Celery

log = structlog.get_logger(__name__)


def application() -> Celery[Any]:
    """The Celery application of the settings. Asked for late, so that a process that sends nothing does not load it."""
    return cast("Celery[Any]", import_string(settings.HOSTEL_CELERY_APP))


def send(job_id: uuid.UUID) -> None:
    """Tell the background workers that the job can be taken; in inline mode, run it here and now."""
    if settings.HOSTEL.jobs_inline:
        from jobs.running import run  # noqa: PLC0415 - a circle otherwise, and inline mode only

        run(job_id)
        return
    try:
        application().send_task("jobs.run", args=[str(job_id)], ignore_result=True, retry=False)
    except (KombuError, OperationalError, DatabaseError, OSError) as error:
        log.warning("a job's message was not sent; the sweep will send it", job=str(job_id), error=str(error))
