"""The values of variants.

Owns what a value of each type may be. A value of the type `version` names a version of a worker; whether there is such a version is for
those who know rows.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from flags.errors import FlagInvalid
from flags.evaluation.limits import VALUE_BYTES, VALUE_DEPTH, VARIANTS
from flags.evaluation.result import Type

VARIANT_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_VERSION: Final = frozenset({"worker", "version"})
_EXPECTED: Final = {
    "boolean": "true or false",
    "string": "a text",
    "number": "a finite number",
    "json": "an object or a list",
    "version": 'an object {"worker": name, "version": id}',
}


def read_variants(sent: Any, kind: Type, path: str = "variants") -> dict[str, Any]:
    """Variants by name. Raises FlagInvalid."""
    if not isinstance(sent, Mapping) or not 1 <= len(sent) <= VARIANTS:
        raise FlagInvalid(f"“{path}” must be an object of 1 to {VARIANTS} variants.", field=path, limit=VARIANTS)
    for name, value in sent.items():
        if not isinstance(name, str) or not VARIANT_NAME.fullmatch(name):
            raise FlagInvalid("A variant's name has 1 to 63 letters, digits, dots, hyphens and underscores.", field=path)
        _check(value, kind, f"{path}.{name}")
    return dict(sent)


def _check(value: Any, kind: Type, path: str) -> None:
    right = {
        "boolean": isinstance(value, bool),
        "string": isinstance(value, str),
        "number": type(value) in (int, float) and _finite(value),
        "json": isinstance(value, dict | list),
        "version": isinstance(value, Mapping) and _names_version(value),
    }[kind]
    if not right:
        raise FlagInvalid(f"The value must be {_EXPECTED[kind]}.", field=path)
    try:
        size = len(json.dumps(value, allow_nan=False).encode())
        deep = _depth(value) > VALUE_DEPTH
    except (ValueError, TypeError, RecursionError):
        raise FlagInvalid("The value is not JSON.", field=path) from None
    if size > VALUE_BYTES or deep:
        raise FlagInvalid(f"A value may have {VALUE_BYTES} bytes as JSON and {VALUE_DEPTH} levels.", field=path, limit=VALUE_BYTES)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _names_version(value: Mapping[str, Any]) -> bool:
    if value.keys() != _VERSION or not all(isinstance(part, str) for part in value.values()):
        return False
    try:
        return bool(str(uuid.UUID(value["version"])) == value["version"])
    except ValueError:
        return False


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [inner for node in level for inner in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())]
    return depth
