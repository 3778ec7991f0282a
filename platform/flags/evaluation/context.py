"""The context of an evaluation, when it comes from outside.

Owns the check that keeps contexts small and of the shape that the engine reads. Values that are no JSON have no business here; what passes
is given back as it came, with header names in lower case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flags.errors import ContextInvalid
from flags.evaluation.attributes import REQUEST_OBJECTS, TARGETING_KEY, Context
from flags.evaluation.limits import CONTEXT_BYTES, CONTEXT_DEPTH, CONTEXT_VALUES, TARGETING_KEY_CHARACTERS

_HEADERS = "headers"


def parse_context(data: bytes) -> Context:
    """The context in a JSON text. Raises ContextInvalid."""
    if len(data) > CONTEXT_BYTES:
        raise ContextInvalid(f"A context may have {CONTEXT_BYTES} bytes.", field="context", limit=CONTEXT_BYTES)
    try:
        return check_context(json.loads(data))
    except (ValueError, RecursionError):
        raise ContextInvalid("A context is a JSON object.", field="context") from None


def check_context(value: Any) -> Context:
    """`value` itself if it can be a context. Raises ContextInvalid, naming what is wrong."""
    if not isinstance(value, Mapping):
        raise ContextInvalid("A context must be an object.", field="context")
    _check_size(value)
    key = value.get(TARGETING_KEY)
    if key is not None and not isinstance(key, str):
        raise ContextInvalid("The targeting key must be a text.", field=f"context.{TARGETING_KEY}")
    if key is not None and len(key) > TARGETING_KEY_CHARACTERS:
        raise ContextInvalid(
            f"The targeting key may have {TARGETING_KEY_CHARACTERS} characters.",
            field=f"context.{TARGETING_KEY}",
            limit=TARGETING_KEY_CHARACTERS,
        )
    for place in REQUEST_OBJECTS.values():
        if place in value and not isinstance(value[place], Mapping):
            raise ContextInvalid(f"“{place}” must be an object of texts.", field=f"context.{place}")
    if _HEADERS in value:
        return {**value, _HEADERS: {name.lower(): text for name, text in value[_HEADERS].items()}}
    return value


def _check_size(value: Mapping[str, Any]) -> None:
    """Level by level, so that no depth exhausts the stack; the size is that of all texts and names."""
    level: list[Any] = [value]
    count = size = 0
    for _ in range(CONTEXT_DEPTH):
        inner: list[Any] = []
        for node in level:
            size += _size_of(node)
            inner += node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
        count += len(inner)
        if count > CONTEXT_VALUES:
            raise ContextInvalid(f"A context may have {CONTEXT_VALUES} values.", field="context", limit=CONTEXT_VALUES)
        if size > CONTEXT_BYTES:
            raise ContextInvalid(f"A context may have {CONTEXT_BYTES} bytes.", field="context", limit=CONTEXT_BYTES)
        if not inner:
            return
        level = inner
    raise ContextInvalid(f"A context may be {CONTEXT_DEPTH} levels deep.", field="context", limit=CONTEXT_DEPTH)


def _size_of(node: Any) -> int:
    """Characters that a value brings by itself, without the values in it."""
    if isinstance(node, str):
        return len(node)
    if isinstance(node, Mapping):
        if not all(isinstance(name, str) for name in node):
            raise ContextInvalid("Names in a context are texts.", field="context")
        return sum(len(name) for name in node)
    if not isinstance(node, list | tuple | int | float | None):
        raise ContextInvalid("A context holds JSON values only.", field="context")
    # A number may have as many digits as it likes.
    return node.bit_length() // 3 if isinstance(node, int) else 0
