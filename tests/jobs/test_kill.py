"""`kill -9` of a background worker in the middle of its jobs, with each broker there is: nothing is lost, and only what was interrupted is run again."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings as django_settings

import tests.jobs.slow  # noqa: F401 - registers its kinds here too
from controlplane import celery
from jobs import services
from jobs.models import Job, Message
from tests.conftest import BackgroundWorker
from tests.jobs.slow import WORKER

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"HOSTEL_JOB_LEASE_SECONDS": "1", "HOSTEL_JOB_SWEEP_SECONDS": "0.5"}
BROKERS = {
    "hostel": "hostel://",
    "Redis": django_settings.HOSTEL.redis_url,
    "RabbitMQ": os.environ.get("HOSTEL_TEST_AMQP_URL", ""),
}


def until(condition, seconds: float = 60.0) -> None:
    """Wait for `condition`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Sender:
    """Stands where the suite's Celery application does; sends by the one of the test."""

    app: Celery

    def send_task(self, name: str, **options: object) -> object:
        return self.app.send_task(name, **options)


sender = Sender()


@pytest.fixture(params=list(BROKERS))
def environ(request: pytest.FixtureRequest, own_jobs: None, settings) -> Iterator[dict[str, str]]:
    """A broker that this process sends to, and the variables of a worker that listens there: a queue that nobody else uses."""
    url = BROKERS[request.param]
    if not url:
        pytest.skip(f"no {request.param} is named")
    queue = f"hostel-test-{uuid.uuid4().hex[:12]}"
    # One that knows `hostel://`, and is not the suite's own.
    assert celery.TRANSPORT_ALIASES
    sender.app = app = Celery("tests", broker="hostel://localhost" if url == "hostel://" else url, set_as_current=False)
    app.conf.task_default_queue = queue
    settings.HOSTEL_CELERY_APP = f"{__name__}.sender"
    try:
        yield {**QUICK, "CELERY_BROKER_URL": url, "TEST_QUEUE": queue}
    finally:
        with app.connection_for_write() as connection:
            connection.default_channel.queue_delete(queue)
            if url.startswith("amqp"):
                connection.default_channel.exchange_delete(queue)
        app.close()


def test_nothing_is_lost_and_only_what_was_interrupted_is_run_again(environ: dict[str, str], tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.touch()

    def ask(count: int, seconds: float) -> set[str]:
        payload = {"marks": str(marks), "seconds": seconds}
        return {str(services.job_enqueue(kind="test_slow", payload=payload).pk) for _ in range(count)}

    def begun() -> Counter[str]:
        return Counter(line.split()[0] for line in marks.read_text().splitlines())

    worker = BackgroundWorker(script=WORKER, **environ)
    try:
        done = ask(10, 0)
        until(lambda: Job.objects.filter(kind="test_slow", state="succeeded").count() == 10)
        # As many as it runs at once: they would take ten minutes.
        interrupted = ask(2, 600)
        until(lambda: interrupted <= set(begun()))
        waiting = ask(10, 0)
        worker.kill()
        # Nobody is there, and more is asked for.
        waiting |= ask(5, 0)
        worker.start()
        until(lambda: Job.objects.filter(kind="test_slow", state="succeeded").count() == 27)
        assert worker.stop() == 0
    finally:
        if worker.process.poll() is None:
            worker.kill()
    assert begun() == {**dict.fromkeys(done | waiting, 1), **dict.fromkeys(interrupted, 2)}
    assert set(Job.objects.filter(pk__in=interrupted).values_list("attempts", flat=True)) == {2}
    if environ["CELERY_BROKER_URL"] != "hostel://":
        assert not Message.objects.exists()
