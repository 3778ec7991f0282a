"""gzip and deflate, a piece at a time, for CompressionStream and DecompressionStream.

Owns the state between the pieces, which lives and dies with its invocation. Must not give more than `PIECE_BYTES` for a question: what
comes after is asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.webcrypto.failures import OPERATION, CryptoFailed

PIECE_BYTES: Final = 128 * 1024
# A compressor has a quarter of a MiB of tables.
MOST_CODECS: Final = 32
_WINDOW: Final[Mapping[str, int]] = {"gzip": 31, "deflate": 15, "deflate-raw": -15}

Answer = tuple[str, bytes]


def _wrong(message: str) -> CryptoFailed:
    return CryptoFailed("TypeError", message)


class _Compressor:
    __slots__ = ("_codec", "_rest")

    def __init__(self, window: int) -> None:
        self._codec = zlib.compressobj(wbits=window)
        self._rest = b""

    def step(self, data: bytes, *, last: bool) -> tuple[bytes, bool]:
        """(a piece, whether there is more). With `last` and no data it is only the rest that is asked for."""
        if data or not self._rest:
            self._rest += self._codec.compress(data) + (self._codec.flush() if last else b"")
        piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
        return piece, bool(self._rest)


class _Decompressor:
    __slots__ = ("_codec", "_rest", "_surplus")

    def __init__(self, window: int) -> None:
        self._codec = zlib.decompressobj(wbits=window)
        self._rest = b""
        # There was something behind the end; what came before it is given first.
        self._surplus = False

    def step(self, data: bytes, *, last: bool) -> tuple[bytes, bool]:
        codec = self._codec
        if self._surplus or (codec.eof and data):
            raise _wrong("There is data behind the end of the compressed data.")
        try:
            piece = codec.decompress(self._rest + data, PIECE_BYTES)
        except zlib.error:
            raise _wrong("The compressed data is not valid.") from None
        self._rest = codec.unconsumed_tail
        self._surplus = bool(codec.unused_data)
        # A full piece may leave something inside the codec though all input is taken.
        more = self._surplus or bool(self._rest) or (len(piece) == PIECE_BYTES and not codec.eof)
        if last and not more and not codec.eof:
            raise _wrong("The compressed data ends too early.")
        return piece, more


_KINDS: Final[Mapping[str, Callable[[int], _Compressor | _Decompressor]]] = {"compress": _Compressor, "decompress": _Decompressor}
OPERATIONS: Final = frozenset({*_KINDS, "discard"})


class Codecs:
    """The codecs of one invocation, by the guest's numbers."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        """None are open."""
        self._open: dict[int, _Compressor | _Decompressor] = {}

    def operation(self, name: str) -> Callable[[Mapping[str, Any], list[bytes]], Answer]:
        """What answers the operation `name`, one of `OPERATIONS`."""
        return self._discard if name == "discard" else lambda parameters, blobs: self._step(name, parameters, blobs[0])

    def _discard(self, parameters: Mapping[str, Any], _: list[bytes]) -> Answer:
        self._open.pop(int(parameters["id"]), None)
        return "", b""

    def _step(self, name: str, parameters: Mapping[str, Any], data: bytes) -> Answer:
        identity, last = int(parameters["id"]), bool(parameters["last"])
        codec = self._open.get(identity)
        if codec is None:
            if len(self._open) >= MOST_CODECS:
                raise CryptoFailed(OPERATION, f"More than {MOST_CODECS} compression streams are open.")
            codec = self._open[identity] = _KINDS[name](_WINDOW[str(parameters["format"])])
        try:
            piece, more = codec.step(data, last=last)
        except CryptoFailed:
            del self._open[identity]
            raise
        if last and not more:
            del self._open[identity]
        return "more" if more else "", piece
