"""`manage.py background`: the background worker process."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jobs import worker


class Command(BaseCommand):
    """Runs jobs until it is told to stop (SIGTERM, SIGINT)."""

    help = "Run background jobs: builds, clean-up, schedules."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many at once."""
        parser.add_argument("--concurrency", type=int, default=settings.HOSTEL.job_concurrency, help="Jobs run at once.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the worker."""
        worker.main(concurrency=options["concurrency"])
