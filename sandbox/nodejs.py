"""Node's modules for workers with the compatibility flag `nodejs_compat`: which of them a bundle is given.

Owns the choice alone; the modules are sandbox/guest/node. A module comes when the bundle's scripts name it somewhere in quotes, with
all that it imports itself, so that other workers, and other modules, cost nothing. Must not look further than names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.bundle import Bundle, Module, ModuleKind
from sandbox.compatibility import is_on

FLAGS: Final = ("nodejs_compat", "nodejs_compat_v2")
# Of those, only this one module.
ALS_FLAG: Final = "nodejs_als"
ENV_SINCE: Final = "2025-04-01"
FOLDER: Final = Path(__file__).parent / "guest" / "node"
START: Final = "node:_start"
_NAMED: Final = re.compile(rb"""["'`](?:node:)?([a-z_]{2,20}(?:/[a-z]{3,10})?)["'`]""")
_IMPORTED: Final = re.compile(r'from "node:([a-z_/]+)"')
_GLOBALS: Final = """
for (const [name, value] of Object.entries({ Buffer, process })) {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}
Object.defineProperty(globalThis, "global", { value: globalThis, writable: true, enumerable: false, configurable: true });
"""


@cache
def available() -> dict[str, tuple[bytes, frozenset[str]]]:
    """Name without `node:` -> (source, names that it imports)."""
    found = {}
    for path in FOLDER.glob("*.js"):
        source = path.read_text()
        found[_name(path.stem)] = source.encode(), frozenset(_IMPORTED.findall(source))
    return found


def _name(stem: str) -> str:
    """`stream_promises` is stream/promises; three modules have an underscore of their own."""
    return stem if stem.startswith("_") or stem in {"async_hooks", "string_decoder", "diagnostics_channel"} else stem.replace("_", "/")


def _whole(bundle: Bundle) -> bool:
    return any(is_on(flag, date=bundle.compatibility_date, flags=bundle.compatibility_flags) for flag in FLAGS)


def wanted(bundle: Bundle) -> bool:
    """Whether the bundle's date or flags ask for Node's modules."""
    return _whole(bundle) or ALS_FLAG in bundle.compatibility_flags


def modules(bundle: Bundle, scripts: Iterable[Module]) -> Sequence[Module]:
    """The modules for these scripts, and one that imports them all and makes the globals."""
    named: set[str] = set()
    for script in scripts:
        if script.kind is ModuleKind.JS:
            named.update(match.decode() for match in _NAMED.findall(script.content))
    whole = _whole(bundle)
    asked = (named & available().keys()) | {"buffer", "process"} if whole else named & {"async_hooks"}
    names = _closure(asked)
    lines = [f'import * as m{number} from "node:{name}";' for number, name in enumerate(sorted(names))]
    if whole:
        lines += ['import { Buffer } from "node:buffer";', 'import process, { registry } from "node:process";']
        lines += [f'registry.set("{name}", m{number}.default);' for number, name in enumerate(sorted(names))]
        lines.append(_GLOBALS)
    start = Module(START, ModuleKind.JS, "\n".join(lines).encode())
    return [start, *(Module(f"node:{name}", ModuleKind.JS, available()[name][0]) for name in sorted(names))]


def _closure(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(available()[name][1])
    return found


def populates_env(bundle: Bundle) -> bool:
    """Whether `process.env` holds the worker's texts: from 2025-04-01, or by flag."""
    if "nodejs_compat_do_not_populate_process_env" in bundle.compatibility_flags:
        return False
    return "nodejs_compat_populate_process_env" in bundle.compatibility_flags or bundle.compatibility_date >= ENV_SINCE
