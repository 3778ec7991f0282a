"""Reads form fields whose names hold brackets: `metadata[bindings][][type]=plain_text`.

Owns the npm SDK's way of writing a JSON object into a form (its `qs` style): `[key]` opens an object, `[]` appends to a list.
Must not know which keys exist, except for the few whose values are no strings, because a form has only strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cfapi.errors import MetadataInvalid
from cfapi.multipart import Part

DEPTH = 6
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_BOOLEANS = frozenset({"logpush", "keep_assets", "enabled"})
_NUMBERS = frozenset({"cpu_ms", "subrequests", "head_sampling_rate"})


def nested(fields: Sequence[Part], root: str) -> dict[str, Any]:
    """The object that the fields `root[…]` spell, in their order. Raises MetadataInvalid."""
    top: dict[str, Any] = {}
    for part in fields:
        path = _SEGMENT.findall(part.name)
        if part.name != root + "".join(f"[{key}]" for key in path) or not path[0] or len(path) > DEPTH:
            raise MetadataInvalid(f"The field name {part.name[:80]!r} is not valid.", field=root)
        try:
            text = part.content.decode("utf-8")
        except UnicodeDecodeError:
            raise MetadataInvalid(f"The field {part.name[:80]!r} is not UTF-8.", field=root) from None
        if "\x00" in text or "\x00" in part.name:
            raise MetadataInvalid(f"The field {part.name[:80]!r} holds a NUL character.", field=root)
        try:
            _put(top, path, _typed(path[-1], text))
        except (TypeError, AttributeError, KeyError):
            raise MetadataInvalid(f"The field {part.name[:80]!r} contradicts an earlier one.", field=root) from None
    return top


def _put(node: Any, path: list[str], value: Any) -> None:
    """Write `value` at `path`, making objects and lists on the way; KeyError where a value already stands."""
    for at, key in enumerate(path[:-1]):
        make: Any = list if path[at + 1] == "" else dict
        if key == "":
            # One object of a list is told from the next by a key that comes back: the SDK writes each whole, in order.
            if not node or _taken(node[-1], path[at + 1 :]):
                node.append(make())
            node = node[-1]
        else:
            node = node.setdefault(key, make())
    last = path[-1]
    if last == "":
        node.append(value)
    elif last in node:
        raise KeyError(last)
    else:
        node[last] = value


def _taken(node: Any, path: list[str]) -> bool:
    for key in path:
        if key == "" or not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def _typed(key: str, text: str) -> Any:
    if key in _BOOLEANS and text in {"true", "false"}:
        return text == "true"
    if key in _NUMBERS and text.isascii() and text.isdigit() and len(text) < len(str(2**63)):
        return int(text)
    return text
