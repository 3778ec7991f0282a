"""A column for JSON that takes every JSON value.

PostgreSQL's own JSON columns refuse U+0000 and unpaired surrogates, both of which a tenant may put into a binding, and an error's message
may quote. Nothing here is ever searched by its inside, so JSON is kept as ASCII text, which is the same on every database.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    # Django's fields are generic for the type checker only.
    _Field = models.Field


class JSONText(_Field):
    """Any JSON value, kept as text; None is SQL's NULL."""

    def get_internal_type(self) -> str:
        """The column is a text column."""
        return "TextField"

    def from_db_value(self, value: str | None, *_context: object) -> Any:
        """The value."""
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        """Values come as they are: a string is a JSON string, not a document."""
        return value

    def get_prep_value(self, value: Any) -> str | None:
        """The text; raises TypeError or ValueError for what is no JSON."""
        return None if value is None else json.dumps(value, allow_nan=False, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        """For Django's serializers."""
        return self.get_prep_value(self.value_from_object(obj)) or "null"
