"""The tables of docs/ that the code knows best: settings, limits, error codes, commands and routes.

Owns their rendering and their place in the pages (between two comments). `make docs` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cfapi.numbers import numbers_table
from controlplane.config import ROOT, Config, settings_table
from ops.catalogue import COMMANDS
from ops.cli import Argument
from sandbox.errors import HostelError
from tenants.definitions import DEFINITIONS, LEVELS
from tenants.roles import scopes_table

# The packages that may define errors, outermost last.
PACKAGES = (
    *("sandbox", "tenants", "telemetry", "flags", "rollouts", "experiments"),
    *("accounts", "ui", "controlplane", "jobs", "gateway", "api", "cfapi", "ops"),
)


def error_classes() -> list[type[HostelError]]:
    """Every error there is, by code. Imports every module of the project: needs Django set up."""
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return sorted(set(_below(HostelError)), key=lambda error: error.code)


def errors_table() -> str:
    """Code, HTTP status, whose fault and meaning of every error."""
    rows = [f"| `{error.code}` | {error.status} | {error.fault} | {_meaning(error)} |" for error in error_classes()]
    return "\n".join(["| code | status | fault | meaning |", "|---|---|---|---|", *dict.fromkeys(rows)]) + "\n"


def commands_page() -> str:
    """Every command with its arguments, as `--help` has them."""
    parts = []
    for command in COMMANDS:
        parts.append(f"### hostel {command.name}\n\n{command.help[0].upper()}{command.help[1:]}. {command.details}".rstrip() + "\n")
        rows = [(_written(one), str(one.options.get("help", ""))) for one in command.arguments]
        if rows:
            parts.append("\n".join(["| argument | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)]) + "\n")
    return "\n".join(parts)


def _written(one: Argument) -> str:
    """An argument as it is typed."""
    name, options = one.names[0], one.options
    shown = str(options.get("metavar") or name.lstrip("-").upper())
    if name.startswith("-"):
        plain = name if options.get("action") == "store_true" else f"{name} {shown}"
        return f"`{plain}`" + (" (needed)" if options.get("required") else "")
    label = str(options.get("metavar") or name)
    return f"`{label}`" + {"+": " …", "*": " … (may be left out)", "?": " (may be left out)"}.get(str(options.get("nargs")), "")


def limits_table() -> str:
    """Every limit and quota: its value before anybody has said anything, its unit, who may set it, what a breach does."""
    built_in = Config().platform_values
    rows = []
    for name, known in DEFINITIONS.items():
        value = built_in[name]
        levels = ", ".join(level for level in LEVELS if level in known.levels and level not in {"platform", "plan", "override"})
        answered = f" (`{known.breach.code}`, {known.breach.status})" if known.breach.code else ""
        rows.append(f"| `{name}` | {value:,} | {known.unit} |" if value is not None else f"| `{name}` | | {known.unit} |")
        rows[-1] += f" {known.meaning} | {known.breach.what}{answered} | {levels} |"
    return "\n".join(["| name | platform | unit | what | past it | may lower it, too |", "|---|---|---|---|---|---|", *rows]) + "\n"


def routes_table() -> str:
    """Every route of the control plane, by role."""
    from controlplane.access import matrix  # noqa: PLC0415 - needs Django set up

    return matrix()


# Page, then the table's name in its comments, then what makes it.
TABLES: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/operations.md", "settings"): settings_table,
    ("docs/errors.md", "errors"): errors_table,
    ("docs/limits.md", "limits"): limits_table,
    ("docs/access.md", "scopes"): scopes_table,
    ("docs/access.md", "routes"): routes_table,
    ("docs/api.md", "numbers"): lambda: numbers_table(error_classes()),
    ("docs/cli.md", "commands"): commands_page,
}


def rendered(text: str, name: str, table: str) -> str:
    """`text` with `table` between `<!-- name -->` and `<!-- /name -->`; ValueError where the comments are missing."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"The page has no <!-- {name} --> … <!-- /{name} -->.")
    return pattern.sub(lambda match: match[1] + table + match[2], text)


def pages(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Each page with the text it should have."""
    for (page, name), make in TABLES.items():
        path = root / page
        yield path, rendered(path.read_text(), name, make())


def write() -> int:
    """Write the pages that are stale; returns an exit code."""
    import django  # noqa: PLC0415 - only here

    django.setup()
    for path, text in pages():
        if path.read_text() != text:
            path.write_text(text)
    return 0


def _below(error: type[HostelError]) -> Iterator[type[HostelError]]:
    yield error
    for child in error.__subclasses__():
        yield from _below(child)


def _meaning(error: type[HostelError]) -> str:
    return (error.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").replace("    ", "").replace("|", "\\|")
