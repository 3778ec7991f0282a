"""`python -m ops`: the commands behind the Makefile.

Owns the command line. Each command's module is imported when it is asked for: the supervisor must not load Django, nor `prepare` the
supervisor.
"""

from __future__ import annotations

import argparse
import os
import sys

from environs import EnvValidationError

from controlplane import config


def main(arguments: list[str] | None = None) -> int:
    """Run the command that `arguments` name; returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops", description="Runs Hostel.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    serve = commands.add_parser("serve", help="start everything and keep it running")
    serve.add_argument("--verbose", action="store_true", help="show every line of every process")
    commands.add_parser("prepare", help="bring the database and the demo tenant up to date")
    commands.add_parser("env", help="print shell exports for curl, wrangler and Alchemy")
    commands.add_parser("commands", help="print the command line of each process, for another supervisor")
    commands.add_parser("docs", help="write the tables of docs/ that the code knows best")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    try:
        settings = config.load()
    except EnvValidationError as error:
        sys.stderr.write(f"The settings are not valid: {error}\n")
        return 2
    if chosen.command == "serve":
        return _serve(settings, verbose=chosen.verbose)
    if chosen.command == "prepare":
        from ops.prepare import prepare  # noqa: PLC0415 - see above

        return prepare()
    if chosen.command == "docs":
        from ops.docs import write  # noqa: PLC0415 - see above

        return write()
    if chosen.command == "commands":
        return _commands(settings)
    return _env(settings)


def _serve(settings: config.Config, *, verbose: bool) -> int:
    import asyncio  # noqa: PLC0415 - see above

    from ops.serve import Start  # noqa: PLC0415 - see above

    async def run() -> int:
        return await Start(settings, verbose=verbose).run()

    return asyncio.run(run())


def _commands(settings: config.Config) -> int:
    import shlex  # noqa: PLC0415 - see above

    from ops.processes import specs  # noqa: PLC0415 - see above

    sys.stdout.write("".join(f"{spec.name}: {shlex.join(spec.command)}\n" for spec in specs(settings)))
    return 0


def _env(settings: config.Config) -> int:
    from ops import demo  # noqa: PLC0415 - see above

    found = demo.read(settings.home)
    if found is None:
        sys.stderr.write(f"There is no {demo.path(settings.home)} yet: `make serve` writes it.\n")
        return 1
    sys.stdout.write(demo.exports(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
