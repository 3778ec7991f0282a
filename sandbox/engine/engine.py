"""The engine of one process: the guest's compiled code, the epoch's ticker, new instances.

Owns what all instances share. Must not keep instances: who asks for one closes it.
"""

from __future__ import annotations

import ctypes
import threading
import time
from pathlib import Path
from typing import Final

from sandbox.engine import raw
from sandbox.engine.image import Image
from sandbox.engine.instance import PROTOCOL, PROTOCOL_VERSION, Instance
from sandbox.engine.recycle import Recycler
from sandbox.errors import GuestFault
from sandbox.guest.build import Guest
from sandbox.guest.toolchain import STACK_BYTES
from sandbox.transform.typescript import Transform

# Between two epochs. A guest that runs on is interrupted at the first loop edge or call after this.
TICK_SECONDS: Final = 0.001
# Epochs a slice may take.
SLICE_EPOCHS: Final = 2
# The ticker sleeps when no guest has run for this many ticks.
IDLE_TICKS: Final = 200


class Engine:
    """wasmtime with one guest loaded. Close it last."""

    def __init__(self, guest: Guest, config: raw.EngineConfig | None = None) -> None:
        """Map the guest's native code; a few milliseconds."""
        self.build = guest.build
        # Made JavaScript of TypeScript with; its native code is kept beside the guest's.
        self.transform = Transform(Path(guest.code).parent.parent / "cache")
        self._engine = raw.engine_new(config or raw.EngineConfig())
        self._module = raw.module_open(self._engine, Path(guest.code))
        self._prepared = raw.prepare(self._engine, self._module)
        self._running = 0
        self._awake = threading.Event()
        self._closed = False
        self._ticker = threading.Thread(target=self._tick, name="hostel-ticker", daemon=True)
        self._ticker.start()
        probe = raw.RawInstance(self._engine, self._prepared, 1 << 30, SLICE_EPOCHS)
        try:
            self._control = _answer(probe, b"hostel_control")
            words = (ctypes.c_uint32 * 8).from_address(probe.data + self._control)
            if words[PROTOCOL] != PROTOCOL_VERSION:
                raise GuestFault("The guest speaks another version of the turn protocol.")
            # At rest the stack is empty: its pointer is where the C stack begins.
            self.base = ctypes.string_at(probe.data, probe.size())
        finally:
            probe.close()
        self.stack_top = STACK_BYTES
        self.recycler = Recycler(self.base, self.stack_top)

    def wake(self) -> None:
        """Say that a guest is about to run, so that epochs pass. Cheap; called before every turn."""
        self._running += 1
        if not self._awake.is_set():
            self._awake.set()

    def instantiate(self, memory_limit: int, image: Image | None = None) -> Instance:
        """An instance as if new, from the base image or from a version's; `memory_limit` in bytes."""
        recycled = self.recycler.take() if memory_limit >= len(self.base) else None
        if recycled is not None:
            recycled.limit_memory(memory_limit)
            instance = Instance(recycled, self._control)
        else:
            instance = Instance(raw.RawInstance(self._engine, self._prepared, memory_limit, SLICE_EPOCHS), self._control)
        if image is not None:
            try:
                image.restore(instance)
            except raw.EngineFailed:
                instance.close()
                raise
        return instance

    def retire(self, instance: Instance) -> None:
        """Take back an instance at rest that nobody needs any more: it is recycled or closed."""
        if not self.recycler.give(instance.raw):
            instance.close()

    def capture(self, instance: Instance) -> Image:
        """The image of an instance at rest."""
        return Image.capture(instance, self.base, self.build, self.stack_top)

    def pack(self, image: Image) -> bytes:
        """An image's stored form."""
        return image.encode()

    def unpack(self, stored: bytes, memory_limit: int) -> Image:
        """An image out of its stored form; raises `ImageInvalid`."""
        return Image.decode(stored, self.build, memory_limit)

    def close(self) -> None:
        """Stop the ticker and free the engine; every instance must be closed."""
        if self._closed:
            return
        self._closed = True
        self._awake.set()
        self._ticker.join()
        self.recycler.close()
        raw.prepared_delete(self._prepared)
        raw.module_delete(self._module)
        raw.engine_delete(self._engine)

    def _tick(self) -> None:
        seen, idle = -1, 0
        while not self._closed:
            if self._running == seen:
                idle += 1
                if idle > IDLE_TICKS:
                    self._awake.clear()
                    # A wake between the check and the clear is seen here.
                    if self._running == seen:
                        self._awake.wait()
                    idle = 0
            else:
                seen, idle = self._running, 0
            time.sleep(TICK_SECONDS)
            raw.increment_epoch(self._engine)


def _answer(instance: raw.RawInstance, name: bytes) -> int:
    instance.begin(instance.export(name), None)
    while not instance.poll():
        pass
    result = instance.result()
    if isinstance(result, raw.Trapped):
        raise GuestFault(result.message)
    return result
