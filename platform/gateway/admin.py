"""The gateway process's own socket, for the operator's side of the control plane.

Owns `run/gateway-<pid>.sock`: JSON over HTTP, readable by this user only.

    GET /healthz    {"ok": true}
    GET /stats      {"gateway": …, "sandbox": …}
    POST /evict     {"prefix": "tenant-"} -> {"evicted": 3}
    GET /drain      {"draining": false, "refusing": false, "refused": 0, "under_way": 2}
    POST /drain     {"grace_seconds": 5} -> the same; new requests are refused after the grace period
    DELETE /drain   served again -> the same
    POST /run       `tenants.runner.Asked` -> `tenants.runner.Ran`, or an error's own status and shape

Must not be reachable from outside the machine, and must not hold up a visitor.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.drain import Drain
from tenants.runner import Asked

# A run's request, its body in base64.
_MAX_BYTES: Final = 4 * 1024 * 1024
_PREFIX_CHARACTERS: Final = 256
GRACE_SECONDS: Final = 3600


class Admin:
    """Serves one process's counters."""

    def __init__(
        self,
        folder: Path,
        *,
        stats: Callable[[], dict[str, Any]],
        evict: Callable[[str], int],
        drain: Drain,
        run: Callable[[Asked], Awaitable[tuple[int, Any]]] | None = None,
    ) -> None:
        """Listen in `folder`.

        `stats` gives what /stats answers, `evict` drops pool entries by key prefix, `drain` takes out of service, `run` gives status and
        document of a run.
        """
        self._run = run
        self._folder = folder
        self._path = folder / f"gateway-{os.getpid()}.sock"
        self._stats = stats
        self._evict = evict
        self._drain = drain
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; sockets that dead processes left behind are removed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_stale(self._folder)
        app = web.Application(client_max_size=_MAX_BYTES)
        app.add_routes([web.get("/healthz", self._on_health), web.get("/stats", self._on_stats), web.post("/evict", self._on_evict)])
        app.add_routes([web.get("/drain", self._on_look), web.post("/drain", self._on_drain), web.delete("/drain", self._on_serve_again)])
        app.add_routes([web.post("/run", self._on_run)])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.SockSite(self._runner, _listen(self._path)).start()

    async def close(self) -> None:
        """Stop, and remove the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self._path.unlink(missing_ok=True)

    async def _on_health(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _on_stats(self, _: web.Request) -> web.Response:
        return web.json_response(self._stats())

    async def _on_look(self, _: web.Request) -> web.Response:
        return web.json_response(self._drain.state())

    async def _on_drain(self, request: web.Request) -> web.Response:
        try:
            grace = (await request.json())["grace_seconds"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            grace = None
        if not isinstance(grace, int | float) or isinstance(grace, bool) or not 0 <= grace <= GRACE_SECONDS:
            problem = {"code": "field_invalid", "field": "grace_seconds", "limit": GRACE_SECONDS, "status": 400}
            return web.json_response({"title": f"The grace period must be 0 to {GRACE_SECONDS} seconds.", **problem}, status=400)
        return web.json_response(self._drain.begin(grace))

    async def _on_serve_again(self, _: web.Request) -> web.Response:
        return web.json_response(self._drain.end())

    async def _on_run(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=Asked)
        except msgspec.MsgspecError as error:
            return web.json_response({"code": "field_invalid", "status": 400, "fault": "platform", "message": str(error)}, status=400)
        if self._run is None:
            raise web.HTTPNotFound
        status, document = await self._run(asked)
        return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")

    async def _on_evict(self, request: web.Request) -> web.Response:
        try:
            prefix = (await request.json())["prefix"]
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            prefix = None
        if not isinstance(prefix, str) or not 0 < len(prefix) <= _PREFIX_CHARACTERS:
            problem = {"code": "field_invalid", "field": "prefix", "limit": _PREFIX_CHARACTERS, "status": 400}
            return web.json_response({"title": "The prefix must be 1 to 256 characters.", **problem}, status=400)
        return web.json_response({"evicted": self._evict(prefix)})


def remove_stale(folder: Path) -> None:
    """Remove gateway sockets in `folder` whose process is gone."""
    for path in folder.glob("gateway-*.sock"):
        pid = path.stem.removeprefix("gateway-")
        if not pid.isdigit() or not _alive(int(pid)):
            with contextlib.suppress(OSError):
                path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _listen(path: Path) -> socket.socket:
    """A listening socket that never was open to others: the mask is in force while the file is made."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener
