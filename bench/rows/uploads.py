"""From an upload to the first request that the new version serves, in every gateway process.

Owns the waiting: one connection to each process, each asking again as soon as it is answered.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

from bench.client import Ask, Connection, Endpoint, connected, once
from bench.figures import BenchFailed, Line, Spread, Target, percentile
from bench.hostel import TENANT, host
from bench.processes import INSTALLED
from bench.sides import Bench

_WORKER: Final = "changing"
# Connections that are tried to meet every process, and seconds for a version to be seen.
_TRIES: Final = 400
_PATIENCE: Final = 30.0
# The gateway's request ids begin with so many characters of their process's own.
_PROCESS_PREFIX: Final = 12
# Seconds between two questions to one process while the upload is under way: enough to see it, too few to be load.
_PAUSE: Final = 0.002


async def measure(bench: Bench) -> list[Line]:
    """p50 and p99, over many uploads, of the time from the upload's first byte to the last process's first new answer."""
    async with bench.hostel.serving(INSTALLED) as serving, AsyncExitStack() as stack:
        endpoint = Endpoint(serving(_WORKER).port, host(_WORKER))
        await bench.hostel.upload(_WORKER, _code(0))
        await once(endpoint, Ask())
        processes = await _meet_all(stack, endpoint, await bench.hostel.gateways())
        answered, served = [], []
        for number in range(1, bench.plan.uploads + 1):
            began = time.perf_counter()
            seen = [asyncio.create_task(_until(process, endpoint, number)) for process in processes]
            try:
                await bench.hostel.upload(_WORKER, _code(number))
                answered.append((time.perf_counter() - began) * 1e3)
                served.append((max(await asyncio.gather(*seen)) - began) * 1e3)
            finally:
                for task in seen:
                    task.cancel()
    note = (
        f"{len(served)} uploads, {len(processes)} gateway processes; the upload itself is answered after "
        f"{percentile(answered, 0.5):.0f} ms (p50), {percentile(answered, 0.99):.0f} ms (p99)"
    )
    title = "upload to first request served by the new version, all processes"
    return [
        Line(
            "upload", f"{title}: p50", "ms", Spread.of([percentile(served, 0.5)]), target=Target("at most", 150.0, "hostel"), notes=[note]
        ),
        Line("upload", f"{title}: p99", "ms", Spread.of([percentile(served, 0.99)]), target=Target("at most", 1000.0, "hostel")),
    ]


async def _meet_all(stack: AsyncExitStack, endpoint: Endpoint, count: int) -> list[Connection]:
    """A connection to each of `count` processes, told apart by the ids they give to requests."""
    met: dict[str, Connection] = {}
    for _ in range(_TRIES):
        connection = await stack.enter_async_context(connected(endpoint.port))
        answer = await connection.send(Ask().encode(endpoint.host))
        met.setdefault(answer.headers["hostel-request-id"][:_PROCESS_PREFIX], connection)
        if len(met) == count:
            return list(met.values())
    raise BenchFailed(f"{_TRIES} connections met {len(met)} of {count} gateway processes of {TENANT}.")


async def _until(process: Connection, endpoint: Endpoint, number: int) -> float:
    """When this process first answered with version `number`."""
    request, wanted = Ask().encode(endpoint.host), f"version {number}\n".encode()
    async with asyncio.timeout(_PATIENCE):
        while (await process.send(request)).body != wanted:  # noqa: ASYNC110 - nobody would set the event
            await asyncio.sleep(_PAUSE)
    return time.perf_counter()


def _code(number: int) -> bytes:
    return f'export default {{ fetch: () => new Response("version {number}\\n") }};\n'.encode()
