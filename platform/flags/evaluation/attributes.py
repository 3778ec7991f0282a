"""How a condition's attribute is found in a context.

Owns the spelling of attributes: `targetingKey`, a name (`plan`), a path into an object (`user.plan`), and parts of the request
(`header:x-plan`, `cookie:plan`, `query:utm_source`, `path`, `method`, `host`, `country`, `ip`). Never raises for what a context holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from flags.evaluation.limits import ATTRIBUTE_CHARACTERS

Context = Mapping[str, Any]
Getter = Callable[[Context], Any]

TARGETING_KEY: Final = "targetingKey"
# What the gateway and `env.FLAGS` put into every context of a request.
REQUEST_ATTRIBUTES: Final = ("path", "method", "host", "country", "ip")
# Prefix -> where the context keeps them: an object of texts, headers by their lower-case names.
REQUEST_OBJECTS: Final = {"header": "headers", "cookie": "cookies", "query": "query"}
_PLAIN: Final = re.compile(r"[^\s.:\x00-\x1f][^.:\x00-\x1f]*(?:\.[^.:\x00-\x1f]+)*")


def getter(attribute: str) -> Getter:
    """Reads the attribute out of a context; None where there is none. Raises ValueError for what is no attribute."""
    if not 1 <= len(attribute) <= ATTRIBUTE_CHARACTERS:
        raise ValueError(f"an attribute has 1 to {ATTRIBUTE_CHARACTERS} characters")
    prefix, separator, name = attribute.partition(":")
    if separator:
        if prefix not in REQUEST_OBJECTS or not name:
            raise ValueError(f"an attribute with a colon is one of {', '.join(f'{known}:NAME' for known in REQUEST_OBJECTS)}")
        return _of_request(REQUEST_OBJECTS[prefix], name.lower() if prefix == "header" else name)
    if not _PLAIN.fullmatch(attribute):
        raise ValueError("an attribute is a name, or names with dots between them")
    if "." in attribute:
        return _of_path(attribute)
    return lambda context: context.get(attribute)


def key_getter(attribute: str) -> Callable[[Context], str | None]:
    """Reads what somebody is put into a bucket by: a text, or a whole number as text; None for anything else."""
    read = getter(attribute)

    def key(context: Context) -> str | None:
        value = read(context)
        if type(value) is str:
            return value or None
        return str(value) if type(value) is int else None

    return key


def _of_request(place: str, name: str) -> Getter:
    def read(context: Context) -> Any:
        held = context.get(place)
        return held.get(name) if isinstance(held, Mapping) else None

    return read


def _of_path(path: str) -> Getter:
    names = path.split(".")

    def read(context: Context) -> Any:
        if path in context:
            return context[path]
        value: Any = context
        for name in names:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    return read
