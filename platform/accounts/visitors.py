"""Where a request comes from.

Owns the reading of `X-Forwarded-For`: the control plane is reached through the gateway only, which adds whom it has seen.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104 - nobody's address, and nothing is bound to it


def visitor_address(request: HttpRequest) -> str:
    """The nearest address that is no proxy of ours: every entry left of a stranger's is hearsay. `0.0.0.0` where there is none."""
    entries = [entry.strip() for entry in request.headers.get("X-Forwarded-For", "").split(",")]
    found = next((entry for entry in reversed(entries) if not _trusted(entry)), entries[0])
    return found if _is_address(found) else UNKNOWN


def _trusted(entry: str) -> bool:
    try:
        address = ip_address(entry)
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in settings.HOSTEL.trusted_proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
