"""Errors as answers, for what no API's own handler has caught.

Owns the last line: every error leaves as JSON on an API's addresses and as a plain page elsewhere, never as a stack trace. Must not decide
what is an error; the leaves of `sandbox.errors.HostelError` do.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import structlog
from django.http import HttpResponse, JsonResponse

from api.problems import CONTENT_TYPE, problem
from cfapi.envelope import failure
from sandbox.errors import HostelError
from ui.pages.home import error_page

if TYPE_CHECKING:
    from django.http import HttpRequest

log = structlog.get_logger(__name__)


class PageMissing(HostelError):
    """There is nothing at this address."""

    code = "page_not_found"
    status = 404
    fault = "visitor"


class RequestInvalid(HostelError):
    """The request is not valid."""

    code = "request_invalid"
    status = 400
    fault = "visitor"


class RequestRefused(HostelError):
    """You may not do this."""

    code = "request_refused"
    status = 403
    fault = "visitor"


def answer(request: HttpRequest, error: HostelError) -> HttpResponse:
    """`error` in the shape that whoever calls `request.path` expects."""
    response = _shaped(request, error)
    if "retry_after" in error.detail:
        response.headers["Retry-After"] = str(error.detail["retry_after"])
    return response


def _shaped(request: HttpRequest, error: HostelError) -> HttpResponse:
    if request.path.startswith("/client/"):
        return JsonResponse(failure(error), status=error.status)
    if request.path.startswith("/api/"):
        return JsonResponse(problem(error), status=error.status, content_type=CONTENT_TYPE)
    try:
        return error_page(request, status=error.status, message=error.message, code=error.code)
    except Exception:  # whatever has failed may fail again, and an error must not become another one
        log.exception("the error page failed")
    page = _PAGE.format(status=error.status, message=escape(error.message), code=escape(error.code))
    return HttpResponse(page, status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it by name
    """Django's handler400."""
    return answer(request, RequestInvalid())


def forbidden(request: HttpRequest, *_args: object, **_details: object) -> HttpResponse:
    """Django's handler403, and its answer to a missing or wrong CSRF token."""
    return answer(request, RequestRefused())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it by name
    """Django's handler404."""
    return answer(request, PageMissing())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; Django has logged the exception."""
    return answer(request, HostelError())


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{status} · Hostel</title>
<h1>{message}</h1>
<p>Status {status}, code <code>{code}</code>.</p>
<p><a href="/">Hostel</a></p>
</html>
"""
