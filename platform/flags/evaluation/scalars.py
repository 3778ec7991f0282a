"""Versions, dates and addresses, as conditions compare them.

Owns the reading of a text as a semantic version (semver.org 2.0.0), a moment (ISO 8601) or an IP address. What cannot be read is None,
never an error: contexts come from strangers.
"""

from __future__ import annotations

import ipaddress
import math
import re
from datetime import UTC, datetime
from typing import Any, Final

SEMVER_CHARACTERS: Final = 128
_DATE_CHARACTERS: Final = 40
_ADDRESS_CHARACTERS: Final = 64
_SEMVER: Final = re.compile(
    r"v?(0|[1-9][0-9]{0,8})(?:\.(0|[1-9][0-9]{0,8}))?(?:\.(0|[1-9][0-9]{0,8}))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_MILLISECONDS: Final = 1_000.0

# Numbers, then whether it is a release, then the parts of the pre-release: tuples compare as section 11 of the standard says.
SemVer = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def semver_of(text: Any) -> SemVer | None:
    """What orders versions; `2` is `2.0.0`, a leading `v` and build metadata do not count."""
    if type(text) is not str or len(text) > SEMVER_CHARACTERS or (match := _SEMVER.fullmatch(text)) is None:
        return None
    major, minor, patch, pre = match.groups()
    parts = tuple((False, int(part), "") if part.isdecimal() else (True, 0, part) for part in pre.split(".")) if pre else ()
    return int(major), int(minor or 0), int(patch or 0), not pre, parts


def moment_of(value: Any) -> float | None:
    """Seconds since 1970 of an ISO 8601 text (UTC unless it says otherwise), or of a number of milliseconds since 1970."""
    if type(value) is str:
        if len(value) > _DATE_CHARACTERS:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if type(value) in (int, float):
        try:
            seconds = value / _MILLISECONDS
        except OverflowError:
            return None
        return seconds if math.isfinite(seconds) else None
    return None


def address_of(text: Any) -> tuple[int, int] | None:
    """Family (4 or 6) and number of an IP address; an IPv4 address written as IPv6 (`::ffff:…`) is one of family 4."""
    if type(text) is not str or len(text) > _ADDRESS_CHARACTERS:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return 4, int(address.ipv4_mapped)
    return address.version, int(address)


def network_of(text: str) -> tuple[int, int, int]:
    """Family, length of the prefix, and the prefix as a number, of `10.0.0.0/8` or one address. Raises ValueError."""
    network = ipaddress.ip_network(text, strict=False)
    bits = network.max_prefixlen - network.prefixlen
    return network.version, network.prefixlen, int(network.network_address) >> bits
