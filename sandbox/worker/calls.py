"""Calls: what a guest asks of the outside while it serves a request.

Owns the life of one subrequest, from its FETCH effect to the last byte of its response, and the limit on their number. Must not
know how the internet, a dynamic worker or another worker is reached: it is given that.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from sandbox.bindings.failures import FetchFailed
from sandbox.bindings.fetch import Outbound, OutboundRequest
from sandbox.bindings.wire import loops_of
from sandbox.errors import HostelError
from sandbox.http import Headers, Request
from sandbox.protocol import effects, events
from sandbox.protocol.effects import Fields
from sandbox.trace import onward
from sandbox.webcrypto.service import Cryptographer
from sandbox.worker import capabilities, dispatching
from sandbox.worker.record import URL_CHARACTERS, HostCall
from sandbox.worker.streams import BodyBroken, GuestBody, HostFeed

if TYPE_CHECKING:
    from sandbox.worker.invocation import Invocation

# Requests may pass through so many workers by service and loader calls (Workers: 32 invocations for a request).
MAX_DEPTH: Final = 16
# The event that calls a method (docs/protocol.md, "Calls of methods").
RPC: Final = "rpc"
_log: Final = logging.getLogger(__name__)
_NO_BODY: Final = frozenset({101, 103, 204, 205, 304})
_NO_INTERNET: Final = (
    "This worker is not permitted to access the internet via global functions like fetch(). "
    "It must use capabilities (such as bindings in 'env') to talk to the outside world."
)


class CallRefused(HostelError):
    """The call cannot be made."""

    code = "call_refused"
    status = 400
    fault = "tenant"


def of_child(error: HostelError) -> str:
    """What the parent's code may know: the child's own exception, or which limit it passed."""
    thrown = error.detail.get("exception_message")
    return str(thrown) if thrown is not None else error.message


class Answer:
    """The response to a subrequest, wherever it came from."""

    __slots__ = ("body", "headers", "reason", "redirected", "status", "url")

    def __init__(
        self, status: int, reason: str, url: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, redirected: bool = False
    ) -> None:
        """Plain values; `body` is closed by whoever reads it."""
        self.status, self.reason, self.url, self.headers, self.body, self.redirected = status, reason, url, headers, body, redirected


class Call:
    """One subrequest under way."""

    __slots__ = ("_task", "body", "code", "egress", "feed", "identity", "invocation")

    def __init__(self, identity: int, invocation: Invocation) -> None:
        """Nothing has been sent yet."""
        self.identity, self.invocation = identity, invocation
        self.body: GuestBody | None = None
        self.feed: HostFeed | None = None
        # Whether what it sends leaves for the internet, and counts as such.
        self.egress = False
        # The answer to NEED_CODE.
        self.code: asyncio.Future[effects.Frame] | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self, work: Awaitable[None]) -> None:
        """Carry it out in a task of its own."""
        self._task = asyncio.ensure_future(_as_coroutine(work))

    def on_effect(self, frame: effects.Frame) -> None:
        """An effect with this call's id."""
        if frame.op == effects.BODY and self.body is not None:
            chunk = Fields(frame.payload).bytes()
            if self.egress:
                self.invocation.egress_bytes += len(chunk)
            self.body.push(chunk, last=bool(frame.flags & effects.LAST))
        elif frame.op == effects.BODY_ERROR and self.body is not None:
            self.body.fail(Fields(frame.payload).text())
        elif frame.op == effects.PULL and self.feed is not None:
            self.feed.pull(Fields(frame.payload).number())
        elif frame.op == effects.CANCEL:
            self.cancel()
            self.end()
        elif frame.op == effects.CODE and self.code is not None and not self.code.done():
            self.code.set_result(frame)

    async def ask_code(self) -> effects.Frame:
        """Have the guest run the loader's factory; its CODE effect. Cancelled with the invocation."""
        self.code = asyncio.get_running_loop().create_future()
        self.invocation.post(events.need_code(self.identity))
        return await self.code

    def end(self) -> None:
        """Over: the invocation no longer waits for it."""
        self.invocation.calls.pop(self.identity, None)
        self.invocation.isolate_rest()

    def cancel(self) -> None:
        """Break it off."""
        if self._task is not None:
            self._task.cancel()
        if self.feed is not None:
            self.feed.cancel()
        if self.code is not None:
            self.code.cancel()


