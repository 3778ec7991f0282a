"""What happens to every control-plane request.

Owns the request's log line, what the audit log is told of where it comes from, the content security policy and the catching of our own
errors. Must not look into bodies.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from accounts import limits
from accounts.errors import TooManyAttempts
from accounts.visitors import visitor_address
from cfapi.rates import write_rates
from controlplane.errors import answer
from controlplane.people import form_targets
from sandbox.errors import HostelError
from tenants.errors import FieldInvalid
from tenants.where import REASON_CHARACTERS, Where, acting

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

log = structlog.get_logger("hostel.request")
# Nothing from elsewhere, nothing inline; Django's admin and the accounts' pages need no more than this.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'{forms}; frame-ancestors 'none'"
_APIS = ("/api/", "/client/")
# What a gateway hands us; anything else is replaced, because the value ends up in logs.
_REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")


class RequestLog:
    """Gives each request an id (taken over from the gateway) and logs one line when it has been answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer and log."""
        # The gateway's word, where it is one that brings the request; visitors cannot say it.
        given = request.headers.get("Hostel-Request-Id") or request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            response.headers["X-Request-Id"] = request_id
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response


class ActingFrom:
    """Tells the audit log where the request comes from, and why (the header `Hostel-Reason`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; 400 for a reason that is too long."""
        reason = request.headers.get("Hostel-Reason", "").strip()
        if len(reason) > REASON_CHARACTERS:
            text = f"A reason may have {REASON_CHARACTERS} characters."
            return answer(request, FieldInvalid(text, field="Hostel-Reason", limit=REASON_CHARACTERS))
        where = Where(
            via="api" if request.path.startswith(_APIS) else "ui",
            ip=visitor_address(request),
            user_agent=request.headers.get("User-Agent", ""),
            request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
            reason=reason,
        )
        with acting(where):
            return self.get_response(request)


class ErrorPages:
    """Turns one of our errors that a view has let through into its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer for a `HostelError`; None leaves the exception to Django (a logged 500 in the same shape)."""
        if not isinstance(exception, HostelError):
            return None
        if exception.status >= 500:  # noqa: PLR2004 - ours to look into
            log.error("failed", code=exception.code, exc_info=exception)
        return answer(request, exception)


class Rates:
    """Tells in every answer what is left of the rates that the request was counted against."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the headers."""
        response = self.get_response(request)
        write_rates(request, response)
        return response


class HumanLimits:
    """Counts people's attempts before the page sees them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        """The refusal, or None: go on."""
        match = request.resolver_match
        try:
            limits.count(request, match.view_name if match else "")
        except TooManyAttempts as error:
            return answer(request, error)
        return None


class ContentSecurityPolicy:
    """Sets the policy on every answer that brings none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap `get_response`."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the header."""
        response = self.get_response(request)
        policy = POLICY.format(forms=form_targets(settings.HOSTEL))
        # A page whose script adds style elements (the editor's) names the word that they carry.
        if nonce := getattr(response, "style_nonce", ""):
            policy += f"; style-src 'self' 'nonce-{nonce}'"
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
