"""How two versions differ: files by unified hunks, bindings, limits, compatibility, the flags they read.

Owns the comparison and its bounds: both sides are strangers' and may be made to be slow. Lines are compared by Myers' algorithm ("An O(ND)
Difference Algorithm and Its Variations", 1986) with so many steps for a comparison; what needs more is shown as replaced whole. Pure: it is
handed rows and a way to contents.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenants.environments import Carried, difference
from tenants.models import Version

# Larger files are not compared by lines, and no more files than that.
FILE_BYTES: Final = 1024 * 1024
FILES_MOST: Final = 200
# Of all hunks together, and of one line.
SHOWN_LINES: Final = 5_000
LINE_CHARACTERS: Final = 2_000
STEPS: Final = 600_000
CONTEXT: Final = 3
_TEXT_KINDS: Final = frozenset({"js", "text", "json", "source_map", "python", "typescript"})
_FLAG: Final = re.compile(
    r"\.(?:get|get(?:Boolean|String|Number|Object)(?:Value|Details))\(\s{0,8}[\"'`]([A-Za-z0-9][A-Za-z0-9._-]{0,99})[\"'`]"
)
_FLAG_BINDINGS: Final = frozenset({"flagship", "flags"})
_FLAGS_MOST: Final = 200


@dataclass(slots=True)
class _Budget:
    """What is left of the work and of the lines that one comparison may have."""

    steps: int = STEPS
    lines: int = SHOWN_LINES


def compared(before: Version, after: Version, content: Callable[[str], bytes]) -> dict[str, Any]:
    """What `after` has otherwise than `before`; JSON-able, no secret in it. `content` gives a module's bytes by SHA-256."""
    whole = difference(before, Carried(after, 0, after.bindings, {}, (), after.sha256))
    bindings = [{key: value for key, value in line.items() if key != "origin"} for line in whole["bindings"]]
    old = {module["name"]: module for module in before.modules}
    new = {module["name"]: module for module in after.modules}
    changed = sorted(name for name in {*old, *new} if _place(old.get(name)) != _place(new.get(name)))
    budget = _Budget()
    return {
        "before": _head(before),
        "after": _head(after),
        "same": before.sha256 == after.sha256 and before.limits == after.limits,
        "files": [_file(name, old.get(name), new.get(name), content, budget) for name in changed[:FILES_MOST]],
        "files_left_out": max(0, len(changed) - FILES_MOST),
        "files_unchanged": len({*old, *new}) - len(changed),
        "main_module": {"before": before.main_module, "after": after.main_module, "changed": before.main_module != after.main_module},
        "bindings": [line for line in bindings if line["change"] != "unchanged"],
        "limits": whole["limits"],
        "compatibility_date": whole["compatibility_date"],
        "compatibility_flags": whole["compatibility_flags"],
        "flags": _flags(before, after, content),
    }


def hunks(before: Sequence[str], after: Sequence[str], *, steps: int = STEPS) -> tuple[list[dict[str, Any]], int]:
    """Unified hunks of two texts' lines, and how many of `steps` are left (0: too different, shown as replaced whole)."""
    blocks, left = _blocks(before, after, steps)
    return [_hunk(group, before, after) for group in _grouped(blocks)], left


# (first line in before, after it the last; the same in after): what was replaced by what. Ascending, never touching.
Block = tuple[int, int, int, int]


def _blocks(before: Sequence[str], after: Sequence[str], steps: int) -> tuple[list[Block], int]:
    start, most = 0, min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if not old and not new:
        return [], steps
    if not old or not new:
        return [(start, start + len(old), start, start + len(new))], steps
    numbers: dict[str, int] = {}
    one = [numbers.setdefault(line, len(numbers)) for line in old]
    two = [numbers.setdefault(line, len(numbers)) for line in new]
    path, left = _myers(one, two, steps)
    if path is None:
        return [(start, start + len(old), start, start + len(new))], 0
    return [(start + a, start + b, start + c, start + d) for a, b, c, d in path], left


