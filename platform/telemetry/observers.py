"""Who waits to hear how far the spool has been read.

Owns the list: rooms above telemetry put themselves on it when they start. Who wants the records themselves is a consumer
(telemetry.consumers).
Must not know what they do.
"""

from __future__ import annotations

from collections.abc import Callable

_READ: list[Callable[[str, float], None]] = []


def observes(read: Callable[[str, float], None]) -> None:
    """Have `read(node, began)` called whenever everything that lay in this machine's spool at `began` (seconds since 1970) has been stored.

    That is a few times a second, in the reader's thread and outside of any transaction.
    """
    if read not in _READ:
        _READ.append(read)


def tell_read(node: str, began: float) -> None:
    """Call everybody who waits."""
    for observer in _READ:
        observer(node, began)
