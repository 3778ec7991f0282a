"""Starting, and what developers ask for: `serve`, `prepare`, `env`, `commands`, `docs`."""

from __future__ import annotations

import asyncio
import shlex
import sys
from argparse import Namespace

from controlplane import config
from ops import demo


def serve(options: Namespace) -> int:
    """Run everything until told to stop."""
    from ops.serve import Start  # noqa: PLC0415 - the other commands here need none of it

    settings = config.load()

    async def run() -> int:
        return await Start(settings, verbose=options.verbose).run()

    return asyncio.run(run())


def prepare(_options: Namespace) -> int:
    """Bring the schema and the demo tenant up to date."""
    from ops.prepare import prepare as steps  # noqa: PLC0415 - brings Django

    return steps()


def env(_options: Namespace) -> int:
    """Print the demo tenant's addresses and token as shell exports."""
    home = config.load().home
    found = demo.read(home)
    if found is None:
        sys.stderr.write(f"There is no {demo.path(home)} yet: `make serve` writes it.\n")
        return 1
    sys.stdout.write(demo.exports(found))
    return 0


def commands(_options: Namespace) -> int:
    """Print each process's command line."""
    from ops.processes import specs  # noqa: PLC0415 - as above

    sys.stdout.write("".join(f"{spec.name}: {shlex.join(spec.command)}\n" for spec in specs(config.load())))
    return 0


def docs(_options: Namespace) -> int:
    """Write the pages' tables."""
    from ops.docs import write  # noqa: PLC0415 - imports the whole project

    return write()
