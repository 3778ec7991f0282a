"""The parts of a gateway process, made from the settings.

Owns the order of starting and stopping. Must not be imported where there is no Django.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings

from controlplane.wall import raise_for
from gateway.admin import Admin
from gateway.directory import Directory
from gateway.drain import Drain, Shut
from gateway.flagging import Flagging
from gateway.health import Front
from gateway.origin import Origins
from gateway.prewarm import Prewarmer
from gateway.programs import Programs
from gateway.proxy import Control
from gateway.quota import Quotas
from gateway.records import Records
from gateway.routes import Routes
from gateway.rulesets import Rulesets
from gateway.running import Runs, answered
from gateway.spool import Spool
from gateway.tailing import Tailing
from gateway.targets import Targets
from gateway.worker import Workers
from sandbox import EgressPolicy, Sandbox, SandboxConfig
from tenants.epoch import EpochReader
from tenants.quotas import store

if TYPE_CHECKING:
    from gateway.stats import Stats

log = structlog.get_logger(__name__)

# Containers made and not freed before cycles among the youngest are looked for (Python's own 700 are for programs with less to walk).
GARBAGE: Final = 10_000


@dataclass(slots=True)
class Process:
    """Everything one process runs."""

    box: Sandbox
    reader: EpochReader
    directory: Directory
    control: Front
    workers: Workers | Shut
    admin: Admin
    prewarmer: Prewarmer
    spool: Spool
    proxy: Control
    routes: Routes
    quotas: Quotas
    tailing: Tailing

    async def close(self) -> None:
        """Stop, what visitors reach first."""
        await self.prewarmer.close()
        await self.admin.close()
        await self.proxy.close()
        await self.tailing.close()
        await self.box.close()
        self.spool.close()
        self.routes.close()
        await self.quotas.close()
        self.reader.close()
        await self.directory.close()


async def start(stats: Stats, prefix: str) -> Process:
    """Start everything `settings.HOSTEL` describes, on the running event loop; request ids begin with `prefix`."""
    config = settings.HOSTEL
    box = Sandbox(SandboxConfig(guest_home=config.guest_home, egress=EgressPolicy.allowing(config.egress_allow)))
    await box.start()
    reader = EpochReader()
    reader.start()
    wall = raise_for(config).line()
    log.info(wall)
    # Start-up shows it (ops.serve); every process of one machine gets the same.
    (config.run / "wall").write_text(wall)
    directory = Directory(guest_build=lambda: box.guest_build)
    routes = Routes(directory.route, reader.token, stats, stale_seconds=config.stale_seconds)
    programs = Programs(directory.program)
    origins = Origins(scheme=config.public_scheme, trusted=config.trusted_proxies)
    records = Records()
    spool = Spool(config.spool, records, prefix=prefix)
    spool.start()
    flagging = Flagging(Rulesets(directory.ruleset, reader.token), directory.version)
    targets = Targets(box, routes, programs.get, records, flagging)
    quotas = Quotas(store(), directory.ask, stats)
    quotas.start()
    workers = Workers(box, routes, targets, stats, origins, quotas=quotas)

    def described() -> dict[str, Any]:
        return {
            "gateway": {**stats.as_dict(), "hosts": len(routes)},
            "sandbox": box.stats(),
            "records": spool.as_dict(),
            "tails": targets.tailing.as_dict(),
            "flags": flagging.as_dict(),
            "wall": wall,
        }

    def shut(refuse: bool) -> None:
        process.workers = Shut() if refuse else workers

    drain = Drain(stats, shut=shut)
    runs = Runs(box, targets, records, directory.run_route, directory.draft, quotas=quotas)
    admin = Admin(config.run, stats=described, evict=box.evict, drain=drain, run=partial(answered, runs))
    await admin.start()
    proxy, prewarmer = Control(config.run / "control.sock", origins), Prewarmer(box, routes, targets)
    front = Front(proxy, drain, guest=lambda: box.guest_build, database=lambda: reader.healthy)
    process = Process(box, reader, directory, front, workers, admin, prewarmer, spool, proxy, routes, quotas, targets.tailing)
    _spare_the_collector()
    return process


def _spare_the_collector() -> None:
    """What is there now stays until the end: the cycle collector need not look at it again, and it looks less often (3 % of a request)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)
