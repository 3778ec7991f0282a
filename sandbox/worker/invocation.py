"""An invocation: one request from the moment an isolate takes it to its last waitUntil promise.

Owns the request's state: the response, console lines, exceptions, calls under way, timers, limits. Must not run turns (the isolate
does) nor make calls itself (`calls` does).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox import errors
from sandbox.http import Request, Response
from sandbox.outcome import Outcome
from sandbox.protocol import effects, events
from sandbox.protocol.effects import Fields
from sandbox.scheduler.account import Account
from sandbox.scheduler.scheduler import Stop, Stopped
from sandbox.worker.calls import Call, Calls
from sandbox.worker.record import (
    LEVELS,
    MARKS,
    MESSAGE_CHARACTERS,
    STACK_CHARACTERS,
    URL_CHARACTERS,
    InvocationRecord,
    LogLine,
    Mark,
    Thrown,
)
from sandbox.worker.streams import GuestBody, HostFeed

if TYPE_CHECKING:
    from sandbox.webcrypto.codecs import Codecs
    from sandbox.worker.isolate import Isolate
    from sandbox.worker.target import Target

# What may go on after the visitor has left or the wall time is over, for waitUntil promises (Workers: 30 s).
GRACE_SECONDS: Final = 30.0
KEPT_EXCEPTIONS: Final = 20

_WHERE: Final[tuple[Literal["handler", "waitUntil", "rejection", "startup"], ...]] = ("handler", "waitUntil", "rejection", "startup")
_BY_STOP: Final = {
    Stop.CPU: errors.CpuExceeded,
    Stop.MEMORY: errors.MemoryExceeded,
    Stop.STACK: errors.StackExhausted,
    Stop.FAULT: errors.WorkerThrew,
    Stop.CANCELLED: errors.IsolateLost,
}


_UNTRACED: Final = ("", "", "", "")


class Lost(Exception):
    """The isolate was lost to another request before anything of this one could be seen: it may be tried again."""


class Invocation:
    """One request in one isolate."""

    __slots__ = (
        "_body",
        "_feed",
        "_grace",
        "_loop",
        "_started_ns",
        "_timer",
        "_wall",
        "account",
        "attempt_safe",
        "calls",
        "codecs",
        "egress_bytes",
        "error",
        "exceptions",
        "finished",
        "head",
        "identity",
        "isolate",
        "keyed",
        "log_bytes",
        "logs",
        "logs_dropped",
        "marks",
        "marks_dropped",
        "on_over",
        "outcome",
        "questions",
        "request",
        "request_bytes",
        "response_bytes",
        "start",
        "status",
        "subrequests",
        "target",
    )

    def __init__(self, target: Target, request: Request, isolate: Isolate, start: Literal["cold", "warm"], calls: Calls) -> None:
        """Take the request into `isolate`; nothing runs until `begin`."""
        self._loop = asyncio.get_running_loop()
        self.target, self.request, self.isolate, self.start = target, request, isolate, start
        limits = target.limits
        self.account = Account(target.key.tenant, limits.cpu_ms * 1_000_000, weight=target.weight)
        self.head: asyncio.Future[Response] = self._loop.create_future()
        self.calls: dict[int, Call] = calls.open(self)
        # Open compression streams, once there are any.
        self.codecs: Codecs | None = None
        self.identity = isolate.admit(self)
        self.keyed = self.finished = False
        # Called once when everything is over, with nothing: room for the tenant's next request.
        self.on_over: Callable[[], None] | None = None
        # Nothing outside has seen this request yet.
        self.attempt_safe = not hasattr(request.body, "__anext__")
        self.outcome, self.status, self.error, self.subrequests = Outcome.OK, 0, "", 0
        self.logs: list[LogLine] = []
        self.exceptions: list[Thrown] = []
        self.log_bytes = self.logs_dropped = 0
        # Those of the request, and what capabilities add; a list of its own once something is added.
        self.marks: Sequence[Mark] = request.marks
        self.marks_dropped = self.questions = 0
        self.request_bytes = self.response_bytes = self.egress_bytes = 0
        self._started_ns = time.monotonic_ns()
        self._body: GuestBody | None = None
        self._feed: HostFeed | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._wall = self._loop.call_later(limits.wall_ms / 1000, self._on_wall)

    def begin(self) -> None:
        """Hand the request to the guest. When its first slice is enough, `head` is done on return."""
        request, body = self.request, self.request.body
        stream = None if body is None or isinstance(body, bytes) else body
        if isinstance(body, bytes):
            self.request_bytes = len(body)
        if stream is not None:
            # Before the first turn: a guest that waits for its body is not stuck.
            self._feed = HostFeed(self.identity, stream, self.post, self.isolate_rest)
        self.post(
            events.request(
                self.identity, request.event or request.method, request.url, request.headers, self.target.meta_json, self.target.entrypoint,
                body if isinstance(body, bytes) else None, stream is not None, request.event != "",
            )
        )  # fmt: skip
        if request.disconnected is not None and not self.head.done():
            request.disconnected.add_done_callback(self._on_disconnect)

    def post(self, frame: bytes) -> None:
        """Send a frame to the guest as part of this invocation."""
        self.isolate.post(self, frame)

    def isolate_rest(self) -> None:
        """Something this invocation waited for has ended without a frame: look again whether it can go on at all."""
        if not self.finished and not self.isolate.busy and not self.isolate.dead:
            self.isolate.look()

    @property
    def waiting(self) -> bool:
        """Whether anything outside may still bring this invocation forward."""
        if self.calls or self._timer is not None:
            return True
        if self._feed is not None and not self._feed.done and not self._feed.stalled:
            return True
        return self._body is not None and not self._body.ended and self._body.wants_reader

    # Effects

    def on_effect(self, frame: effects.Frame) -> None:
        """One effect with this request's id (or 0)."""
        handler = _EFFECTS.get(frame.op)
        if handler is None:
            raise errors.GuestFault(f"The guest left an effect {frame.op:#x} that has no place here.")
        handler(self, frame)

    def on_call_effect(self, frame: effects.Frame) -> None:
        """One effect with a call's id."""
        call = self.calls.get(frame.id)
        if frame.op == effects.FETCH:
            self.attempt_safe = False
            self.subrequests += 1
            self.target.calls.make(self, frame)
        elif frame.op == effects.CALL:
            self.attempt_safe = False
            self.target.calls.ask(self, frame)
        elif call is not None:
            call.on_effect(frame)

    def _on_response(self, frame: effects.Frame) -> None:
        fields = Fields(frame.payload)
        status, reason, headers = fields.number(), fields.text(), fields.headers()
        kind, content = fields.number(), fields.bytes()
        if not 200 <= status <= 599:  # noqa: PLR2004 - the Fetch standard's range
            raise errors.GuestFault(f"The guest answered with status {status}.")
        if self.head.done():
            return
        self.status = status
        self.response_bytes = len(content)
        body: bytes | GuestBody = content
        if kind == events.STREAM:
            body = self._body = GuestBody(self.identity, self.post, self._on_reader_gone, self.isolate_rest)
        response = Response(status, reason, headers, body, self.start, self.target.key.text)
        response._close = self._close_response  # noqa: SLF001 - the response is this invocation's own
        self.head.set_result(response)

    def _on_body(self, frame: effects.Frame) -> None:
        if self._body is not None:
            self._body.push(Fields(frame.payload).bytes(), last=bool(frame.flags & effects.LAST))

    def _on_body_error(self, frame: effects.Frame) -> None:
        if self._body is not None:
            self._body.fail(Fields(frame.payload).text())
            self.outcome = Outcome.RESPONSE_STREAM_DISCONNECTED

    def _on_pull(self, frame: effects.Frame) -> None:
        if self._feed is not None:
            self._feed.pull(Fields(frame.payload).number())

    def _on_cancel(self, _: effects.Frame) -> None:
        if self._feed is not None:
            self._feed.cancel()

    def _on_done(self, _: effects.Frame) -> None:
        if not self.head.done():
            self.fail(errors.WorkerHung())
        self.finish()

    def _on_exception(self, frame: effects.Frame) -> None:
        fields = Fields(frame.payload)
        name, message, stack = fields.text()[:MESSAGE_CHARACTERS], fields.text()[:MESSAGE_CHARACTERS], fields.text()[:STACK_CHARACTERS]
        thrown = Thrown(time.time() * 1000, name, message, stack, _WHERE[min(frame.flags, 3)])
        if len(self.exceptions) < KEPT_EXCEPTIONS:
            self.exceptions.append(thrown)
        if frame.flags != effects.FROM_HANDLER:
            return
        if thrown.message == effects.HUNG_MESSAGE:
            self.fail(errors.WorkerHung())
        elif not self.head.done():
            self.fail(errors.WorkerThrew(exception=thrown.name, exception_message=thrown.message))
        elif self.outcome is Outcome.OK:
            self.outcome = Outcome.EXCEPTION

    def _on_log(self, frame: effects.Frame) -> None:
        fields = Fields(frame.payload)
        level, timestamp, message = fields.number(), fields.real(), fields.text()
        self.log_bytes += len(message)
        if self.log_bytes > self.target.limits.log_bytes:
            self.logs_dropped += len(message)
        else:
            self.logs.append(LogLine(timestamp, LEVELS[min(level, 4)], message))

    def _on_wake_at(self, frame: effects.Frame) -> None:
        due = Fields(frame.payload).real()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due < float("inf"):
            # A little later than asked: a timer that fires early finds the guest's clock short of its time.
            delay = max(0.0, due / 1000 - time.time() + 0.0005)
            self._timer = self._loop.call_later(min(delay, 86_400.0), self._on_timer)

    def note(self, mark: Mark) -> None:
        """Keep a mark with the record; the same one twice is one, and what is beyond the bound is counted only."""
        if mark in self.marks:
            return
        if len(self.marks) >= MARKS:
            self.marks_dropped += 1
        else:
            self.marks = [*self.marks, mark]

    # What happens to it from outside

    def _on_timer(self) -> None:
        self._timer = None
        self.post(events.wake(self.identity))

    def _on_wall(self) -> None:
        self.fail(errors.WallTimeExceeded(limit=self.target.limits.wall_ms))
        self._abandon(0.0)

    def _on_disconnect(self, _: Any) -> None:
        if self.finished:
            return
        self.fail(errors.VisitorLeft())
        self._abandon(GRACE_SECONDS)

    def _on_reader_gone(self) -> None:
        if not self.finished:
            if self.outcome is Outcome.OK:
                self.outcome = Outcome.CANCELED
            self._abandon(GRACE_SECONDS)

    async def _close_response(self) -> None:
        if self._body is not None:
            await self._body.aclose()

    def _abandon(self, grace: float) -> None:
        """Abort it in the guest and give what it still has to do `grace` seconds."""
        isolate = self.isolate
        if isolate.running is self and len(isolate.inflight) == 1:
            # It is computing, and a turn cannot be told anything: nobody waits for what it would find, and nobody else is in there.
            isolate.kill()
            return
        self.post(events.abort(self.identity))
        if not self.finished and self._grace is None:
            self._grace = self._loop.call_later(grace, self._drop)

    def _drop(self) -> None:
        """It did not end by itself: its isolate takes no more requests and is closed when no other is left in it."""
        if self.finished:
            return
        isolate = self.isolate
        isolate.retired = True
        alone = len(isolate.inflight) == 1 or isolate.running is self
        self.finish()
        if alone:
            isolate.kill()

    def on_stopped(self, stopped: Stopped) -> None:
        """The turn of this invocation was stopped; its instance is gone."""
        limits = self.target.limits
        detail: dict[str, Any] = {}
        if stopped.stop is Stop.CPU:
            detail = {"limit": limits.cpu_ms, "used_us": self.account.used_us}
        elif stopped.stop is Stop.MEMORY:
            detail = {"limit": limits.memory_bytes}
        elif stopped.stop is Stop.FAULT:
            self.exceptions.append(Thrown(time.time() * 1000, "Error", "The isolate trapped.", stopped.message, "handler"))
        self.fail(_BY_STOP[stopped.stop](**detail))
        self.finish()

    def on_lost(self) -> None:
        """The isolate was lost to another request."""
        if self.attempt_safe and not self.head.done():
            self.finished = True
            self._release()
            self.head.set_exception(Lost())
            return
        self.fail(errors.IsolateLost())
        self.finish()

    def fail(self, error: errors.InvocationError) -> None:
        """The visitor gets `error` if nothing was answered yet; a body under way breaks off."""
        if self.outcome is Outcome.OK or not self.head.done():
            self.outcome, self.error = error.outcome, error.code
        if not self.head.done():
            self.status = error.status
            self.head.set_exception(error)
        elif self._body is not None and not self._body.ended:
            self._body.fail(error.message)

    def hung(self) -> None:
        """Nothing can bring it forward any more (the isolate found out)."""
        if not self.head.done():
            self.fail(errors.WorkerHung())
        elif self._body is not None and not self._body.ended:
            self._body.fail("The script will never finish this response.")
            self.outcome = Outcome.RESPONSE_STREAM_DISCONNECTED
        # Its promises are still there: the isolate is not used again.
        self.isolate.retired = True
        self.finish()

    def finish(self) -> None:
        """Settle the books and say so."""
        if self.finished:
            return
        self.finished = True
        if not self.head.done():
            self.fail(errors.WorkerHung())
        if self.head.done() and not self.head.cancelled():
            # Nobody may be waiting any more; an exception that is never fetched is not an error.
            self.head.exception()
        self._release()
        self.isolate.dismiss(self.identity)
        if self.on_over is not None:
            self.on_over()
        if self.target.on_finish is not None:
            self.target.on_finish(self._record())

    def _release(self) -> None:
        self._wall.cancel()
        for timer in (self._timer, self._grace):
            if timer is not None:
                timer.cancel()
        if self._feed is not None:
            self._feed.cancel()
        for call in list(self.calls.values()):
            call.cancel()
        self.calls.clear()
        self.codecs = None

    def _record(self) -> InvocationRecord:
        key, request, body = self.target.key, self.request, self._body
        wall_us = (time.monotonic_ns() - self._started_ns) // 1000
        trace_id, span_id, parent_id, _ = request.trace or _UNTRACED
        # By position, in the order of the fields: names would cost a microsecond of every request.
        return InvocationRecord(
            key.tenant, key.worker, key.version, key.variant, self.outcome, self.status, self.start, self.account.used_us, wall_us,
            0 if self.isolate.dead else self.isolate.instance.memory, self.subrequests,
            self.request_bytes if self._feed is None else self._feed.sent, self.response_bytes if body is None else body.received,
            self.egress_bytes, time.time() * 1000 - wall_us / 1000, self.target.entrypoint, request.event or "fetch", request.method,
            request.url[:URL_CHARACTERS], request.id, trace_id, span_id, parent_id, self.target.depth, self.error, self.logs,
            self.logs_dropped, self.exceptions, request.headers, list(self.marks), self.marks_dropped,
        )  # fmt: skip


_EFFECTS: Final = {
    effects.RESPONSE: Invocation._on_response,  # noqa: SLF001
    effects.BODY: Invocation._on_body,  # noqa: SLF001
    effects.BODY_ERROR: Invocation._on_body_error,  # noqa: SLF001
    effects.PULL: Invocation._on_pull,  # noqa: SLF001
    effects.CANCEL: Invocation._on_cancel,  # noqa: SLF001
    effects.DONE: Invocation._on_done,  # noqa: SLF001
    effects.EXCEPTION: Invocation._on_exception,  # noqa: SLF001
    effects.LOG: Invocation._on_log,  # noqa: SLF001
    effects.WAKE_AT: Invocation._on_wake_at,  # noqa: SLF001
}
