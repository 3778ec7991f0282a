"""Reads source maps (ECMA-426) that bundlers made and clients uploaded.

Owns the format and every bound on it: a map is the tenant's own input. A map that cannot be read is left out and said so, never an
error: the code runs without it.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from typing import Any, Final
from urllib.parse import unquote

from sandbox.transform.linemap import NAME_CHARACTERS, SOURCES, Entry, LineMap

MAP_BYTES: Final = 32 * 1024 * 1024
_DIGITS: Final = {char: value for value, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}
_NAMED: Final = re.compile(rb"//[#@]\s*sourceMappingURL=(\S+)\s*\Z")
_INLINE: Final = re.compile(r"data:application/json;(?:charset=utf-8;)?base64,(.+)", re.IGNORECASE)
_LARGEST: Final = (1 << 31) - 1
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f()]")


class MapInvalid(Exception):
    """The source map cannot be read."""


def named_by(content: bytes) -> str:
    """What the last line of a script says its map is; "" when it says nothing."""
    found = _NAMED.search(content.rstrip())
    return found[1].decode("utf-8", "replace") if found else ""


def inline(url: str) -> bytes | None:
    """The map inside a data: URL, or None when it is not one."""
    found = _INLINE.fullmatch(url)
    if found is None:
        return None
    try:
        return base64.b64decode(unquote(found[1]), validate=True)
    except (ValueError, binascii.Error):
        return b""


def read(content: bytes, module: str) -> LineMap:
    """The map of the module called `module`. Raises `MapInvalid`."""
    if len(content) > MAP_BYTES:
        raise MapInvalid(f"it has {len(content)} bytes, {MAP_BYTES} are read")
    try:
        value = json.loads(content.removeprefix(b")]}'"))
    except (ValueError, RecursionError):
        raise MapInvalid("it is not JSON") from None
    if not isinstance(value, dict) or value.get("version") != 3:  # noqa: PLR2004 - the format's only version
        raise MapInvalid("it is not of version 3")
    sources, mappings = value.get("sources"), value.get("mappings")
    if not isinstance(sources, list) or not isinstance(mappings, str) or len(sources) > SOURCES:
        raise MapInvalid(f"it must have `mappings` and at most {SOURCES} `sources`")
    names = tuple(_name(source, value.get("sourceRoot"), module) for source in sources)
    return LineMap.of(names, _entries(mappings, len(names)))


def _name(source: Any, root: Any, module: str) -> str:
    """A source's name as it is shown: without the steps that lead from the bundler's output to it."""
    text = source if isinstance(source, str) else module
    if isinstance(root, str) and root and "://" not in text:
        text = posixpath.join(root, text)
    text = text.partition("://")[2] if "://" in text else text
    parts = [part for part in _CONTROL.sub("_", text).split("/") if part not in {"", ".", ".."}]
    return "/".join(parts)[-NAME_CHARACTERS:] or module


def _entries(mappings: str, sources: int) -> list[Entry]:
    found: list[Entry] = []
    source = line = column = 0
    for number, group in enumerate(mappings.split(";"), 1):
        generated = 0
        last = (-1, -1)
        for segment in group.split(","):
            fields = _numbers(segment)
            if not fields:
                continue
            generated += fields[0]
            if len(fields) < 4:  # noqa: PLR2004 - a place in no source
                continue
            source, line, column = source + fields[1], line + fields[2], column + fields[3]
            if not (0 <= source < sources and 0 <= line < _LARGEST and 0 <= column < _LARGEST and 0 <= generated < _LARGEST):
                raise MapInvalid("a place in it lies outside its sources")
            # One place for each line of the author's on a line: what a stack names.
            if (source, line) != last:
                found.append((number, generated + 1, source, line + 1, column + 1))
                last = source, line
    return found


def _numbers(segment: str) -> list[int]:
    """A segment's numbers: base64 digits of five bits, the lowest first, with a sign in the lowest of all."""
    numbers: list[int] = []
    value = shift = 0
    for char in segment:
        digit = _DIGITS.get(char)
        if digit is None or shift > 30:  # noqa: PLR2004 - 32 bits
            raise MapInvalid("its mappings are malformed")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift:
        raise MapInvalid("its mappings are malformed")
    return numbers
