"""The processes Hostel is made of: their command lines and how each is seen to be ready.

Owns the choice of server options. Must not start anything (ops.supervisor) nor read the environment (controlplane.config).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from controlplane.config import Config
from ops import probes
from ops.child import Spec

# What a visitor may send before the body: 128 KB of headers have to fit with room to spare (bytes; granian's own default, pinned here).
HTTP1_BUFFER_BYTES = 417_792
# Connections, not requests: granian counts an idle keep-alive connection too, so this stands far above what a proxy keeps open.
BACKPRESSURE = 4096
# Made in `run` by the background worker when it takes jobs (jobs.worker).
BACKGROUND_READY = "background.ready"
# libuv (uvloop) does without io_uring, which the second wall refuses: the kernel's largest door is not left ajar.
QUIET_RING = {"UV_USE_IO_URING": "0"}
# The longest path of a Unix socket on Linux is 107 bytes, on macOS 103.
SOCKET_PATH_BYTES = 103


def gateway_workers(config: Config) -> int:
    """Gateway processes: the setting, or one for each core."""
    return config.gateway_workers or os.cpu_count() or 1


def control_socket(config: Config) -> Path:
    """Where the control plane listens."""
    return config.run / "control.sock"


def specs(config: Config) -> list[Spec]:
    """Everything to run, in the order it is stopped: visitors first, then what serves them."""
    return [_gateway(config), _control(config), _background(config)]


# No --workers-kill-timeout: the supervisor has its own patience, and granian's speaks of killing workers that have just ended.
def _granian(application: str, *options: str, workers: int, module: str = "granian") -> list[str]:
    return [
        *(sys.executable, "-m", module, application, *options),
        *("--workers", str(workers), "--http", "1", "--http1-buffer-size", str(HTTP1_BUFFER_BYTES), "--loop", "uvloop"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--log-level", "info"),
    ]


def _gateway(config: Config) -> Spec:
    # With lifespan: the sandbox is there before the first connection is taken. Django has none (granian would warn), hence asginl below.
    workers = gateway_workers(config)
    listen = ("--host", config.host, "--port", str(config.port))
    load = ("--backlog", str(BACKPRESSURE), "--backpressure", str(BACKPRESSURE))
    since = time.time()

    async def ready() -> bool:
        sockets = [path for path in config.run.glob("gateway-*.sock") if path.stat().st_mtime >= since]
        return len(sockets) >= workers and await probes.tcp_ok(local(config.host), config.port, path="/healthz")

    command = _granian("gateway.asgi:application", "--interface", "asgi", *listen, *load, workers=workers, module="gateway.serve")
    return Spec("gateway", command, ready, reload=signal.SIGHUP)


def _control(config: Config) -> Spec:
    listen = ("--uds", str(control_socket(config)), "--uds-permissions", "0600")

    async def ready() -> bool:
        return await probes.unix_ok(control_socket(config), path="/healthz")

    command = _granian("controlplane.asgi:application", "--interface", "asginl", *listen, workers=1)
    # granian does not bind over a socket that exists: it panics.
    return Spec("control", command, ready, leftovers=(control_socket(config),), reload=signal.SIGHUP)


def _background(config: Config) -> Spec:
    since = time.time()

    async def ready() -> bool:
        return probes.touched(config.run / BACKGROUND_READY, since=since)

    return Spec("background", [sys.executable, "manage.py", "background"], ready)


def environment(config: Config) -> dict[str, str]:
    """What every process of this start sees: the operator's own variables, and where the home is wherever it is asked from."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "HOSTEL_HOME": str(config.home),
        "PYTHONUNBUFFERED": "1",
        **QUIET_RING,
    }


def local(host: str) -> str:
    """The address under which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - left behind
