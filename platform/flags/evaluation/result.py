"""What an evaluation answers.

Owns the shapes, the reasons and the error codes: OpenFeature's words (specification 0.8, "Types and data structures"), with what decided
and the bucket beside them.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Reason = Literal["STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "DISABLED", "ERROR"]
ErrorCode = Literal[
    "PROVIDER_NOT_READY", "FLAG_NOT_FOUND", "PARSE_ERROR", "TYPE_MISMATCH", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"
]
# A flag's own type, and what a caller may expect of it: `object` is met by `json` and `version`.
Type = Literal["boolean", "string", "number", "json", "version"]
Expected = Literal["boolean", "string", "number", "object"]
TYPES: Final[tuple[Type, ...]] = ("boolean", "string", "number", "json", "version")
EXPECTED_OF: Final[dict[Type, Expected]] = {
    "boolean": "boolean",
    "string": "string",
    "number": "number",
    "json": "object",
    "version": "object",
}


class Decided(msgspec.Struct, frozen=True, gc=False):
    """What had the last word. `id` and `index` (from 0) are a rule's."""

    by: Literal["rule", "default", "disabled", "schedule", "layer", "prerequisite"]
    sentence: str
    id: str | None = None
    index: int | None = None


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """The value of one flag for one context. What is in `value` is shared between evaluations: copy it before changing it.

    `bucket` (0 to 99,999) is there when a split or a percentage had a say. With an `error_code` the value is the caller's default,
    `variant` is None and the reason `ERROR`.
    """

    key: str
    value: Any
    variant: str | None
    reason: Reason
    type: Type | None = None
    decided: Decided | None = None
    bucket: int | None = None
    layer: str | None = None
    error_code: ErrorCode | None = None
    error_message: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One thing an evaluation asks, as `explain` shows it. `matched` is None where it was not asked; `bucket` as in `Evaluation`."""

    kind: Literal["enabled", "schedule", "layer", "prerequisite", "rule", "default", "condition"]
    sentence: str
    matched: bool | None
    id: str | None = None
    index: int | None = None
    bucket: int | None = None
    parts: tuple[Step, ...] = ()


def failed(key: str, default: Any, code: ErrorCode, message: str) -> Evaluation:
    """An evaluation that could not be made."""
    return Evaluation(key, default, None, "ERROR", error_code=code, error_message=message)
