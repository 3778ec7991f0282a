"""Writes upload bodies the way the real clients do, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BOUNDARY = "----formdata-hostel-0123456789"
MODULE = "application/javascript+module"
HELLO = "export default { async fetch() { return new Response('hello'); } };"


@dataclass(frozen=True)
class Field:
    """One part; a file name or content type of None is left out."""

    name: str
    content: bytes | str
    filename: str | None = None
    content_type: str | None = None

    def encoded(self) -> bytes:
        disposition = f'form-data; name="{self.name}"'
        if self.filename is not None:
            disposition += f'; filename="{self.filename}"'
        head = f"Content-Disposition: {disposition}\r\n"
        if self.content_type is not None:
            head += f"Content-Type: {self.content_type}\r\n"
        content = self.content.encode() if isinstance(self.content, str) else self.content
        return head.encode("utf-8", "surrogatepass") + b"\r\n" + content


def body(fields: Sequence[Field], boundary: str = BOUNDARY) -> bytes:
    """The multipart body of these parts."""
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + field.encoded() + b"\r\n" for field in fields) + delimiter + b"--\r\n"


def content_type(boundary: str = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary}"


def module(name: str = "index.js", source: bytes | str = HELLO, kind: str = MODULE) -> Field:
    """A module as wrangler sends it."""
    return Field(name, source, filename=name, content_type=kind)


def metadata(**values: Any) -> Field:
    """A metadata part as wrangler sends it: a plain field."""
    return Field("metadata", json.dumps({"main_module": "index.js", **values}))


def alchemy_metadata(filename: str, **values: Any) -> Field:
    """A metadata part as Alchemy sends it: a file, named "" by bun and "blob" by node."""
    return Field(
        "metadata",
        json.dumps({"main_module": "index.js", **values}),
        filename=filename,
        content_type="application/json;charset=utf-8" if not filename else "application/json",
    )


def upload(source: str = HELLO, **values: Any) -> bytes:
    """A whole upload of one module."""
    return body([metadata(**values), module(source=source)])
