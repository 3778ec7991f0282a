"""One key's place in the pool.

Owns what is cached for a version: its program, its image, its isolates. Must not decide about eviction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox.bundle import Bundle
from sandbox.engine.image import Image
from sandbox.limits import Limits
from sandbox.worker.isolate import Isolate

# Private memory of an isolate that has not grown: the pages its image and requests have changed, the store, the fiber's stack. Measured by
# proportional set size over 300 isolates that had served once: 150 KiB.
ISOLATE_BYTES: Final = 152 * 1024
# What a patch of an image takes as three integers in a tuple.
PATCH_BYTES: Final = 160


@dataclass(slots=True)
class Entry:
    """Everything the pool has for one key."""

    key: str
    tenant: str
    bundle: Bundle
    # What start-up runs under.
    limits: Limits
    # What the code itself asks for; every request's limits are lowered by it.
    own_limits: Mapping[str, int]
    image: Image | None
    # The memory limit of the target it was made for.
    granted_bytes: int
    handlers: tuple[str, ...] = ()
    entrypoints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    isolates: list[Isolate] = field(default_factory=list)
    # Isolates being made now.
    coming: int = 0
    used: float = field(default_factory=time.monotonic)
    born: float = field(default_factory=time.monotonic)

    def bytes(self, base_memory: int) -> int:
        """Estimated private bytes: the code, the image, and each isolate's growth over the base image."""
        image = len(self.image.data) + PATCH_BYTES * len(self.image.patches) if self.image else 0
        code = sum(len(module.content) for module in self.bundle.modules)
        living = [isolate.instance.memory for isolate in self.isolates if not isolate.dead]
        return code + image + sum(ISOLATE_BYTES + max(0, memory - base_memory) for memory in living)

    @property
    def idle(self) -> bool:
        """Whether nothing of it is in use."""
        return not self.coming and all(not isolate.inflight for isolate in self.isolates)

    def free_isolate(self) -> Isolate | None:
        """An isolate that serves nothing now, the latest used first (its pages are the warmest)."""
        for isolate in reversed(self.isolates):
            if not isolate.inflight and not isolate.retired and not isolate.busy:
                return isolate
        return None

    def shared_isolate(self) -> Isolate | None:
        """The isolate with the fewest requests that is not in the middle of a long turn."""
        usable = [isolate for isolate in self.isolates if not isolate.retired and not isolate.busy]
        return min(usable, key=lambda isolate: len(isolate.inflight), default=None)

    def drop(self, isolate: Isolate) -> None:
        """Forget an isolate."""
        if isolate in self.isolates:
            self.isolates.remove(isolate)

    def close(self) -> None:
        """Close every isolate; those in use fail their requests."""
        for isolate in list(self.isolates):
            isolate.kill()
        self.isolates.clear()


Loading = asyncio.Future[Entry]
