"""Errors as `application/problem+json` (RFC 9457) with Hostel's stable `code`.

Owns the one shape and the translation of the framework's exceptions into it. Must not decide what an error is: leaves of
`HostelError` do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from cfapi.errors import AccountForbidden, BodyInvalid, CredentialsMissing, MethodRefused, RouteNotFound
from sandbox.errors import HostelError
from tenants.errors import FieldInvalid

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
# A problem's type is an identifier and no address: it stays the same wherever Hostel is installed.
TYPE_PREFIX = "urn:hostel:error:"
_TITLES = {status.value: status.phrase for status in HTTPStatus}


def problem(error: HostelError) -> dict[str, Any]:
    """The document: type, title, status and detail of RFC 9457, then `code`, `fault` and the error's own facts."""
    document = {
        "type": TYPE_PREFIX + error.code,
        "title": _TITLES.get(error.status, "Error"),
        "status": error.status,
        "detail": error.message,
    }
    # An error's own fact of such a name (the type of a module, say) does not take the place of what RFC 9457 has there.
    return {**document, **{key: value for key, value in error.as_dict().items() if key != "message" and key not in document}}


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Every exception of a view as a problem; what nobody foresaw is logged and tells nothing."""
    error = translated(exception, context)
    if error.fault == "platform":
        log.error("%s failed: %s", getattr(context.get("request"), "path", "?"), error.code, exc_info=exception)
    response = Response(problem(error), status=error.status, content_type=CONTENT_TYPE)
    if isinstance(error, CredentialsMissing):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodRefused):
        response["Allow"] = ", ".join(error.detail.get("allowed", ()))
    if "retry_after" in error.detail:
        response["Retry-After"] = str(error.detail["retry_after"])
    return response


def translated(exception: Exception, context: Mapping[str, Any]) -> HostelError:  # noqa: PLR0911 - one for each kind
    """The `HostelError` that says what `exception` says."""
    match exception:
        case HostelError():
            return exception
        case exceptions.ValidationError():
            return _invalid(exception)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return CredentialsMissing()
        case exceptions.PermissionDenied() | PermissionDenied():
            return AccountForbidden("The caller may not do this.")
        case exceptions.MethodNotAllowed():
            return MethodRefused(allowed=list(getattr(context.get("view"), "allowed_methods", ())))
        case exceptions.NotFound() | Http404():
            return RouteNotFound()
        case exceptions.APIException() if exception.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return BodyInvalid(str(exception.detail))
        case _:
            return HostelError()


def _invalid(exception: exceptions.ValidationError) -> FieldInvalid:
    """The first fault as the message, all of them beside it."""
    faults = list(_faults(exception.detail, ""))
    field, message = faults[0] if faults else ("", "The body is not valid.")
    listed = [{"field": where, "message": what} for where, what in faults]
    return FieldInvalid(message, field=field or None, errors=listed if len(listed) > 1 else None)


def _faults(detail: Any, where: str) -> Sequence[tuple[str, str]]:
    if isinstance(detail, Mapping):
        found: list[tuple[str, str]] = []
        for key, inner in detail.items():
            name = where if key == "non_field_errors" else f"{where}.{key}".lstrip(".")
            found += _faults(inner, name)
        return found
    if isinstance(detail, list | tuple):
        return [fault for at, inner in enumerate(detail) for fault in _faults(inner, where if isinstance(inner, str) else f"{where}.{at}")]
    return [(where, str(detail))]
