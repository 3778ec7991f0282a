"""workerd, the open-source runtime of Cloudflare Workers: installed from npm, configured, started fresh for each measurement.

Owns its version and its configuration. Must not change what it serves: the Worker code is the same file that Hostel is given.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench import processes
from bench.client import Ask, Endpoint, once
from bench.figures import BenchFailed
from bench.plan import ROOT, SCRATCH, Plan
from bench.processes import INSTALLED, Memory, Server, Variant
from bench.sides import COMPATIBILITY_DATE, WORKERS, source

# Pinned, so that two runs compare with the same one. Change it here to compare with a newer one.
VERSION: Final = "1.20261117.1"
FOLDER: Final = SCRATCH / "workerd"
_INSTALL_SECONDS: Final = 300.0


async def install(say: Callable[[str], None]) -> Path | None:
    """The program: the one that `WORKERD` names, the one installed before, or one from npm. None where there is no npm."""
    named = os.environ.get("WORKERD")
    if named:
        return Path(named)
    folder = FOLDER / VERSION
    found = _program(folder)
    if found is None:
        npm = shutil.which("npm")
        if npm is None:
            return None
        say(f"installing workerd {VERSION} with npm into {folder.relative_to(ROOT)}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}\n")
        # No scripts: the program is a package of its own for each platform, and is started from there.
        options = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error"]
        await processes.run([npm, "install", *options, f"workerd@{VERSION}"], seconds=_INSTALL_SECONDS, cwd=folder)
        found = _program(folder)
        if found is None:
            raise BenchFailed(f"npm has installed workerd {VERSION}, but there is no program for this platform in {folder}.")
    return found


def _program(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))), None)


async def version(program: Path) -> str:
    """What it says of itself."""
    return (await processes.run([program, "--version"], seconds=20)).strip()


class Process:
    """One workerd process with all workers, each on a port of its own (workerd routes by socket)."""

    def __init__(self, server: Server, ports: Mapping[str, int]) -> None:
        """Made by `Workerd`."""
        self._server, self._ports = server, ports

    def endpoint(self, worker: str) -> Endpoint:
        """Where `worker` answers. The host name is the one Hostel's has, so that requests are of one length."""
        return Endpoint(self._ports[worker], f"{worker}.bench.localhost")

    def memory(self) -> Memory:
        """Of the process."""
        return self._server.memory()


class Workerd:
    """Starts processes; each lives as long as the block it is started for."""

    name = "workerd"

    def __init__(self, program: Path, plan: Plan) -> None:
        """Run `program`."""
        self.program, self._plan = program, plan

    @asynccontextmanager
    async def serving(self, variant: Variant) -> AsyncIterator[Callable[[str], Endpoint]]:
        """A fresh process."""
        async with self._process(variant) as process:
            yield process.endpoint

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Process]:
        """A fresh process, placed by the system."""
        async with self._process(INSTALLED) as process:
            yield process

    @asynccontextmanager
    async def _process(self, variant: Variant) -> AsyncIterator[Process]:
        ports = dict(zip(WORKERS, processes.free_ports(len(WORKERS), self._plan.first_port), strict=True))
        FOLDER.mkdir(parents=True, exist_ok=True)
        config = FOLDER / "config.capnp"
        config.write_text(configuration(ports))
        for worker in WORKERS:
            shutil.copyfile(source(worker), FOLDER / f"{worker}.js")
        server = await processes.start(
            "workerd", [self.program, "serve", config, "--experimental"], folder=SCRATCH / "log", core=variant.server_core
        )
        try:
            process = Process(server, ports)

            async def answers() -> bool:
                return (await once(process.endpoint("hello"), Ask())).status == 200  # noqa: PLR2004 - the number says it

            await server.ready(answers, 30.0)
            yield process
        finally:
            # A worker that spins does not let it end by itself.
            await server.stop(grace=0.0)


def configuration(ports: Mapping[str, int]) -> str:
    """The Cap'n Proto text for every worker on its port; modules are embedded from beside the file."""
    services = ", ".join(f'(name = "{worker}", worker = .{worker})' for worker in ports)
    sockets = ", ".join(
        f'(name = "{worker}", address = "127.0.0.1:{port}", http = (), service = "{worker}")' for worker, port in ports.items()
    )
    parts = [
        'using Workerd = import "/workerd/workerd.capnp";',
        f"const config :Workerd.Config = (services = [{services}], sockets = [{sockets}]);",
    ]
    for worker in ports:
        bindings = '\n  bindings = [(name = "LOADER", workerLoader = ())],' if WORKERS[worker] else ""
        parts.append(
            f"const {worker} :Workerd.Worker = (\n"
            f'  modules = [(name = "worker.js", esModule = embed "{worker}.js")],{bindings}\n'
            f'  compatibilityDate = "{COMPATIBILITY_DATE}",\n);'
        )
    return "\n".join(parts) + "\n"
