"""What differs between two versions: programs line by line, everything else field by field.

Owns the comparing and its bounds: modules that are large or no text are said to differ, not shown. Pure but for reading modules.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenants import selectors
from tenants.models import Tenant, Version
from tenants.uploads import UploadModule

# Of one module, in bytes and lines; and of all that is shown.
BYTES: Final = 400_000
LINES: Final = 6_000
LINES_SHOWN: Final = 4_000
CONTEXT: Final = 3
_TEXT = frozenset({"js", "text", "json", "source_map"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison: `kind` is same, added, removed, changed or gap; numbers and texts of both sides (None: not there)."""

    kind: str
    left: int | None = None
    before: str | None = None
    right: int | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ModuleDiff:
    """A module that differs: how (`added`, `removed`, `changed`), its lines, and why there are none where there are none."""

    name: str
    how: str
    lines: Sequence[Line]
    note: str = ""
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """Something else that differs, as text."""

    name: str
    before: str
    after: str


def modules(tenant: Tenant, before: Version, after: Version) -> list[ModuleDiff]:
    """The modules that differ, by name."""
    digests = [{each["name"]: each["sha256"] for each in version.modules} for version in (before, after)]
    names = sorted(name for name in digests[0].keys() | digests[1].keys() if digests[0].get(name) != digests[1].get(name))
    if not names:
        return []
    left, right = (
        {module.name: module for module in selectors.version_modules(tenant=tenant, version=version)} for version in (before, after)
    )
    return [_module(name, left.get(name), right.get(name)) for name in names]


def fields(before: Version, after: Version) -> list[Field]:
    """Bindings, limits and settings that differ; secrets by whether they are the same, never what they are."""
    found: list[Field] = []
    pairs = (
        (_bindings(before), _bindings(after), "env."),
        (before.limits, after.limits, "limits."),
        (_settings(before), _settings(after), ""),
    )
    for left, right, prefix in pairs:
        names = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
        found += [Field(prefix + name, *_both(left.get(name), right.get(name))) for name in names]
    return found


def _both(one: Any, other: Any) -> tuple[str, str]:
    texts = [_text(value) for value in (one, other)]
    if texts[0] == texts[1]:
        # Secrets look alike; their digests differ.
        texts[1] = f"{texts[1]} (another value)"
    return texts[0], texts[1]


def _text(value: Any) -> str:
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, dict):
        value = {key: each for key, each in value.items() if key not in {"name", "digest"}}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _bindings(version: Version) -> dict[str, Any]:
    return {binding["name"]: {key: value for key, value in binding.items() if key != "sealed"} for binding in version.bindings}


def _settings(version: Version) -> dict[str, Any]:
    return {
        "main module": version.main_module,
        "compatibility date": version.compatibility_date,
        "compatibility flags": sorted(version.compatibility_flags) or None,
        "handlers": sorted(version.handlers) or None,
    }


def _module(name: str, before: UploadModule | None, after: UploadModule | None) -> ModuleDiff:
    how = "added" if before is None else "removed" if after is None else "changed"
    both = [module for module in (before, after) if module is not None]
    if any(module.kind_name not in _TEXT or len(module.content) > BYTES for module in both):
        return ModuleDiff(name, how, (), "Not shown: it is no text, or too large.")
    left, right = (module.content.decode("utf-8", "replace").splitlines() if module else [] for module in (before, after))
    if max(len(left), len(right)) > LINES:
        return ModuleDiff(name, how, (), "Not shown: it has too many lines.")
    lines = list(_lines(left, right))
    added = sum(line.after is not None and line.kind in {"added", "changed"} for line in lines)
    removed = sum(line.before is not None and line.kind in {"removed", "changed"} for line in lines)
    note = f"Only the first {LINES_SHOWN} lines are shown." if len(lines) > LINES_SHOWN else ""
    return ModuleDiff(name, how, lines[:LINES_SHOWN], note, added, removed)


def _lines(left: list[str], right: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=True)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1] > 0 or group[0][3] > 0:
            yield Line("gap")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (Line("same", i + 1, left[i], i - i1 + j1 + 1, right[i - i1 + j1]) for i in range(i1, i2))
                continue
            paired = min(i2 - i1, j2 - j1)
            yield from (Line("changed", i1 + k + 1, left[i1 + k], j1 + k + 1, right[j1 + k]) for k in range(paired))
            yield from (Line("removed", i + 1, left[i]) for i in range(i1 + paired, i2))
            yield from (Line("added", None, None, j + 1, right[j]) for j in range(j1 + paired, j2))
