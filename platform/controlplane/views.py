"""The few pages that belong to no app.

Owns the two health checks. Must not grow: a page of the product belongs to an app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from controlplane import health

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """That this process answers at all; asks nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Whether what a request needs is there: 200, or 503 that says what is missing."""
    status, found = health.report(list(health.control_plane()))
    return JsonResponse(found, status=status)
