"""The few pages that belong to no app.

Owns the front page and the two health checks. Must not grow: a page of the product belongs to an app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from controlplane import health

if TYPE_CHECKING:
    from django.http import HttpRequest

_LANDING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Hostel</title>
<h1>Hostel</h1>
<p>A home for guest code: this is the control plane. Workers answer at <code>{{worker}}.{{tenant}}.{base}</code>.</p>
<ul>
<li><a href="/accounts/">Your account</a></li>
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
    status, found = health.report(list(health.control_plane()))
    return JsonResponse(found, status=status)
