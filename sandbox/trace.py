"""W3C trace context: which request of a larger whole an invocation belongs to (https://www.w3.org/TR/trace-context/).

Owns the reading and writing of `traceparent` and the making of ids. Every invocation is one span: what a worker sees in `traceparent` is
its own, so that whoever it hands it on to becomes its child. Must not keep or send anything.
"""

from __future__ import annotations

import os
import random
import re
from typing import Final, NamedTuple, Self

from sandbox.http import Headers

HEADER: Final = b"traceparent"
_SHAPE: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NEVER: Final = b"ff"
_FIRST: Final = b"00"

# Ids have to be different, not secret; the system's generator would cost a call for each request.
_random: Final = random.Random()  # noqa: S311 - see above
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class Trace(NamedTuple):
    """One span: hexadecimal ids of 32, 16 and 16 digits (no parent: empty) and two digits of flags."""

    trace_id: str
    span_id: str
    parent_id: str
    flags: str

    @property
    def header(self) -> bytes:
        """The value of `traceparent` that names this span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode()

    def child(self) -> Self:
        """A new span under this one."""
        return self._replace(span_id=_span(), parent_id=self.span_id)


def begin(header: bytes = b"") -> Trace:
    """A new span under the one that `header` names; of a new trace where it names none that is valid (sampled: everything is kept)."""
    if header:
        found = _SHAPE.fullmatch(header)
        if found is not None:
            version, trace_id, parent_id, flags, more = found.groups()
            known = version != _NEVER and not (version == _FIRST and more is not None)
            if known and trace_id.strip(b"0") and parent_id.strip(b"0"):
                return Trace(trace_id.decode(), _span(), parent_id.decode(), flags.decode())
    return Trace(f"{_random.getrandbits(128) or 1:032x}", _span(), "", "01")


def onward(trace: Trace, headers: Headers) -> Headers:
    """The headers of a subrequest: with `trace` named, unless the guest names a span itself."""
    if any(name.lower() == HEADER for name, _ in headers):
        return headers
    return [*headers, (HEADER, trace.header)]


def _span() -> str:
    return f"{_random.getrandbits(64) or 1:016x}"
