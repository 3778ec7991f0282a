"""What a gateway process notes of every invocation.

Owns the ring that stands between the requests and the spool: one append for each invocation, bounded in number and in bytes, and counts of
what found no room. Filled by the event loop, emptied by the spool's thread. Must not encode or write: gateway.spool does, off the path.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from sandbox import HostelError, InvocationError, InvocationRecord, Outcome, Request, StartupFailed, Target
from sandbox.errors import Overloaded
from sandbox.worker.record import URL_CHARACTERS
from telemetry.frames import Owner

# About ten seconds of a process at its busiest.
RECORDS: Final = 65_536
# Console lines and stacks that wait; a record without any is a few hundred bytes.
TEXT_BYTES: Final = 32 * 1024 * 1024

_TOO_MANY: Final = 429
# What the request ids of runs begin with (gateway.running). Those of visitors are hexadecimal.
RUN: Final = "run-"

Noted = tuple[Owner, InvocationRecord]
Listener = Callable[[Owner, InvocationRecord], None]


class Records:
    """The ring of one process."""

    def __init__(self, *, records: int = RECORDS, text_bytes: int = TEXT_BYTES) -> None:
        """Hold at most `records`, and of their text at most `text_bytes`."""
        self._most, self._most_text = records, text_bytes
        # One thread appends and one takes: a deque's ends are atomic, and each counter has one writer.
        self._held: deque[Noted] = deque()
        self._text_in = self._text_out = 0
        self.noted = 0
        # By reason: "ring_full" lost the record, "text_full" only its console lines and stacks.
        self.lost: Counter[str] = Counter()
        # Who waits for the records of a run, by its request id: those are nobody's traffic, and neither counted nor kept.
        self.runs: dict[str, Callable[[InvocationRecord], None]] = {}

    def sink(self, owner: Owner, listener: Listener | None = None) -> Callable[[InvocationRecord], None]:
        """Where the sandbox sends the records of one version; `listener` gets each of them too, with its headers."""
        held, most = self._held, self._most

        def note(record: InvocationRecord) -> None:
            if record.request_id[:4] == RUN:
                if (run := self.runs.get(record.request_id)) is not None:
                    run(record)
                return
            if listener is not None:
                listener(owner, record)
            record.headers = None
            self.noted += 1
            if len(held) >= most:
                self.lost["ring_full"] += 1
                return
            if record.logs or record.exceptions:
                self._weigh(record)
            held.append((owner, record))

        return note

    def take(self, most: int) -> list[Noted]:
        """Up to `most` of what is held, oldest first; it is not held any more. Called by one thread only."""
        held = self._held
        taken = [held.popleft() for _ in range(min(most, len(held)))]
        self._text_out += sum(_weight(record) for _, record in taken if record.logs or record.exceptions)
        return taken

    def __len__(self) -> int:
        """How many are held."""
        return len(self._held)

    def _weigh(self, record: InvocationRecord) -> None:
        size = _weight(record)
        if self._text_in - self._text_out + size > self._most_text:
            self.lost["text_full"] += 1
            record.logs_dropped += sum(len(line.message) for line in record.logs)
            record.logs, record.exceptions = [], []
        else:
            self._text_in += size


def _weight(record: InvocationRecord) -> int:
    return sum(len(line.message) for line in record.logs) + sum(len(thrown.stack) + len(thrown.message) for thrown in record.exceptions)


def refused(target: Target, request: Request, error: HostelError) -> None:
    """Note a request that `target` was chosen for and that never reached it: what an invocation has noted itself is left out."""
    if target.on_finish is None or (isinstance(error, InvocationError) and "attempts" not in error.detail):
        return
    key = target.key
    if isinstance(error, Overloaded) or error.status == _TOO_MANY:
        outcome = Outcome.LOAD_SHED
    elif isinstance(error, InvocationError):
        outcome = error.outcome
    else:
        outcome = Outcome.EXCEPTION if isinstance(error, StartupFailed) else Outcome.INTERNAL_ERROR
    trace_id, span_id, parent_id, _ = request.trace or ("", "", "", "")
    body = request.body
    target.on_finish(
        InvocationRecord(
            tenant=key.tenant, worker=key.worker, version=key.version, variant=key.variant, outcome=outcome, status=error.status, start="",
            cpu_us=0, wall_us=0, memory_bytes=0, subrequests=0, request_bytes=len(body) if isinstance(body, bytes) else 0, response_bytes=0,
            egress_bytes=0, started_ms=time.time() * 1000, entrypoint=target.entrypoint, event=request.event or "fetch",
            method=request.method,
            url=request.url[:URL_CHARACTERS], request_id=request.id, trace_id=trace_id, span_id=span_id, parent_id=parent_id,
            depth=target.depth, error=error.code, headers=request.headers, marks=list(request.marks),
        )
    )  # fmt: skip
