"""A load generator for machines without wrk: `python -m bench.standin`, its orders as JSON on standard input.

Owns the same loop as wrk's, on asyncio, and tells the same line of JSON. It takes more of its core than wrk does for a request, hence
shows a fast server slower than it is, on both sides alike. Must not be used where wrk is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from bench.client import Ask, connected
from bench.figures import percentile


async def drive(order: dict[str, Any]) -> dict[str, float]:
    """Keep `connections` busy for `seconds`; rates and latencies (milliseconds) of what was answered."""
    ask = Ask(order["path"], order["method"], order["headers"], bytes.fromhex(order["body"]))
    tag, sent = order["tag"], 0
    latencies: list[float] = []
    refused = broken = 0
    until = time.perf_counter() + order["seconds"]
    prepared = ask.encode(order["host"])

    def following() -> bytes:
        nonlocal sent
        sent += 1
        return ask.encode(order["host"], f"{ask.path}{tag}-{sent}") if tag else prepared

    async def work() -> None:
        nonlocal refused, broken
        while time.perf_counter() < until:
            try:
                async with connected(order["port"]) as connection:
                    while (began := time.perf_counter()) < until:
                        answer = await connection.send(following())
                        latencies.append((time.perf_counter() - began) * 1e3)
                        refused += answer.status >= 400  # noqa: PLR2004 - as wrk counts
            except (OSError, EOFError):
                broken += 1
                await asyncio.sleep(0.01)

    began = time.perf_counter()
    workers = [asyncio.create_task(work()) for _ in range(order["connections"])]
    # A server that hangs must not hold the run up.
    _, hanging = await asyncio.wait(workers, timeout=order["seconds"] + 0.5)
    took = time.perf_counter() - began
    for worker in hanging:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    known = latencies or [0.0]
    return {
        "requests": len(latencies),
        "seconds": min(took, order["seconds"]),
        **{name: percentile(known, share) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("slowest", 1.0))},
        "refused": refused,
        "broken": broken,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(drive(json.load(sys.stdin)))) + "\n")
