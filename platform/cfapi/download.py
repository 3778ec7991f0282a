"""Writes a version's modules as multipart, the way they came."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from django.http import HttpResponse
from multipart import content_disposition_quote  # type: ignore[import-untyped]

from tenants.models import Version
from tenants.uploads import UploadModule

_DEFAULT_TYPE = "application/octet-stream"


def modules_reply(version: Version | None, modules: Sequence[UploadModule]) -> HttpResponse:
    """One part for each module (name, file name, content type); `cf-entrypoint` names the main one."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for module in modules:
        name = content_disposition_quote(module.name)
        head = f"--{boundary}\r\nContent-Disposition: form-data; name={name}; filename={name}\r\n"
        head += f"Content-Type: {module.content_type or _DEFAULT_TYPE}\r\n\r\n"
        body += head.encode() + module.content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    reply = HttpResponse(bytes(body), content_type=f"multipart/form-data; boundary={boundary}")
    if version is not None:
        reply["cf-entrypoint"] = version.main_module
        reply["ETag"] = f'"{version.sha256}"'
    return reply
