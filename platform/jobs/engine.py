"""The one sandbox of this process.

Owns an event loop in a thread of its own and the sandbox on it: loading the guest takes long, so it is done once, and jobs of any thread
hand their work in.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from django.conf import settings

from controlplane.wall import raise_for

if TYPE_CHECKING:
    from sandbox import Sandbox

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Engine:
    """A sandbox on a loop thread; started by the first use."""

    def __init__(self) -> None:
        """Start nothing yet."""
        # Whether this process is a background worker and nothing else: then the second wall is raised once the sandbox is loaded.
        self.walled = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._box: Sandbox | None = None

    def sandbox(self) -> Sandbox:
        """The sandbox, started."""
        with self._lock:
            if self._box is None:
                self._box = self._start()
            return self._box

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, run on the sandbox's loop."""
        self.sandbox()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop the sandbox and its thread; repeatable."""
        with self._lock:
            loop, thread, box = self._loop, self._thread, self._box
            self._loop = self._thread = self._box = None
        if loop is None or thread is None:
            return
        if box is not None:
            asyncio.run_coroutine_threadsafe(box.close(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()

    def _start(self) -> Sandbox:
        from sandbox import Sandbox, SandboxConfig  # noqa: PLC0415 - brings the engine, which only this process needs

        self._loop = loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        box = Sandbox(SandboxConfig(guest_home=settings.HOSTEL.guest_home, egress=None))
        asyncio.run_coroutine_threadsafe(_started(box, walled=self.walled), loop).result()
        return box


async def _started(box: Sandbox, *, walled: bool) -> None:
    await box.start()
    if walled:
        # On the loop's own thread, which runs the bundles.
        log.info(raise_for(settings.HOSTEL).line())


engine = Engine()
