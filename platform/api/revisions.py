"""Two people changing the same thing at once: `ETag` says what was looked at, `If-Match` that it must still be so.

Owns the two headers (RFC 9110, 8.8.3 and 13.1.1). The comparison itself is the services', under their locks.
"""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.errors import FieldInvalid

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what was looked at: if somebody has changed it since, nothing happens (412, `changed_meanwhile`).",
)
_TAG = re.compile(r'"(\d{1,18})"')


def expected(request: Request) -> int | None:
    """The revision that the caller has looked at; None where they do not mind. Raises FieldInvalid."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    match = _TAG.fullmatch(text)
    if match is None:
        raise FieldInvalid("If-Match must be one ETag, as it was answered, or *.", field="If-Match")
    return int(match[1])


def tagged(response: Response, revision: int) -> Response:
    """`response` with the ETag of what it shows."""
    response["ETag"] = f'"{revision}"'
    return response
