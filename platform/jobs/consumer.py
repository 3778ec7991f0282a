"""How a background worker waits for its broker.

Owns one difference from Celery's own consumer: the pause between two attempts to connect never grows past two seconds, and the attempts
never end. Celery's grows to thirty, so that work stood still for half a minute after the database (or the broker) was back, and gives up
at last.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

log = structlog.get_logger(__name__)
PAUSE_SECONDS = 0.5
PAUSE_SECONDS_MOST = 2.0


class PatientConsumer(Consumer):
    """Connects again, soon and for ever."""

    def ensure_connected(self, conn: Any) -> Any:
        """The connection, once it is there; told to stop meanwhile, the worker stops."""

        def told(error: BaseException, interval: float) -> None:
            log.warning("the broker does not answer", broker=conn.as_uri(), error=str(error), again_in=interval)

        return conn.ensure_connection(
            told,
            max_retries=None,
            interval_start=PAUSE_SECONDS,
            interval_step=PAUSE_SECONDS,
            interval_max=PAUSE_SECONDS_MOST,
            callback=maybe_shutdown,
        )
