"""How large what tenants write about flags may be, and what one evaluation may cost.

Owns the bounds, so that checks, documentation and tests name the same numbers. They keep the dearest flag there can be at a few
milliseconds: it is evaluated on the gateway's event loop.
"""

from __future__ import annotations

from typing import Final

# A flag's document as JSON, in bytes.
FLAG_BYTES: Final = 65_536
KEY_CHARACTERS: Final = 128
NAME_CHARACTERS: Final = 200
VARIANTS: Final = 50
# One variant's value as JSON, in bytes, and how deep a JSON value may be.
VALUE_BYTES: Final = 16_384
VALUE_DEPTH: Final = 16
RULES: Final = 100
# AND, OR and NOT within each other.
DEPTH: Final = 6
ATTRIBUTE_CHARACTERS: Final = 128
# Values that one condition compares with, and the length of one.
VALUES: Final = 1_000
VALUE_CHARACTERS: Final = 1_024
PATTERN_CHARACTERS: Final = 256
# Instructions of a compiled pattern.
PATTERN_PROGRAM: Final = 2_000
# Longer texts match no pattern.
PATTERN_TEXT_BYTES: Final = 4_096
# What all conditions of a flag, or of a segment, may cost together: about 0.2 us each unit.
FLAG_COST: Final = 2_000
SEGMENT_COST: Final = 500
SEGMENT_USES: Final = 20
PREREQUISITES: Final = 10
# Flags that one evaluation may pass through by prerequisites.
PREREQUISITE_CHAIN: Final = 8
PREREQUISITES_IN_ALL: Final = 20
# Pieces that a split or a layer's slice may fall into after many changes.
PIECES: Final = 400
# The context of one evaluation.
CONTEXT_BYTES: Final = 65_536
CONTEXT_VALUES: Final = 2_000
CONTEXT_DEPTH: Final = 8
TARGETING_KEY_CHARACTERS: Final = 1_024
