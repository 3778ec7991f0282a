"""The few pages that belong to no app.

Owns the front page and the two health checks. Must not grow: a page of the product belongs to an app.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest

log = structlog.get_logger(__name__)

_LANDING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Hostel</title>
<h1>Hostel</h1>
<p>A home for guest code: this is the control plane. Workers answer at <code>{{worker}}.{{tenant}}.{base}</code>.</p>
<ul>
<li><a href="/api/v1/docs">API</a></li>
<li><a href="/admin/">Operators</a></li>
<li><a href="/readyz">Is everything ready?</a></li>
</ul>
</html>
"""


@require_safe
def landing(_request: HttpRequest) -> HttpResponse:
    """The front page."""
    return HttpResponse(format_html(_LANDING, base=settings.HOSTEL.base_domain))


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """That this process answers at all; asks nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Whether what a request needs is there: 200, or 503 that says what is missing."""
    checks = {"database": _database(), "migrations": _migrations(), "storage": os.access(settings.HOSTEL.home, os.W_OK)}
    ready = all(checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("the database does not answer")
        return False
    return True


def _migrations() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
