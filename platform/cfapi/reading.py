"""Takes the body out of a Django request.

Owns the bounds that apply to it; the readers themselves know no Django.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cfapi.errors import BodyInvalid
from cfapi.jsonbody import read_json
from cfapi.multipart import Part, PartLimits, read_parts


def parts_of(request: HttpRequest) -> list[Part]:
    """The parts of a multipart body. Raises leaves of `UploadInvalid`."""
    length = request.headers.get("Content-Length", "")
    return read_parts(
        request,
        content_type=request.headers.get("Content-Type", ""),
        content_length=int(length) if length.isascii() and length.isdigit() else None,
        limits=PartLimits(total_bytes=settings.HOSTEL.max_upload_bytes),
    )


def json_of(request: HttpRequest) -> Any:
    """The JSON body; wrangler sends some as text/plain, so the content type decides nothing."""
    return read_json(request)


def object_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON body, which must be an object. Raises BodyInvalid."""
    value = json_of(request)
    if not isinstance(value, dict):
        raise BodyInvalid("The body must be a JSON object.")
    return value


def list_of(request: HttpRequest) -> list[Any]:
    """The JSON body, which must be a list. Raises BodyInvalid."""
    value = json_of(request)
    if not isinstance(value, list):
        raise BodyInvalid("The body must be a JSON list.")
    return value
