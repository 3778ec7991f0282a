"""The gateway's entry for an ASGI server: `granian --interface asgi gateway.asgi:application`.

`asgi` and not `asginl`: with lifespan the sandbox, the routes and the admin's socket are there before the first connection is taken, and
are closed after the last. Under `asginl` the first request starts them.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup()

from django.conf import settings  # noqa: E402

from gateway.application import Gateway  # noqa: E402
from gateway.assembly import start  # noqa: E402

application = Gateway(start, control_hosts=settings.HOSTEL.hosts, log_requests=settings.HOSTEL.access_log)
