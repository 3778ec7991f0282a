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
