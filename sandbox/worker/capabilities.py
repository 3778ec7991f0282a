"""Capabilities: what a guest may ask of the host by a binding's name, text in and text out.

Owns the question, the bound on how many one invocation may put, and the metering: the host's work on a question is the guest's CPU time.
Must not know what any capability does; a target carries them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.errors import HostelError
from sandbox.http import Request
from sandbox.protocol import events
from sandbox.protocol.effects import Fields
from sandbox.worker.record import Mark

if TYPE_CHECKING:
    from sandbox.worker.calls import Call
    from sandbox.worker.invocation import Invocation

# Questions of one invocation. They leave no machine, so they are no subrequests.
MAX_QUESTIONS: Final = 1_000
# Of one question; the guest's own bound is lower.
QUESTION_BYTES: Final = 262_144
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One call of a capability: everything but `request` and `note` comes from the guest."""

    method: str
    text: str
    # What the worker is answering.
    request: Request
    # Has a mark kept with the invocation's record; what is beyond the record's bound is dropped there.
    note: Callable[[Mark], None]


# The answer, at once or later; raises `HostelError` for what the guest's code may be told.
Capability = Callable[[Question], str | Awaitable[str]]


Later = Callable[["Invocation", int, Coroutine[Any, Any, None]], "Call"]


def ask(invocation: Invocation, identity: int, binding: str, fields: Fields, later: Later) -> None:
    """Have the capability that a CALL effect names answer; `fields` has the method next.

    `later` makes a call of what does not answer at once. Raises `GuestFault` for an effect that is malformed.
    """
    method, data = fields.text(), fields.bytes()
    invocation.questions += 1
    capability = invocation.target.capabilities.get(binding)
    refusal = ""
    if capability is None:
        refusal = f"There is no binding {binding!r} to call."
    elif invocation.questions > MAX_QUESTIONS:
        refusal = f"Too many calls of bindings by a single invocation (the limit is {MAX_QUESTIONS})."
    elif len(data) > QUESTION_BYTES:
        refusal = f"The call takes {len(data)} bytes, {QUESTION_BYTES} are allowed."
    if capability is None or refusal:
        invocation.post(events.reply(identity, refusal, failed=True))
        return
    before = time.thread_time_ns()
    reply: bytes | None
    try:
        answer = capability(Question(method, data.decode("utf-8", "replace"), invocation.request, invocation.note))
        reply = events.reply(identity, answer) if isinstance(answer, str) else None
    except Exception as error:  # noqa: BLE001 - a fault of the platform must not take the event loop with it
        reply = _failed(identity, error)
    finally:
        invocation.account.used_ns += time.thread_time_ns() - before
    if reply is not None:
        invocation.post(reply)
    else:
        assert not isinstance(answer, str)
        later(invocation, identity, _answered(invocation, identity, answer))


async def _answered(invocation: Invocation, identity: int, answer: Awaitable[str]) -> None:
    try:
        reply = events.reply(identity, await answer)
    except Exception as error:  # noqa: BLE001 - the same
        reply = _failed(identity, error)
    invocation.calls.pop(identity, None)
    invocation.post(reply)


def _failed(identity: int, error: Exception) -> bytes:
    if not isinstance(error, HostelError):
        _log.error("a capability failed", exc_info=error)
        return events.reply(identity, "internal error", failed=True)
    return events.reply(identity, error.message, failed=True)
