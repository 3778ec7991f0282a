"""What all serializers share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Sent(serializers.Serializer[Any]):
    """The base of what clients send: a key that is not declared is refused, not dropped."""

    def to_internal_value(self, data: Any) -> Any:
        """Also refuse unknown keys."""
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({str(unknown[0])[:80]: "There is no such field."})
        return super().to_internal_value(data)


class Shown(serializers.Serializer[Any]):
    """The base of what Hostel answers: for rendering only."""


class Whole(serializers.IntegerField):
    """A JSON number without a fraction: no text that looks like one, no true or false."""

    def to_internal_value(self, data: Any) -> int:
        """The number, or the field's error."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(data)


class Flag(serializers.BooleanField):
    """true or false, and nothing that could be taken for one."""

    def to_internal_value(self, data: Any) -> bool:
        """The value, or the field's error."""
        if not isinstance(data, bool):
            self.fail("invalid", input=str(data)[:80])
        return data
