"""What versions run, remembered for a bad day.

Owns a copy of the programs that were loaded last, within a budget of bytes. It is asked only when the database does not answer: the
sandbox's pool lets go of what has not been used for a while, and a worker that has been served here before must be served then as well.
Versions never change, so a copy is never wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from gateway.errors import RoutesUnavailable
from sandbox import Program

log = structlog.get_logger(__name__)
BUDGET_BYTES: Final = 64 * 1024 * 1024


class Programs:
    """The programs of one process."""

    def __init__(self, load: Callable[[str], Awaitable[Program]], *, budget_bytes: int = BUDGET_BYTES) -> None:
        """Load with `load`; remember at most `budget_bytes` of code and images, the last used ones."""
        self._load = load
        self._budget = budget_bytes
        self._kept: OrderedDict[str, Program] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._kept)

    async def get(self, version_id: str) -> Program:
        """The program of a version. Raises what loading raises, unless the database does not answer and the program is remembered."""
        try:
            program = await self._load(version_id)
        except RoutesUnavailable:
            kept = self._kept.get(version_id)
            if kept is None:
                raise
            log.warning("the database does not answer: starting a version from memory", version=version_id)
            return kept
        self._keep(version_id, program)
        return program

    def _keep(self, version_id: str, program: Program) -> None:
        earlier = self._kept.pop(version_id, None)
        self._bytes += _size(program) - (_size(earlier) if earlier is not None else 0)
        self._kept[version_id] = program
        while self._bytes > self._budget:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(program: Program) -> int:
    return sum(len(module.content) for module in program.bundle.modules) + len(program.image or b"")
