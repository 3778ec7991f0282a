"""Reads the multipart body of an upload from a stream, part by part.

Owns the syntax of RFC 7578 bodies and every bound on them, on the raw stream: Django parses none on PUT, drops the directories
of file names and forgets the order of parts. Must not know what the parts mean (upload.py does).

The grammar is the `multipart` library's push parser in strict mode; what is here decides how much it is fed and turns its
findings into our errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from multipart import (  # type: ignore[import-untyped]
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from cfapi.errors import (
    BoundaryMissing,
    MetadataTooLarge,
    ModuleNameInvalid,
    PartHeaderTooLarge,
    PartsExceeded,
    ServiceWorkerUnsupported,
    UploadMalformed,
    UploadTooLarge,
    UploadTruncated,
    UploadTypeInvalid,
)
from sandbox.bundle import MODULE_COUNT

KIB = 1024
MIB = 1024 * KIB
CHUNK_BYTES = 64 * KIB
# Parts that hold settings and no code; a name may go on with brackets (`metadata[bindings][][type]`).
SETTINGS_PARTS = frozenset({"metadata", "settings"})
# The npm SDK (7.3.0) sends multipart under `Content-Type: application/javascript`, so the boundary is only in the body.
_SCRIPT_TYPES = frozenset({"application/javascript", "application/javascript+module", "text/javascript"})
_OPENING = re.compile(rb"--([0-9A-Za-z'()+_,./:=?-]{1,70})\r\ncontent-disposition: *form-data", re.IGNORECASE)


class Readable(Protocol):
    """A blocking byte stream: a Django request, or any binary file."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, fewer only at the end of the stream."""


@dataclass(frozen=True, slots=True)
class PartLimits:
    """Bounds on one body, in the units their names say."""

    total_bytes: int = 64 * MIB
    # All settings parts together.
    settings_bytes: int = MIB
    # Every module, and room for metadata in bracket fields.
    parts: int = MODULE_COUNT + 1_000
    header_bytes: int = 4 * KIB
    headers: int = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `content_type` is lower case without options, and empty when the part names none."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def read_parts(stream: Readable, *, content_type: str, content_length: int | None, limits: PartLimits) -> list[Part]:
    """Every part of the body, in order.

    Reads no further than `limits` allow. Raises leaves of `UploadInvalid`: UploadTooLarge, UploadTypeInvalid, BoundaryMissing,
    UploadTruncated, UploadMalformed, PartsExceeded, PartHeaderTooLarge, MetadataTooLarge, ModuleNameInvalid, ServiceWorkerUnsupported.
    """
    if content_length is not None and content_length > limits.total_bytes:
        raise UploadTooLarge(_too_large(limits), limit=limits.total_bytes, size=content_length)
    chunks = _chunks(stream, limits)
    first = next(chunks, b"")
    boundary = _boundary(content_type, first)
    try:
        parser = PushMultipartParser(boundary, max_header_size=limits.header_bytes, max_header_count=limits.headers, strict=True)
    except ParserError as error:
        raise BoundaryMissing(f"The boundary is not valid: {error}.", field="Content-Type") from None
    collector = _Collector(limits)
    chunk = first
    while chunk:
        try:
            for event in parser.parse(chunk):
                collector.take(event)
        except ParserLimitReached as error:
            raise PartHeaderTooLarge(f"Part {len(collector.parts) + 1}: {error}.", part=len(collector.parts) + 1) from None
        except ParserError as error:
            raise UploadMalformed(f"Part {len(collector.parts) + 1}: {error}.", part=len(collector.parts) + 1) from None
        chunk = next(chunks, b"")
    try:
        parser.close()
    except ParserError:
        raise UploadTruncated(f"The upload ends before its last boundary, in part {len(collector.parts) + 1}.") from None
    return collector.parts


class _Collector:
    """Turns the parser's events (a head, pieces, None) into parts."""

    def __init__(self, limits: PartLimits) -> None:
        self.parts: list[Part] = []
        self._limits = limits
        self._head: MultipartSegment | None = None
        self._pieces: list[bytes] = []
        self._settings_left = limits.settings_bytes

    def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        else:
            self._more(event)

    def _begin(self, head: MultipartSegment) -> None:
        if len(self.parts) >= self._limits.parts:
            raise PartsExceeded(f"An upload may have {self._limits.parts} parts.", limit=self._limits.parts)
        for header in ("Content-Disposition", "Content-Type"):
            if sum(name == header for name, _ in head.headerlist) > 1:
                raise UploadMalformed(f"Part {len(self.parts) + 1} has two {header} headers.", part=len(self.parts) + 1)
        # The library repairs names that old browsers sent as Windows paths. A repaired name is not the one that was sent, and
        # no client of ours sends a backslash.
        if "\\" in (head.header("Content-Disposition") or ""):
            raise ModuleNameInvalid("A module's name must not hold a backslash.", field="modules.name", part=len(self.parts) + 1)
        self._head, self._pieces = head, []

    def _more(self, piece: bytes) -> None:
        assert self._head is not None
        if (self._head.name or "").partition("[")[0] in SETTINGS_PARTS:
            self._settings_left -= len(piece)
            if self._settings_left < 0:
                limit = self._limits.settings_bytes
                raise MetadataTooLarge(f"The metadata may have {limit} bytes.", field="metadata", limit=limit)
        self._pieces.append(piece)

    def _end(self) -> None:
        head = self._head
        assert head is not None
        self.parts.append(Part(head.name or "", head.filename, head.content_type or "", b"".join(self._pieces)))
        self._head, self._pieces = None, []


def _chunks(stream: Readable, limits: PartLimits) -> Iterator[bytes]:
    """The stream in pieces, counted.

    A line break may stand behind the final boundary. The parser takes it only together with that boundary, so a last piece
    that could be just that is joined to the one before.
    """
    held = b""
    size = 0
    while chunk := stream.read(CHUNK_BYTES):
        size += len(chunk)
        if size > limits.total_bytes:
            raise UploadTooLarge(_too_large(limits), limit=limits.total_bytes)
        if not held or (len(chunk) <= len(b"\r\n") and len(held) <= MIB):
            held += chunk
            continue
        yield held
        held = chunk
    if held:
        yield held


def _boundary(content_type: str, first: bytes) -> str:
    """The boundary the body is cut at: from the header, or from the body where the npm SDK leaves it."""
    kind, options = parse_options_header(content_type)
    if kind in {"multipart/form-data", "multipart/mixed"}:
        boundary = options.get("boundary", "")
        if not boundary or not boundary.isascii():
            raise BoundaryMissing(field="Content-Type")
        return str(boundary)
    if kind in _SCRIPT_TYPES:
        opening = _OPENING.match(first)
        if opening is None:
            raise ServiceWorkerUnsupported(field="Content-Type")
        return opening.group(1).decode("ascii")
    raise UploadTypeInvalid(f"An upload must be multipart/form-data, not {kind[:80] or 'without a content type'}.", field="Content-Type")


def _too_large(limits: PartLimits) -> str:
    return f"An upload may have {limits.total_bytes} bytes."
