"""What differs between two versions, as a page shows it: programs side by side, everything else field by field.

Owns the arrangement only; what differs, and within which bounds, says `tenants.selectors.version_diff`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from tenants.models import Version

# Why lines are not shown, or not all.
NOTES: Final = {
    "binary": "Not shown: it is no text.",
    "too_large": "Not shown: it is too large.",
    "too_different": "Too different to be compared line by line: all of it is replaced.",
    "left_out": "The rest is left out: there is too much to show.",
}


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


def modules(diff: Mapping[str, Any]) -> list[ModuleDiff]:
    """The modules that differ, by name, of what `version_diff` has found."""
    found = [
        ModuleDiff(file["name"], file["change"], list(_lines(file["hunks"])), NOTES.get(file["note"], ""), file["added"], file["removed"])
        for file in diff["files"]
    ]
    if left_out := diff["files_left_out"]:
        found.append(ModuleDiff(f"{left_out} more files", "changed", (), NOTES["left_out"]))
    return found


def fields(before: Version, after: Version, diff: Mapping[str, Any]) -> list[Field]:
    """Bindings, limits, settings and flags that differ; secrets by whether they are the same, never what they are."""
    found: list[Field] = []
    pairs = (
        (_bindings(before), _bindings(after), "env."),
        (before.limits, after.limits, "limits."),
        (_settings(before), _settings(after), ""),
    )
    for left, right, prefix in pairs:
        names = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
        found += [Field(prefix + name, *_both(left.get(name), right.get(name))) for name in names]
    if diff["flags"]["changed"]:
        found.append(Field("flags it asks for", *(", ".join(diff["flags"][side]) or "none" for side in ("before", "after"))))
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


def _lines(hunks: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Unified hunks side by side: what went and what came in its place stand in one row."""
    for number, hunk in enumerate(hunks):
        left, right = hunk["before_start"], hunk["after_start"]
        if number or left > 1 or right > 1:
            yield Line("gap")
        gone: list[str] = []
        come: list[str] = []
        for line in hunk["lines"]:
            if line[0] == "-" and not come:
                gone.append(line[1:])
            elif line[0] == "+":
                come.append(line[1:])
            else:
                yield from _replaced(left, gone, right, come)
                left, right, gone, come = left + len(gone), right + len(come), [], []
                if line[0] == "-":
                    gone.append(line[1:])
                else:
                    yield Line("same", left, line[1:], right, line[1:])
                    left, right = left + 1, right + 1
        yield from _replaced(left, gone, right, come)


def _replaced(left: int, gone: Sequence[str], right: int, come: Sequence[str]) -> Iterator[Line]:
    for at, (before, after) in enumerate(zip_longest(gone, come)):
        if before is None:
            yield Line("added", None, None, right + at, after)
        elif after is None:
            yield Line("removed", left + at, before)
        else:
            yield Line("changed", left + at, before, right + at, after)