def _later(invocation: Invocation, identity: int, work: Coroutine[Any, Any, None]) -> Call:
    """A call that waits for an answer which is still being found."""
    call = invocation.calls[identity] = Call(identity, invocation)
    call.run(work)
    return call


def _named(target: str) -> tuple[str, str]:
    """The kind of a call and its binding, of a FETCH effect's target."""
    try:
        spec = json.loads(target) if target else {"kind": "internet"}
    except ValueError:
        return "", ""
    return str(spec.get("kind", ""))[:32], str(spec.get("binding") or "")[:256]


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


Reach = Callable[[Call, dict[str, Any], Request], Awaitable[Answer]]


class Calls:
    """Makes the calls of all invocations of one process."""

    def __init__(self, outbound: Outbound | None, loader: Reach, cryptographer: Cryptographer) -> None:
        """`outbound` reaches the internet (None: nothing does); `loader` reaches dynamic workers."""
        self._outbound, self._loader, self._cryptographer = outbound, loader, cryptographer

    @staticmethod
    def open(_: Invocation) -> dict[int, Call]:
        """The book of an invocation's calls."""
        return {}

    def make(self, invocation: Invocation, frame: effects.Frame) -> None:
        """Start the call that a FETCH effect asks for. Raises `GuestFault` for one that is malformed."""
        fields = Fields(frame.payload)
        fields.number()
        target, method, url, headers = fields.text(), fields.text(), fields.text(), fields.headers()
        redirect, kind, content = fields.text(), fields.number(), fields.bytes()
        limit = invocation.target.limits.subrequests
        if invocation.subrequests > limit:
            invocation.post(
                events.fetch_error(frame.id, "Error", f"Too many subrequests by single Worker invocation (the limit is {limit}).")
            )
            return
        call = Call(frame.id, invocation)
        invocation.calls[frame.id] = call
        trace = invocation.request.trace
        if target:
            # Another worker is a span of its own; the internet is told ours.
            trace = trace and trace.child()
        else:
            call.egress = True
        if trace is not None:
            headers = onward(trace, headers)
        body: bytes | GuestBody | None = content if kind == events.INLINE else None
        if kind == events.STREAM:
            body = call.body = GuestBody(frame.id, invocation.post, lambda: None, lambda: None)
        asker = invocation.request
        request = Request(method, url, headers, body, id=asker.id, trace=trace, follows=asker.follows)
        call.run(self._carry_out(call, target, request, redirect))

    def ask(self, invocation: Invocation, frame: effects.Frame) -> None:
        """Put the question of a CALL effect; without a binding it is for cryptography. Raises `GuestFault` for one that is malformed."""
        fields = Fields(frame.payload)
        fields.number()
        binding = fields.text()
        if binding:
            capabilities.ask(invocation, frame.id, binding, fields, _later)
        else:
            self._cryptographer.ask(invocation, frame.id, fields, _later)

    async def _carry_out(self, call: Call, target: str, request: Request, redirect: str) -> None:
        try:
            watch = call.invocation.target.on_call
            if watch is None:
                answer = await self._reach(call, target, request, redirect)
            else:
                answer = await self._watched(watch, call, target, request, redirect)
        except FetchFailed as failure:
            self._refuse(call, failure.name, failure.message)
        except HostelError as error:
            # A method's own exception keeps its name; a failed fetch is an Error, as on Workers.
            name = str(error.detail.get("exception") or "Error") if request.event == RPC else "Error"
            self._refuse(call, name, of_child(error))
        except BodyBroken as broken:
            self._refuse(call, "Error", str(broken))
        except asyncio.CancelledError:
            # The invocation is over, or the code this waited for will never come.
            if call.identity in call.invocation.calls:
                self._refuse(call, "Error", "The call was broken off.")
            raise
        except Exception:  # noqa: BLE001 - see below
            # The guest must not wait for ever for what a fault of the platform has swallowed.
            _log.exception("a subrequest failed")
            self._refuse(call, "Error", "internal error")
        else:
            self._deliver(call, answer)

    async def _watched(self, watch: Callable[[HostCall], None], call: Call, target: str, request: Request, redirect: str) -> Answer:
        """`_reach`, told to whoever watches the invocation."""
        began, started_ms, status, error = time.monotonic_ns(), time.time() * 1000, 0, ""
        try:
            answer = await self._reach(call, target, request, redirect)
            status = answer.status
        except FetchFailed as failure:
            error = failure.message
            raise
        except HostelError as failure:
            error = of_child(failure)
            raise
        except BaseException as failure:
            error = str(failure) or type(failure).__name__
            raise
        else:
            return answer
        finally:
            kind, binding = _named(target)
            wall_ms = (time.monotonic_ns() - began) / 1e6
            watch(
                HostCall(kind, binding, request.method, request.url[:URL_CHARACTERS], status, started_ms, wall_ms, error[:URL_CHARACTERS])
            )

    async def _reach(self, call: Call, target: str, request: Request, redirect: str) -> Answer:
        invocation = call.invocation
        if not target:
            worker = invocation.target.outbound_worker
            if worker is None or not invocation.target.outbound:
                return await self._internet(invocation, request, redirect)
            self._require_depth(invocation)
            response, url, redirected = await dispatching.through(worker, request, redirect)
            return Answer(response.status, response.reason, url, response.headers, response.body, redirected=redirected)
        try:
            spec = json.loads(target)
        except ValueError:
            raise CallRefused("The call's target is not JSON.") from None
        self._require_depth(invocation)
        kind, binding = spec.get("kind"), str(spec.get("binding"))
        if spec.get("rpc") is True:
            request.event = RPC
        if kind in {"loader", "self"}:
            return await self._loader(call, spec, request)
        if kind == "service" and (service := invocation.target.services.get(binding)) is not None:
            response = await service(request)
        elif kind == "dispatch" and (dispatcher := invocation.target.dispatchers.get(binding)) is not None:
            response = await dispatcher(dispatching.wanted(spec), request)
        else:
            raise CallRefused(f"There is no binding {binding!r} to call.")
        return Answer(response.status, response.reason, request.url, response.headers, response.body)

    @staticmethod
    def _require_depth(invocation: Invocation) -> None:
        if invocation.target.depth >= MAX_DEPTH:
            raise CallRefused(f"Subrequest depth limit exceeded ({MAX_DEPTH} workers in a row).", limit=MAX_DEPTH)

    async def _internet(self, invocation: Invocation, request: Request, redirect: str) -> Answer:
        if self._outbound is None or not invocation.target.outbound:
            raise CallRefused(_NO_INTERNET)
        loops = loops_of(invocation.request.headers)
        call = OutboundRequest(request.method, request.url, request.headers, redirect, request.body, invocation.target.key.tenant, loops)
        response = await self._outbound.fetch(call)
        if isinstance(request.body, bytes):
            invocation.egress_bytes += len(request.body)
        return Answer(response.status, response.reason, response.url, response.headers, response.body, redirected=response.redirected)

    @staticmethod
    def _refuse(call: Call, name: str, message: str) -> None:
        call.invocation.calls.pop(call.identity, None)
        call.invocation.post(events.fetch_error(call.identity, name, message))

    @staticmethod
    def _deliver(call: Call, answer: Answer) -> None:
        invocation, body = call.invocation, answer.body
        stream = not isinstance(body, bytes) and answer.status not in _NO_BODY
        if stream:
            assert not isinstance(body, bytes)
            call.feed = HostFeed(call.identity, body, invocation.post, call.end)
        else:
            invocation.calls.pop(call.identity, None)
        invocation.post(
            events.fetch_head(
                call.identity, answer.status, answer.reason, answer.url, redirected=answer.redirected, headers=answer.headers,
                content=body if isinstance(body, bytes) and answer.status not in _NO_BODY else None, stream=stream,
            )
        )  # fmt: skip
