"""How records and rows name whom a flag was evaluated for, and which variant that was; and what an event may be.

Owns the spellings and bounds that the gateway, the API and the counting share. Pure.
"""

from __future__ import annotations

import hashlib
from typing import Final

# As long as the column of the roll-ups.
VARIANT_CHARACTERS: Final = 64
TARGETING_CHARACTERS: Final = 1_024
EVENT_CHARACTERS: Final = 100
SUBJECT_CHARACTERS: Final = 24
# Of an event's value: sums of squares of these are far from where floats end.
MOST_VALUE: Final = 1e12
_DIGEST_BYTES: Final = 8


def subject_of(account_id: str, key: str) -> str:
    """24 hex digits for a targeting key of a tenant's: equal for equal keys, and telling nothing to whoever does not know the key."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=SUBJECT_CHARACTERS // 2, key=account_id.encode()[:64])
    return digest.hexdigest()


def variant_label(flag: str, variant: str) -> str:
    """`flag:variant`, as it stands in the pool's key and in roll-ups; where that is too long the end of it is a digest."""
    label = f"{flag}:{variant}"
    if len(label) <= VARIANT_CHARACTERS:
        return label
    digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{label[: VARIANT_CHARACTERS - 2 * _DIGEST_BYTES - 1]}~{digest}"


def is_countable(value: object) -> bool:
    """Whether an event's value is a number that can be added up."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST_VALUE <= value <= MOST_VALUE
