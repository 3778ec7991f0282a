"""The scheduler: a turn's first slice runs at once on the event loop's thread, the rest in the slow lane.

Most turns of most workers end within their first slice (a hello takes some 20 us), so they pay for no thread switch; a turn that does
not is no longer in anybody's way. Owns CPU metering and the stop at the limit. Must not interpret effects.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sandbox.engine.engine import Engine
from sandbox.engine.instance import Death, Instance, TurnDied
from sandbox.errors import GuestFault
from sandbox.scheduler.account import Account
from sandbox.scheduler.fairness import FastLaneShares
from sandbox.scheduler.slowlane import SlowLane, Unfinished


class Stop(Enum):
    """Why a turn did not end well; in every case its instance must be closed."""

    CPU = "cpu"
    MEMORY = "memory"
    STACK = "stack"
    CANCELLED = "cancelled"
    FAULT = "fault"


_BY_DEATH = {Death.MEMORY: Stop.MEMORY, Death.STACK: Stop.STACK, Death.FAULT: Stop.FAULT}


@dataclass(frozen=True, slots=True)
class Stopped:
    """A turn that was stopped or trapped."""

    stop: Stop
    message: str = ""


Result = bytes | Stopped


class Scheduler:
    """Runs turns for one event loop."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        """The slow lane's thread starts when it is first needed."""
        self._engine = engine
        self._shares = FastLaneShares()
        self._slow = SlowLane(engine, loop)
        self.fast_turns = self.slow_turns = 0
        self._closed = False

    def run(self, instance: Instance, payload: bytes, account: Account, done: Callable[[Result], None]) -> Result | None:
        """Run one turn. Its result, when it ended at once; else None, and `done` hears it on the loop's thread."""
        try:
            instance.start(payload)
        except TurnDied as died:
            return Stopped(_BY_DEATH[died.death], str(died))
        if self._shares.admits(account.tenant):
            self._engine.wake()
            before = time.thread_time_ns()
            ended = instance.poll()
            used = time.thread_time_ns() - before
            account.used_ns += used
            self._shares.charge(account.tenant, used)
            if ended:
                self.fast_turns += 1
                return self._result(instance, account)
            if account.spent or instance.out_of_memory:
                return self._stopped(instance, account)
        self.slow_turns += 1
        self._slow.submit(Unfinished(instance, account, lambda stopped: done(self._after(instance, account, stopped))))
        return None

    @property
    def waiting(self) -> int:
        """Turns in the slow lane now."""
        return self._slow.waiting

    def sweep(self) -> None:
        """Housekeeping, every few seconds."""
        self._shares.sweep()

    def close(self) -> None:
        """Stop the slow lane."""
        self._closed = True
        self._slow.close()

    def _after(self, instance: Instance, account: Account, stopped: bool) -> Result:
        return self._stopped(instance, account) if stopped else self._result(instance, account)

    def _result(self, instance: Instance, account: Account) -> Result:
        try:
            effects = instance.finish()
        except TurnDied as died:
            return Stopped(_BY_DEATH[died.death], str(died))
        except GuestFault as fault:
            return Stopped(Stop.FAULT, str(fault))
        if instance.out_of_memory:
            return Stopped(Stop.MEMORY)
        return Stopped(Stop.CPU) if account.spent else effects

    def _stopped(self, instance: Instance, account: Account) -> Stopped:
        if instance.out_of_memory:
            return Stopped(Stop.MEMORY)
        return Stopped(Stop.CPU if account.spent and not account.cancelled else Stop.CANCELLED)
