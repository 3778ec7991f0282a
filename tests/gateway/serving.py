"""The gateway with tests/gateway/workers.py in the place of sandbox and database: `granian serving:application`."""

from __future__ import annotations

import os
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup()

import workers as stand_in  # noqa: E402

from gateway.admin import Admin  # noqa: E402
from gateway.application import Gateway  # noqa: E402
from gateway.drain import Drain, Shut  # noqa: E402
from gateway.health import Front  # noqa: E402
from gateway.hosts import Host  # noqa: E402
from gateway.origin import Origins  # noqa: E402
from gateway.proxy import Control  # noqa: E402
from gateway.routes import Routes  # noqa: E402
from gateway.stats import Stats  # noqa: E402
from gateway.targets import Targets  # noqa: E402
from gateway.worker import Workers  # noqa: E402
from sandbox import Limits, Program  # noqa: E402
from tenants.rollout import RouteVersion, WorkerRoute  # noqa: E402

HOME = Path(os.environ["HOSTEL_HOME"])


def version(number: int, weight: int) -> RouteVersion:
    return RouteVersion(f"{number:08x}-0000-4000-8000-000000000000", number, f"t{number}", "2026-11-22T00:00:00+00:00", weight, Limits())


async def lookup(host: Host) -> WorkerRoute | None:
    if host.name == "raises.acme.localhost":
        raise RuntimeError("the database is gone")
    if not host.name.endswith((".acme.localhost", ".shut.localhost")):
        return None
    name, tenant, _ = host.name.split(".")
    versions = {"split": (version(2, 5_000), version(1, 5_000)), "empty": ()}.get(name, (version(1, 10_000),))
    worker = "hello" if name == "split" else name
    return WorkerRoute(1, tenant, "0" * 32, tenant == "shut", 1, worker, "t" * 32, "reuse", "d", versions)


async def program(version_id: str) -> Program:
    raise NotImplementedError


class Parts:
    def __init__(self, stats: Stats) -> None:
        origins = Origins(scheme="http", trusted=filter(None, os.environ.get("TRUSTED", "").split(",")))
        box, routes = stand_in.Box(), Routes(lookup, lambda: (1, 0), stats)
        self.serving = self.workers = Workers(box, routes, Targets(box, routes, program), stats, origins)
        self.proxy = Control(HOME / "control.sock", origins)
        drain = Drain(stats, shut=self.shut)
        self.control = Front(self.proxy, drain, guest=lambda: "guest", database=lambda: True)
        described = lambda: {"gateway": stats.as_dict(), "events": dict(stand_in.EVENTS)}  # noqa: E731
        self.admin = Admin(HOME, stats=described, evict=len, drain=drain)

    def shut(self, refuse: bool) -> None:
        self.workers = Shut() if refuse else self.serving

    async def close(self) -> None:
        await self.admin.close()
        await self.proxy.close()


async def start(stats: Stats, prefix: str) -> Parts:
    if "fail" in os.environ.get("GATEWAY_TEST", ""):
        raise RuntimeError("no guest")
    parts = Parts(stats)
    await parts.admin.start()
    return parts


application = Gateway(start, control_hosts=("localhost", "127.0.0.1"), log_requests="log" in os.environ.get("GATEWAY_TEST", ""))
