"""Takes typed values out of a JSON object that a stranger sent.

Owns the checking of types and the naming of the field that is wrong. Must not know what the fields mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sandbox.errors import HostelError

Value = TypeVar("Value")


class Fields:
    """A JSON object's fields. Each getter gives None for a field that is absent or null, and raises `error` for another type."""

    def __init__(self, source: Mapping[str, Any], *, error: type[HostelError], prefix: str = "") -> None:
        """Read from `source`; `prefix` stands before the field's name in errors."""
        self._source = source
        self._error = error
        self._prefix = prefix

    def text(self, key: str) -> str | None:
        """A string."""
        return self._of(key, str, "a string")

    def flag(self, key: str) -> bool | None:
        """A boolean."""
        return self._of(key, bool, "true or false")

    def mapping(self, key: str) -> dict[str, Any] | None:
        """An object."""
        return self._of(key, dict, "an object")

    def strings(self, key: str) -> list[str] | None:
        """A list of strings."""
        return self._all(key, str, "a list of strings")

    def objects(self, key: str) -> list[dict[str, Any]] | None:
        """A list of objects."""
        return self._all(key, dict, "a list of objects")

    def texts_by_name(self, key: str) -> dict[str, str]:
        """An object of strings; empty when it is absent. Null values are left out."""
        found = {name: value for name, value in (self.mapping(key) or {}).items() if value is not None}
        if not all(isinstance(value, str) for value in found.values()):
            raise self.wrong(key, "an object of strings")
        return found

    def wrong(self, key: str, kind: str) -> HostelError:
        """The error for a field that is not `kind`."""
        name = self._prefix + key
        return self._error(f"{name} must be {kind}.", field=name)

    def _of(self, key: str, kind: type[Value], words: str) -> Value | None:
        value = self._source.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(key, words)
        return value

    def _all(self, key: str, kind: type[Value], words: str) -> list[Value] | None:
        value = self._of(key, list, words)
        if value is not None and not all(isinstance(item, kind) for item in value):
            raise self.wrong(key, words)
        return value
