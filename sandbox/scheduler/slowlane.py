"""The slow lane: a thread that goes on with turns the fast lane did not finish.

Owns the queue of unfinished turns and its deficit round robin by tenant. The thread runs guests with the GIL released and at a lower
priority than the event loop's, so that the kernel gives short requests the processor first. Must not touch the loop but through
`call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.engine.engine import Engine
from sandbox.engine.instance import Instance
from sandbox.scheduler.account import Account

# CPU time a tenant may use before the next one's turn, per unit of weight.
QUANTUM_NS: Final = 4_000_000
# How much nicer than the event loop the slow lane is (Linux threads have their own priority).
NICENESS: Final = 10
# After each slice the lane rests for this part of it. Measured with both cores spinning: a neighbour's slowest request took 60 ms
# instead of up to 1,500.
REST: Final = 0.1


@dataclass(slots=True)
class Unfinished:
    """A turn under way and whom to tell when it is over. `done(stopped)`: False when it ended by itself."""

    instance: Instance
    account: Account
    done: Callable[[bool], None]


@dataclass(slots=True)
class _Queue:
    turns: deque[Unfinished]
    deficit: int = 0


class SlowLane:
    """One thread, started at the first turn it is given."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing runs yet."""
        self._engine, self._loop = engine, loop
        self._ready = threading.Condition()
        self._ring: deque[str] = deque()
        self._queues: dict[str, _Queue] = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self.waiting = 0

    def submit(self, turn: Unfinished) -> None:
        """Go on with a turn; its `done` is called on the loop's thread."""
        with self._ready:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hostel-slow-lane", daemon=True)
                self._thread.start()
            self.waiting += 1
            self._enqueue(turn)
            self._ready.notify()

    def close(self) -> None:
        """Stop after the slice that runs now; turns left are reported as stopped."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join()

    def _enqueue(self, turn: Unfinished) -> None:
        queue = self._queues.get(turn.account.tenant)
        if queue is None:
            queue = self._queues[turn.account.tenant] = _Queue(deque())
            self._ring.append(turn.account.tenant)
        queue.turns.append(turn)

    def _pick(self) -> Unfinished | None:
        """The next turn by deficit round robin; None when closed."""
        with self._ready:
            while not self._ring and not self._closed:
                self._ready.wait()
            if self._closed:
                return None
            while True:
                tenant = self._ring[0]
                queue = self._queues[tenant]
                if queue.deficit > 0:
                    return queue.turns.popleft()
                queue.deficit += QUANTUM_NS * queue.turns[0].account.weight
                self._ring.rotate(-1)

    def _put_back(self, turn: Unfinished, used_ns: int, *, unfinished: bool) -> None:
        with self._ready:
            tenant = turn.account.tenant
            queue = self._queues[tenant]
            queue.deficit -= used_ns
            if unfinished:
                queue.turns.append(turn)
            else:
                self.waiting -= 1
            if not queue.turns:
                del self._queues[tenant]
                self._ring.remove(tenant)
            elif queue.deficit <= 0 and self._ring[0] == tenant:
                self._ring.rotate(-1)

    def _run(self) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
        while (turn := self._pick()) is not None:
            account = turn.account
            self._engine.wake()
            before = time.thread_time_ns()
            ended = turn.instance.poll()
            used = time.thread_time_ns() - before
            account.used_ns += used
            stopped = not ended and (account.spent or account.cancelled or turn.instance.out_of_memory)
            self._put_back(turn, used, unfinished=not ended and not stopped)
            if ended or stopped:
                self._tell(turn, stopped)
            # The kernel alone is not enough: two lanes on two cores were seen to hold both for seconds, niceness or not. A part of
            # every slice is given up.
            time.sleep(used * REST / 1e9)
        for queue in self._queues.values():
            for turn in queue.turns:
                self._tell(turn, True)

    def _tell(self, turn: Unfinished, stopped: bool) -> None:
        # The loop may be gone at shutdown; then nobody waits either.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(turn.done, stopped)
