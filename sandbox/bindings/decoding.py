"""Bodies that arrive compressed.

Owns the decoding of response bodies for guests, in bounded steps. Must not read from a connection. workerd decodes what
it advertises and leaves every other coding alone (src/workerd/api/system-streams.c++); here that is gzip, which the standard
library can do without a dependency that parses hostile input.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from sandbox.bindings.failures import UpstreamInvalid

ACCEPT_ENCODING: Final = b"gzip"
# Decoded bytes handed over at once, whatever the ratio: memory never grows with a bomb.
STEP_BYTES: Final = 64 * 1024
# Past the first of these, a body that keeps unpacking to more than RATIO times its size is a bomb (DEFLATE's own limit is 1032).
FREE_BYTES: Final = 16 * 1024 * 1024
RATIO: Final = 200
_GZIP: Final = 16 + zlib.MAX_WBITS


def decodes(coding: bytes | None) -> bool:
    """Whether `coding`, the value of Content-Encoding, is one that `Gunzip` takes off."""
    return coding is not None and coding.strip().lower() in (b"gzip", b"x-gzip")


class Gunzip:
    """One gzip body, fed in pieces; several members in a row are one body (RFC 1952 §2.2)."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self._member = zlib.decompressobj(_GZIP)
        self._taken = 0
        self._given = 0
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded bytes of `data` in pieces of at most `STEP_BYTES`. Raises `UpstreamInvalid` for a bomb or broken data."""
        self._taken += len(data)
        while data:
            if self._member.eof:
                # Padding after the last member is common and means nothing.
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._member = zlib.decompressobj(_GZIP)
            self._begun = True
            try:
                piece = self._member.decompress(data, STEP_BYTES)
            except zlib.error:
                raise UpstreamInvalid("The response's gzip body is damaged.") from None
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._given += len(piece)
            if self._given > FREE_BYTES and self._given > self._taken * RATIO:
                raise UpstreamInvalid(f"The response's body unpacks to more than {RATIO} times its size.", limit=RATIO)
            if piece:
                yield piece

    def finish(self) -> None:
        """Raise `UpstreamInvalid` if the body ended inside a member. No bytes at all are an empty body."""
        if self._begun and not self._member.eof:
            raise UpstreamInvalid("The response's gzip body ends too early.")
