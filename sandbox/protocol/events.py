"""Events: what the host writes into a turn's input. One function a frame, each returning bytes ready to be joined.

Must not keep state; ids and order are the caller's.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable
from itertools import chain
from typing import Final

MODULE, LOAD, REQUEST, BODY, BODY_ERROR, CREDIT, REPLY, FETCH_HEAD, FETCH_ERROR, WAKE, ABORT, NEED_CODE, MAP = range(0x01, 0x0E)
NONE, INLINE, STREAM = range(3)
LAST: Final = 1
EVENT: Final = 1
FAILED: Final = 1
ENTROPY_BYTES: Final = 32
NO_ENTROPY: Final = bytes(ENTROPY_BYTES)

_FRAME = struct.Struct("<IHHI")
_U32 = struct.Struct("<I")
_NOW = struct.Struct("<d")
_pack_u32 = _U32.pack


class Entropy:
    """Keys from the system's generator, fetched for many turns at once. Any thread may take one; a forked process fetches its own."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        """Empty."""
        self._keys: list[bytes] = []
        os.register_at_fork(after_in_child=self._keys.clear)

    def key(self) -> bytes:
        """`ENTROPY_BYTES` that nobody else gets: a list's `pop` gives each element once."""
        try:
            return self._keys.pop()
        except IndexError:
            block = os.urandom(ENTROPY_BYTES * 65)
            self._keys.extend(block[at : at + ENTROPY_BYTES] for at in range(ENTROPY_BYTES, len(block), ENTROPY_BYTES))
            return block[:ENTROPY_BYTES]


_entropy = Entropy()


def prelude(*, now_ms: float | None = None, entropy: bytes | None = None) -> bytes:
    """The head of a turn's input: the wall clock and a new key for the random generator (fresh ones if not given)."""
    return _NOW.pack(time.time() * 1000 if now_ms is None else now_ms) + (_entropy.key() if entropy is None else entropy)


def prelude_keeping_key() -> bytes:
    """The head of a turn that goes on with the key in use."""
    return _NOW.pack(time.time() * 1000) + NO_ENTROPY


def _frame(op: int, identity: int, payload: bytes, flags: int = 0) -> bytes:
    return _FRAME.pack(len(payload), op, flags, identity) + payload


def _run(data: bytes) -> bytes:
    return _pack_u32(len(data)) + data


def header_block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """`name LF value LF name LF value`. Neither may hold a line feed; HTTP parsers and the guest see to that."""
    return b"\n".join(chain.from_iterable(headers))


def module(name: str, kind: int, content: bytes) -> bytes:
    """One module of the worker."""
    return _frame(MODULE, 0, _run(name.encode()) + _pack_u32(kind) + _run(content))


def line_map(name: str, sources: Iterable[str], places: bytes) -> bytes:
    """Where the places of that module lie in the author's files."""
    named = [_run(source.encode() + b"\0") for source in sources]
    return _frame(MAP, 0, _run(name.encode()) + _pack_u32(len(named)) + b"".join(named) + _run(places))


def load(configuration: bytes, env: bytes = b"") -> bytes:
    """Evaluate the main module; `configuration` is the JSON of docs/protocol.md, `LOAD`."""
    return _frame(LOAD, 0, _run(configuration) + _run(env))


def request(  # noqa: PLR0917 - the protocol's fields, in its order
    identity: int,
    method: str,
    url: str,
    headers: Iterable[tuple[bytes, bytes]],
    meta: bytes,
    entrypoint: str,
    body: bytes | None,
    stream: bool,
    event: bool = False,
) -> bytes:
    """A request; `stream` says that BODY frames follow, else `body` is all of it (None: there is none).

    An `event` is none: then `method` is the handler's name and `body` its argument as JSON.
    """
    kind = STREAM if stream else NONE if body is None else INLINE
    block = header_block(headers)
    method_bytes, url_bytes, entry_bytes, content = method.encode(), url.encode(), entrypoint.encode(), body or b""
    payload = b"".join(
        (
            _pack_u32(len(method_bytes)),
            method_bytes,
            _pack_u32(len(url_bytes)),
            url_bytes,
            _pack_u32(len(block)),
            block,
            _pack_u32(len(meta)),
            meta,
            _pack_u32(len(entry_bytes)),
            entry_bytes,
            _pack_u32(kind),
            _pack_u32(len(content)),
            content,
        )
    )
    return _FRAME.pack(len(payload), REQUEST, EVENT if event else 0, identity) + payload


def body(identity: int, chunk: bytes, *, last: bool) -> bytes:
    """Bytes of an inbound body."""
    return _frame(BODY, identity, _run(chunk), LAST if last else 0)


def body_error(identity: int, message: str) -> bytes:
    """An inbound body broke off."""
    return _frame(BODY_ERROR, identity, _run(message.encode()))


def credit(identity: int, count: int) -> bytes:
    """The host takes `count` more bytes of an outbound body."""
    return _frame(CREDIT, identity, _pack_u32(count))


def reply(identity: int, text: str, data: bytes = b"", *, failed: bool = False) -> bytes:
    """The answer to a CALL."""
    return _frame(REPLY, identity, _run(text.encode()) + _run(data), FAILED if failed else 0)


def fetch_head(
    identity: int,
    status: int,
    reason: str,
    url: str,
    *,
    redirected: bool,
    headers: Iterable[tuple[bytes, bytes]],
    content: bytes | None,
    stream: bool,
) -> bytes:
    """The head of a subrequest's response, with its body when that is complete."""
    kind = STREAM if stream else NONE if content is None else INLINE
    parts = (
        _pack_u32(status),
        _run(reason.encode()),
        _run(url.encode()),
        _pack_u32(redirected),
        _run(header_block(headers)),
        _pack_u32(kind),
        _run(content or b""),
    )
    return _frame(FETCH_HEAD, identity, b"".join(parts))


def fetch_error(identity: int, name: str, message: str) -> bytes:
    """A subrequest failed; the guest rejects with an error of that name."""
    return _frame(FETCH_ERROR, identity, _run(name.encode()) + _run(message.encode()))


def wake(identity: int) -> bytes:
    """A timer of the request is due."""
    return _frame(WAKE, identity, b"")


def abort(identity: int) -> bytes:
    """The visitor has gone."""
    return _frame(ABORT, identity, b"")


def need_code(identity: int) -> bytes:
    """The loader's key is not cached: run the factory."""
    return _frame(NEED_CODE, identity, b"")
