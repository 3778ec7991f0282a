"""Versions that are about to be asked for.

Owns one task: when something has been deployed, the hosts visitors asked for lately are looked up again and their versions loaded, so
that the first visitor after a deployment finds them there. Must not hold anything up: a failure is the first visitor's to see, as without
it.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from gateway.routes import Routes
from gateway.targets import Targets
from sandbox import HostelError, Sandbox

log = structlog.get_logger(__name__)

# How often the epoch's token is looked at; it is a read of memory.
LOOK_SECONDS: Final = 0.05
# Hosts that are looked after, those asked for last.
HOSTS: Final = 64


class Prewarmer:
    """Looks after the hosts of one process; `close` it."""

    def __init__(self, box: Sandbox, routes: Routes, targets: Targets) -> None:
        """Start looking."""
        self._box, self._routes, self._targets = box, routes, targets
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop looking."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        seen = self._routes.token
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._routes.token == seen:
                continue
            seen = self._routes.token
            for host in self._routes.latest(HOSTS):
                try:
                    entry = await self._routes.find(host)
                    for prepared in self._targets.all_of(entry):
                        await self._box.prewarm(prepared.target)
                except HostelError as error:
                    log.debug("a version could not be loaded ahead", host=host.name, code=error.code)
