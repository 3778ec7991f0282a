"""The control plane's entry for an ASGI server (granian, interface `asginl`: Django has no lifespan)."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

# asgiref types an application more narrowly than the protocol is.
_django: Any = get_asgi_application()

from api.bodylimit import BodyLimit  # noqa: E402 - the apps must be loaded first
from controlplane import celery  # noqa: E402, F401 - a third of a second that the first upload need not wait for

application = BodyLimit(_django, limit=settings.HOSTEL.max_upload_bytes)
