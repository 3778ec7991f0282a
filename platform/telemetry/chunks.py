"""Records as they are kept: compressed by the hundred, because a row for each would cost more than the request it speaks of.

Owns the encoding of a chunk and what is said beside it. Must not search: telemetry.search does.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from sandbox.outcome import Outcome
from sandbox.worker.record import LEVELS, InvocationRecord
from telemetry.models import Chunk

# Of one chunk: what a search decodes at once.
RECORDS: Final = 1_000
TEXT_BYTES: Final = 1024 * 1024
LEVEL_BITS: Final = {level: 1 << at for at, level in enumerate(LEVELS)}
PREFIX_DIGITS: Final = 12
_NUMBERS: Final = 1 << 32
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{20}")

_NO_FAILURE: Final = frozenset((Outcome.OK, Outcome.CANCELED))

# The deployed version, which for a dynamic worker is not the record's own.
Kept = tuple[str, InvocationRecord]
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Kept]).decode


def chunks_of(records: Iterable[Kept]) -> Iterator[list[Kept]]:
    """The records in portions that make one chunk each."""
    portion: list[Kept] = []
    text = 0
    for kept in records:
        logs = kept[1].logs
        size = sum(len(line.message) for line in logs) if logs else 0
        if portion and (len(portion) >= RECORDS or text + size > TEXT_BYTES):
            yield portion
            portion, text = [], 0
        portion.append(kept)
        text += size
    if portion:
        yield portion


def made(records: Sequence[Kept], *, tenant_id: int, worker_id: int, process: str, kept: bool, now: int, node: str = "") -> Chunk:
    """The row for a portion of records, not saved."""
    data = zlib.compress(_encode(records), 1)
    first, last = _numbers_of([record.request_id for _, record in records])
    started = [record.started_ms for _, record in records]
    levels = 0
    for level in {line.level for _, record in records if record.logs for line in record.logs}:
        levels |= LEVEL_BITS.get(level, 0)
    failed = any(outcome not in _NO_FAILURE for outcome in {record.outcome for _, record in records})
    return Chunk(
        tenant_id=tenant_id, worker_id=worker_id, node=node[:100], process=process[:16],
        first_number=first, last_number=last, first_ms=int(min(started)),
        last_ms=int(max(started)) + 1, count=len(records), levels=levels, failed=failed, kept=kept, stored=now, size=len(data), data=data,
    )  # fmt: skip


def records_of(chunk: Chunk) -> list[Kept]:
    """What a row holds."""
    return _decode(zlib.decompress(chunk.data))


def number_of(request_id: str) -> int | None:
    """What a request id ends with; None for what is no id of a gateway's."""
    return int(request_id[PREFIX_DIGITS:], 16) if _REQUEST_ID.fullmatch(request_id) else None


def _numbers_of(ids: Sequence[str]) -> tuple[int, int]:
    """The least and the greatest number among request ids."""
    least, greatest = min(ids), max(ids)
    if least[:PREFIX_DIGITS] == greatest[:PREFIX_DIGITS] and _REQUEST_ID.fullmatch(least) and _REQUEST_ID.fullmatch(greatest):
        # What lies between two ids of one process is in the order of its number: no other has to be read.
        first, last = int(least[PREFIX_DIGITS:], 16), int(greatest[PREFIX_DIGITS:], 16)
    else:
        numbers = [number for each in ids if (number := number_of(each)) is not None]
        first, last = (min(numbers), max(numbers)) if numbers else (0, 0)
    # Where they lie far apart, the process's counter has begun again.
    return (first, last) if last - first <= _NUMBERS // 2 else (0, _NUMBERS - 1)


def is_failure(record: InvocationRecord) -> bool:
    """Whether it counts as an error: everything but success and a visitor who left."""
    return record.outcome not in _NO_FAILURE
