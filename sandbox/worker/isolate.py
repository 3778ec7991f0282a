"""An isolate: one live instance and the requests it is serving.

Owns the mailbox (frames waiting for their turn), the routing of effects to invocations, and the end of an instance. Every turn belongs to
one invocation, which pays for it. Must not decide which isolate serves which request: that is the pool's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sandbox.errors import GuestFault
from sandbox.protocol import effects, events
from sandbox.scheduler.scheduler import Result, Stop, Stopped

if TYPE_CHECKING:
    from sandbox.engine.instance import Instance
    from sandbox.scheduler.scheduler import Scheduler
    from sandbox.worker.invocation import Invocation

# Frames of one invocation are put into one turn up to this many bytes.
TURN_BYTES: Final = 262_144
# Outboxes above this are worth metering the host's work on them.
METERED_BYTES: Final = 8_192


class Isolate:
    """Serves any number of interleaved requests, one turn at a time."""

    __slots__ = (
        "_mail",
        "_next",
        "_on_rest",
        "_retire",
        "_running",
        "_scheduler",
        "_turn_of",
        "dead",
        "inflight",
        "instance",
        "retired",
        "served",
        "since",
    )

    def __init__(
        self, instance: Instance, scheduler: Scheduler, on_rest: Callable[[Isolate], None], retire: Callable[[Instance], None]
    ) -> None:
        """Take over an instance whose top level has run.

        `on_rest` is called whenever no turn is left to run; `retire` takes an instance back that is whole and no longer needed.
        """
        self.instance = instance
        self._retire = retire
        self._scheduler = scheduler
        self._on_rest = on_rest
        self._mail: deque[tuple[Invocation, bytes]] = deque()
        self._running = False
        self._turn_of: Invocation | None = None
        self._next = 2
        self.inflight: dict[int, Invocation] = {}
        # Not to be given further requests.
        self.retired = False
        self.dead = False
        self.served = 0
        self.since = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether a turn is under way in the slow lane."""
        return self._running

    @property
    def running(self) -> Invocation | None:
        """Whose turn is under way in the slow lane."""
        return self._turn_of

    def admit(self, invocation: Invocation) -> int:
        """Give the invocation its id here."""
        identity = self._next
        self._next = (self._next + 2) & 0xFFFF_FFFE or 2
        self.inflight[identity] = invocation
        self.served += 1
        return identity

    def post(self, invocation: Invocation, frame: bytes) -> None:
        """Queue a frame for the guest and run it as soon as no turn is under way."""
        if self.dead:
            return
        self._mail.append((invocation, frame))
        if not self._running:
            self._pump()

    def dismiss(self, identity: int) -> None:
        """An invocation is over; its frames are no longer run."""
        self.inflight.pop(identity, None)

    def kill(self) -> None:
        """Stop the turn under way, if any, and close the instance."""
        self.retired = True
        if self._running and self._turn_of is not None:
            self._turn_of.account.cancelled = True
        else:
            self._close(None, Stopped(Stop.CANCELLED))

    def _pump(self) -> None:
        self._running = True
        mail = self._mail
        while mail and not self.dead:
            invocation, frame = mail.popleft()
            if invocation.identity not in self.inflight:
                continue
            frames = [events.prelude_keeping_key() if invocation.keyed else events.prelude(), frame]
            invocation.keyed = True
            size = len(frame)
            while mail and mail[0][0] is invocation and size < TURN_BYTES:
                frames.append(mail.popleft()[1])
                size += len(frames[-1])
            self._turn_of = invocation
            result = self._scheduler.run(self.instance, b"".join(frames), invocation.account, self._resume)
            if result is None:
                return
            self._settle(invocation, result)
        self._running = False
        self._turn_of = None
        if not self.dead:
            self.look()
            self._on_rest(self)

    def look(self) -> None:
        """At rest: give up requests that nothing can bring forward. Promises may be shared, so they wait or are given up together."""
        if self.inflight and not any(invocation.waiting for invocation in self.inflight.values()):
            for invocation in list(self.inflight.values()):
                invocation.hung()

    def _resume(self, result: Result) -> None:
        invocation = self._turn_of
        if self.dead or invocation is None:
            return
        self._settle(invocation, result)
        self._pump()

    def _settle(self, invocation: Invocation, result: Result) -> None:
        if isinstance(result, Stopped):
            self._close(invocation, result)
            return
        # What the host does for a guest is the guest's time too; small outboxes are not worth the clock.
        before = time.thread_time_ns() if len(result) > METERED_BYTES else 0
        try:
            done = []
            for frame in effects.frames(result):
                if frame.op == effects.DONE:
                    # Last of its turn: a rejection that nobody handled is only known when the turn ends.
                    done.append(frame)
                else:
                    self._route(invocation, frame)
            for frame in done:
                self._route(invocation, frame)
        except GuestFault as fault:
            self._close(invocation, Stopped(Stop.FAULT, fault.message))
        if before:
            invocation.account.used_ns += time.thread_time_ns() - before

    def _route(self, current: Invocation, frame: effects.Frame) -> None:
        """To the request of that even id; calls (odd ids) belong to the request whose turn it is, or one that made them."""
        if frame.op in effects.OF_CALLS and frame.id & 1:
            owner = current if frame.op in (effects.FETCH, effects.CALL) else self._owner(frame.id, current)
            owner.on_call_effect(frame)
            return
        owner_of_request = self.inflight.get(frame.id)
        if owner_of_request is not None:
            owner_of_request.on_effect(frame)
        elif frame.id == 0:
            current.on_effect(frame)

    def _owner(self, call: int, current: Invocation) -> Invocation:
        if call in current.calls:
            return current
        return next((invocation for invocation in self.inflight.values() if call in invocation.calls), current)

    def _close(self, culprit: Invocation | None, stopped: Stopped) -> None:
        """The instance is lost: the culprit hears why, the others that they lost it."""
        if self.dead:
            return
        self.dead = self.retired = True
        self._mail.clear()
        if culprit is None:
            self._retire(self.instance)
        else:
            self.instance.close()
        for invocation in list(self.inflight.values()):
            if invocation is culprit:
                invocation.on_stopped(stopped)
            else:
                invocation.on_lost()
        self.inflight.clear()
        self._on_rest(self)