def _myers(one: Sequence[int], two: Sequence[int], steps: int) -> tuple[list[Block] | None, int]:
    """The blocks of a shortest edit from `one` to `two`; None where that takes more than `steps`."""
    n, m = len(one), len(two)
    furthest = {1: 0}
    # What `furthest` was before each depth, from -depth - 1 on.
    trail: list[array[int]] = []
    for depth in range(n + m + 1):
        trail.append(array("q", [furthest.get(k, 0) for k in range(-depth - 1, depth + 2)]))
        steps -= 2 * depth + 3
        for k in range(-depth, depth + 1, 2):
            down = k == -depth or (k != depth and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            begun = x
            while x < n and y < m and one[x] == two[y]:
                x, y = x + 1, y + 1
            furthest[k] = x
            steps -= 1 + x - begun
            if x >= n and y >= m:
                return _walked(trail, n, m), steps
        if steps <= 0:
            return None, 0
    return None, steps


def _walked(trail: Sequence[Sequence[int]], n: int, m: int) -> list[Block]:
    """The blocks on the way back from the end."""
    edits: list[tuple[int, int, int, int]] = []
    x, y = n, m
    for depth in range(len(trail) - 1, 0, -1):
        furthest, k = trail[depth], x - y
        at = k + depth + 1
        down = k == -depth or (k != depth and furthest[at - 1] < furthest[at + 1])
        before_k = k + 1 if down else k - 1
        from_x = furthest[before_k + depth + 1]
        from_y = from_x - before_k
        edits.append((from_x, from_x, from_y, from_y + 1) if down else (from_x, from_x + 1, from_y, from_y))
        x, y = from_x, from_y
    blocks: list[Block] = []
    for a, b, c, d in reversed(edits):
        if blocks and blocks[-1][1] == a and blocks[-1][3] == c:
            blocks[-1] = (blocks[-1][0], b, blocks[-1][2], d)
        else:
            blocks.append((a, b, c, d))
    return blocks


def _grouped(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks whose contexts would meet, together."""
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * CONTEXT:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _hunk(group: Sequence[Block], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    first, last = group[0], group[-1]
    lead = min(CONTEXT, first[0], first[2])
    tail = min(CONTEXT, len(before) - last[1], len(after) - last[3])
    start_old, start_new = first[0] - lead, first[2] - lead
    lines: list[str] = []
    at = start_old
    for old_from, old_to, new_from, new_to in group:
        lines += [f" {_cut(line)}" for line in before[at:old_from]]
        lines += [f"-{_cut(line)}" for line in before[old_from:old_to]]
        lines += [f"+{_cut(line)}" for line in after[new_from:new_to]]
        at = old_to
    lines += [f" {_cut(line)}" for line in before[at : at + tail]]
    old_lines, new_lines = last[1] + tail - start_old, last[3] + tail - start_new
    # As in unified diffs: the line before, where there are none.
    return {
        "before_start": start_old + (old_lines > 0),
        "before_lines": old_lines,
        "after_start": start_new + (new_lines > 0),
        "after_lines": new_lines,
        "lines": lines,
    }


def _file(
    name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, content: Callable[[str], bytes], budget: _Budget
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "change": "added" if old is None else "removed" if new is None else "changed",
        "before": _place(old),
        "after": _place(new),
        # Why there are no hunks: "binary", "too_large" (to be compared), "too_different" (shown whole), "left_out" (of the answer).
        "note": None,
        "hunks": [],
        "added": 0,
        "removed": 0,
    }
    if any(side is not None and side["kind"] not in _TEXT_KINDS for side in (old, new)):
        return {**found, "note": "binary"}
    if any(side is not None and side["size"] > FILE_BYTES for side in (old, new)):
        return {**found, "note": "too_large"}
    if budget.lines <= 0:
        return {**found, "note": "left_out"}
    before = _lines(content(old["sha256"])) if old is not None else []
    after = _lines(content(new["sha256"])) if new is not None else []
    parts, left = hunks(before, after, steps=budget.steps)
    note = None if left else "too_different"
    # The next file gets a fair chance, too.
    budget.steps = max(left, STEPS // FILES_MOST)
    for part in parts:
        found["added"] += sum(line[0] == "+" for line in part["lines"])
        found["removed"] += sum(line[0] == "-" for line in part["lines"])
    shown = []
    for part in parts:
        if budget.lines <= 0:
            note = "left_out"
            break
        if len(part["lines"]) > budget.lines:
            part["lines"], note = part["lines"][: budget.lines], "left_out"
        budget.lines -= len(part["lines"])
        shown.append(part)
    return {**found, "hunks": shown, "note": note}


def _flags(before: Version, after: Version, content: Callable[[str], bytes]) -> dict[str, Any]:
    """Keys of flags that the code names as it asks for them, as far as that can be seen; only of versions that have flags at all."""
    old, new = _flags_of(before, content), _flags_of(after, content)
    return {"before": old, "after": new, "changed": old != new}


def _flags_of(version: Version, content: Callable[[str], bytes]) -> list[str]:
    if not any(binding["type"] in _FLAG_BINDINGS for binding in version.bindings):
        return []
    found: set[str] = set()
    for module in version.modules[:FILES_MOST]:
        if module["kind"] == "js" and module["size"] <= FILE_BYTES:
            found.update(_FLAG.findall(content(module["sha256"]).decode("utf-8", "replace")))
    return sorted(found)[:_FLAGS_MOST]


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\n")


def _cut(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}…"


def _place(module: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if module is None else {"kind": module["kind"], "size": module["size"], "sha256": module["sha256"]}


def _head(version: Version) -> dict[str, Any]:
    return {"id": str(version.pk), "number": version.number, "tag": version.tag, "message": version.message}
