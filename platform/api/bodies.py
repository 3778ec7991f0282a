"""Bodies of the native API: JSON against a serializer, or multipart.

Owns the reading, in place of the framework's parsers: those take a request without Content-Length for an empty one, and
keep no bound on its size.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from cfapi.errors import BodyInvalid, UploadTypeInvalid
from cfapi.jsonbody import BODY_BYTES, read_json


def validated(request: Request, serializer: type[Serializer[Any]], *, limit: int = BODY_BYTES) -> dict[str, Any]:
    """The JSON body as the serializer's validated data. Raises BodyInvalid, BodyTooLarge, UploadTypeInvalid, ValidationError."""
    kind = request.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    if kind not in {"application/json", ""}:
        raise UploadTypeInvalid(f"The body must be application/json, not {kind[:80]}.", field="Content-Type")
    data = read_json(request._request, limit=limit)  # noqa: SLF001 - the framework's own way to the request it wraps
    if not isinstance(data, dict):
        raise BodyInvalid("The body must be a JSON object.")
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def upload_limit() -> int:
    """Bytes of a JSON body that brings modules."""
    return int(settings.HOSTEL.max_upload_bytes)


def is_multipart(request: Request) -> bool:
    """Whether the body says that it is multipart."""
    return request.headers.get("Content-Type", "").lower().startswith("multipart/")


def from_base64(text: str, *, field: str) -> bytes:
    """The bytes that `text` spells. Raises BodyInvalid."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BodyInvalid("Not base64.", field=field) from None
