"""Talking to this machine's gateway processes, over their own sockets.

Owns the finding of the processes and one question to one of them. Must not load Django: a process is drained in a hurry.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

WAIT_SECONDS = 5.0


def processes(run: Path) -> dict[int, Path]:
    """The process ids that have a socket in `run`, and their sockets; some may be dead."""
    found = {}
    for path in sorted(run.glob("gateway-*.sock")):
        pid = path.stem.removeprefix("gateway-")
        if pid.isdigit():
            found[int(pid)] = path
    return found


async def ask(socket: Path, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the process answers, as JSON; None where it does not."""
    connector = aiohttp.UnixConnector(str(socket))
    timeout = aiohttp.ClientTimeout(total=WAIT_SECONDS)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:  # noqa: SIM117 - one line too long
            async with session.request(method, f"http://gateway{path}", json=body) as response:
                return json.loads(await response.text()) if response.ok else None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None


async def ask_all(sockets: Mapping[int, Path], method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[int, Any]:
    """The answers of several, by process id."""
    answers = await asyncio.gather(*(ask(socket, method, path, body) for socket in sockets.values()))
    return dict(zip(sockets, answers, strict=True))
