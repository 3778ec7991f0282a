"""Dictionaries of RFC 8941 (Structured Field Values), as far as a header of ours needs them.

Owns a strict parser of the whole dictionary grammar, because one member we do not care about must neither hide a broken header nor break a
good one. One liberty: a key may begin with a digit, since workers' names may. Visitors write these bytes: whatever they are, the answer is
a dictionary or `ValueError`.
"""

from __future__ import annotations

import re
from typing import Final

HEADER_CHARACTERS: Final = 8_192
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"[a-z0-9*_][a-z0-9_.*-]*")
_BARE = re.compile(
    r"""(?P<number>-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.]))
      | (?P<string>"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*")
      | (?P<token>[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)
      | (?P<bytes>:[A-Za-z0-9+/]*={0,2}:)
      | (?P<boolean>\?[01])""",
    re.VERBOSE | re.ASCII,
)


def parse_strings(header: str) -> dict[str, str]:
    """The dictionary's members that are strings, by key (the last one of a key counts); raises ValueError for a malformed header."""
    if len(header) > HEADER_CHARACTERS:
        raise ValueError("the header is too long")
    text = header.strip(" ")
    members: dict[str, str | None] = {}
    position = 0
    while position < len(text):
        key, position = _match(_KEY, text, position)
        value: str | None = None
        if text.startswith("=", position):
            value, position = _inner_list(text, position) if text.startswith("=(", position) else _bare(text, position + 1)
        position = _parameters(text, position)
        members.pop(key, None)
        members[key] = value
        position = _skip(text, position)
        if position == len(text):
            break
        if text[position] != ",":
            raise ValueError(f"unexpected character at {position}")
        position = _skip(text, position + 1)
        if position == len(text):
            raise ValueError("the header ends with a comma")
    return {key: value for key, value in members.items() if value is not None}


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _match(pattern: re.Pattern[str], text: str, position: int) -> tuple[str, int]:
    found = pattern.match(text, position)
    if found is None:
        raise ValueError(f"unexpected character at {position}")
    return found.group(), found.end()


def _bare(text: str, position: int) -> tuple[str | None, int]:
    """A bare item: its text if it is a string, None if it is anything else."""
    found = _BARE.match(text, position)
    if found is None:
        raise ValueError(f"unexpected character at {position}")
    string = found["string"]
    return (re.sub(r"\\(.)", r"\1", string[1:-1]) if string is not None else None), found.end()


def _parameters(text: str, position: int) -> int:
    while text.startswith(";", position):
        position += 1
        while text.startswith(" ", position):
            position += 1
        _, position = _match(_KEY, text, position)
        if text.startswith("=", position):
            _, position = _bare(text, position + 1)
    return position


def _inner_list(text: str, position: int) -> tuple[None, int]:
    position += len("=(")
    while True:
        spaces = position
        while text.startswith(" ", position):
            position += 1
        if text.startswith(")", position):
            return None, position + 1
        if position == spaces and text[position - 1] != "(":
            raise ValueError(f"unexpected character at {position}")
        _, position = _bare(text, position)
        position = _parameters(text, position)
