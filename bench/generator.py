"""The load generator: wrk where it is installed, else our own.

Owns how load is described and what is read back; both sides of a row always get the same one. Closed loop: a connection sends its next
request when the latest one is answered.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import processes
from bench.client import Ask, Endpoint
from bench.plan import ROOT

WRK = shutil.which("wrk")
_SCRIPT = Path(__file__).with_name("load.lua")
# What a generator may take beyond the time it was told.
_SPARE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, over how many connections. With a `tag` each request has a path of its own that begins with it."""

    ask: Ask = field(default_factory=Ask)
    connections: int = 32
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of load gave. Latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    slowest: float
    # Answers with a status of 400 or more, and connections that broke or timed out.
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return max(0, self.requests - self.refused) / self.seconds if self.seconds else 0.0


async def measure(load: Load, endpoint: Endpoint, *, seconds: int, core: int | None = None) -> Sample:
    """Drive `endpoint` for so long, from `core` if one is named."""
    ask = load.ask
    if WRK is None:
        order = _order(load, endpoint, seconds)
        command: list[str | Path] = [sys.executable, "-m", "bench.standin"]
        out = await processes.run(command, seconds=seconds + _SPARE_SECONDS, core=core, cwd=ROOT, given=json.dumps(order).encode())
    else:
        with tempfile.NamedTemporaryFile(prefix="hostel-bench-") as body:
            body.write(ask.body)
            body.flush()
            headers = [word for pair in {"Host": endpoint.host, **ask.headers}.items() for word in pair]
            options = ["-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_SCRIPT)]
            words = [ask.method, ask.path, load.tag or "-", body.name if ask.body else "-", *headers]
            command = [WRK, *options, f"http://127.0.0.1:{endpoint.port}/", "--", *words]
            out = await processes.run(command, seconds=seconds + _SPARE_SECONDS, core=core)
    return Sample(**json.loads(out.strip().splitlines()[-1]))


def _order(load: Load, endpoint: Endpoint, seconds: int) -> dict[str, Any]:
    """What the stand-in is told."""
    ask = load.ask
    request = {"path": ask.path, "method": ask.method, "headers": dict(ask.headers), "body": ask.body.hex(), "tag": load.tag}
    return {**request, "port": endpoint.port, "host": endpoint.host, "connections": load.connections, "seconds": seconds}


async def name() -> str:
    """The generator's name and version, for the report."""
    if WRK is None:
        return f"bench/standin.py (wrk is not installed), Python {sys.version.split()[0]}"
    # It ends with code 1 after telling its version.
    told = await processes.run([WRK, "-v"], seconds=5, good=(0, 1))
    return told.split(" [", 1)[0].strip()
