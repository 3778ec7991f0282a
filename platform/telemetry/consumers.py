"""Who else counts records, besides roll-ups and the ledger.

Owns the list. A consumer is called in the transaction that moves the segment's offset, once for every record that is counted, one call at a
time over all machines: what it writes is exactly once, too. One that fails loses its part of that stretch and nothing else. Must not know
what consumers do: the parts above register themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, transaction

from sandbox.worker.record import InvocationRecord
from telemetry.frames import Owner

log = structlog.get_logger(__name__)

# Records of tenants that exist, in the order of their segment.
Consumer = Callable[[Sequence[tuple[Owner, InvocationRecord]]], None]
_consumers: Final[dict[str, Consumer]] = {}


def consumes(name: str, consumer: Consumer) -> None:
    """Register a consumer under a name, by which its losses are counted."""
    _consumers[name] = consumer


def consume(records: Sequence[tuple[Owner, InvocationRecord]]) -> Counter[str]:
    """Have every consumer count `records`; what was lost, by reason. Raises what a database raises that is not there any more."""
    lost: Counter[str] = Counter()
    for name, consumer in _consumers.items():
        try:
            with transaction.atomic():
                consumer(records)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("a consumer of records failed", consumer=name)
            lost[f"{name}_failed"] += len(records)
    return lost
