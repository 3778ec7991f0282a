"""Asks the gateway processes of this machine how they are.

Owns the client's side of their internal sockets (`run/gateway-*.sock`, HTTP/1.1, GET /stats). Must not start, stop or steer them.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from tenants.runner import PATTERN, UnixConnection

TIMEOUT_SECONDS = 2.0
REPLY_BYTES = 16 * 1024 * 1024
OK = 200
# Numbers of the gateway that say something about one process only.
_OWN = frozenset({"pid", "started"})


def gateway_stats() -> list[dict[str, Any]]:
    """{process, reachable, stats} of every process that has left a socket, by name; a dead one's stats are empty."""
    found = []
    for path in sorted(settings.HOSTEL.run.glob(PATTERN)):
        stats = _ask(path)
        found.append({"process": path.stem, "reachable": stats is not None, "stats": stats or {}})
    return found


def summed(stats: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of numbers at equal places; what is no number and no mapping is a process's own and left out."""
    total: dict[str, Any] = {}
    for one in stats:
        for key, value in one.items():
            if isinstance(value, Mapping):
                inner = total.get(key)
                total[key] = summed([inner if isinstance(inner, Mapping) else {}, value])
            elif isinstance(value, int | float) and not isinstance(value, bool):
                earlier = total.get(key, 0)
                total[key] = value + (earlier if isinstance(earlier, int | float) else 0)
    return total


def totals(processes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`{"pool": …, "scheduler": …, …, "gateway": …}`, summed over what `gateway_stats` found."""
    found = [process["stats"] for process in processes]
    gateways = ({key: value for key, value in stats.get("gateway", {}).items() if key not in _OWN} for stats in found)
    return {**summed(stats.get("sandbox", {}) for stats in found), "gateway": summed(gateways)}


def _ask(path: Path) -> dict[str, Any] | None:
    connection = UnixConnection(path, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/stats")
        reply = connection.getresponse()
        value = json.loads(reply.read(REPLY_BYTES)) if reply.status == OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return value if isinstance(value, dict) else None
