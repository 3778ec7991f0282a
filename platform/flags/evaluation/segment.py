"""A segment: a named condition that many flags may use.

Owns its reading. A segment's percentages have the segment's own salt, so that all flags mean the same people by it.

    {"when": {"attribute": "email", "operator": "ends_with", "value": "@example.com"}, "salt": "…"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flags.errors import FlagInvalid
from flags.evaluation.conditions import Compiler, Condition
from flags.evaluation.limits import NAME_CHARACTERS, SEGMENT_COST


def compile_segment(sent: Any) -> Condition:
    """The segment's condition. Raises FlagInvalid."""
    if not isinstance(sent, Mapping) or sent.keys() != {"when", "salt"}:
        raise FlagInvalid("A segment has a condition, “when”.", field="when")
    salt = sent["salt"]
    if not isinstance(salt, str) or not 1 <= len(salt) <= NAME_CHARACTERS or ":" in salt:
        raise FlagInvalid(f"The salt must be a text of 1 to {NAME_CHARACTERS} characters without a colon.", field="salt")
    return Compiler(salt, None, most=SEGMENT_COST).read(sent["when"], "when")
