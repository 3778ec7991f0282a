"""The Celery application.

Owns its configuration (from Django's settings) and the registration of our own transport. Must not define tasks: `jobs.tasks` does.
"""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

TRANSPORT_ALIASES["hostel"] = "jobs.transport:Transport"

app = Celery("hostel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
