"""An error as the visitor sees it: a page for a browser, application/problem+json (RFC 9457) for anything else.

Owns the two renderings. A visitor reads the error's kind (its docstring), code and status, never its message or detail: those may quote
a tenant's code and are for its author, who finds them by the request id.
"""

from __future__ import annotations

import json
from typing import Final

from django.template.loader import get_template

from gateway.errors import ADVICE, RequestsExceeded
from sandbox.errors import HostelError
from sandbox.http import Headers

_PROBLEM: Final = b"application/problem+json"
_HTML: Final = b"text/html; charset=utf-8"
# Nothing on the page comes from elsewhere, and it must not be framed.
_POLICY: Final = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_RETRY: Final = frozenset({429, 503})


def status_of(error: HostelError) -> int:
    """The status a visitor gets: what is wrong with a tenant's code is no fault of the request."""
    if error.status == 400 and error.fault != "visitor":  # noqa: PLR2004
        return 500
    return error.status


def wants_html(accept: bytes) -> bool:
    """Whether the Accept header is a browser's."""
    return b"text/html" in accept.lower()


def render(error: HostelError, *, request_id: str, accept: bytes, host: str = "") -> tuple[int, Headers, bytes]:
    """Status, headers and body that tell a visitor of `error`; `host` is shown where it is the matter."""
    status = status_of(error)
    facts = {
        "status": status,
        "code": error.code,
        "message": (type(error).__doc__ or "").strip().splitlines()[0].rstrip("."),
        "advice": ADVICE[error.fault],
        "request_id": request_id,
        "host": host,
    }
    if wants_html(accept):
        kind, body = _HTML, get_template("gateway/error.html").render(facts).encode()
    else:
        problem = {"type": "about:blank", "title": facts["message"], "status": status, "code": error.code, "request_id": request_id}
        kind, body = _PROBLEM, json.dumps({**problem, **({"host": host} if host else {})}).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"vary", b"Accept"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", _POLICY),
        (b"server", b"hostel"),
        (b"hostel-error", error.code.encode()),
        (b"hostel-request-id", request_id.encode()),
    ]
    if status in _RETRY:
        headers.append((b"retry-after", b"%d" % error.detail.get("retry_after", 1)))
    if isinstance(error, RequestsExceeded):
        headers += error.headers
    return status, headers, body
