"""Reading the Host header.

Owns what is a host and how it is written canonically; pure, and fed by strangers. Must not know which hosts exist (routes.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.errors import HostInvalid, HostMissing

# Labels as in DNS, and underscores, which workers' names may have; or an IPv6 literal. The port may be empty (RFC 9110 §7.2).
_HOST: Final = re.compile(rb"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)\.?(?::([0-9]{0,5}))?")
_PREVIEW: Final = re.compile(r"(?:[0-9a-f]{8}|[a-z][a-z0-9-]*)-[a-z0-9_]")
_HOST_BYTES: Final = 253
_MAX_PORT: Final = 65535
# Room for every way visitors write the hosts that are used; strangers' inventions push out strangers' inventions.
_REMEMBERED: Final = 8192


@dataclass(frozen=True, slots=True)
class Host:
    """A valid host. `name` is lower case, without port and closing dot; `authority` is what belongs into a URL."""

    name: str
    authority: str

    @property
    def maybe_preview(self) -> bool:
        """Whether the name may be that of a version's preview: `{8 hex digits}-{worker}.…` or `{alias}-{worker}.…`."""
        return _PREVIEW.match(self.name) is not None


def parse_host(raw: bytes) -> Host:
    """The host that the header value `raw` names. Raises `HostMissing` for none at all, `HostInvalid` for anything else that is no host."""
    if not raw:
        raise HostMissing
    match = _HOST.fullmatch(raw.lower())
    if match is None or len(match[1]) > _HOST_BYTES:
        raise HostInvalid
    name, port = match[1].decode("ascii"), match[2]
    if not port:
        return Host(name, name)
    if not 0 < int(port) <= _MAX_PORT:
        raise HostInvalid
    return Host(name, f"{name}:{int(port)}")


class Hosts:
    """`parse_host`, remembering what it has read: the same few headers come with every request."""

    def __init__(self) -> None:
        """Start with an empty memory."""
        self._known: dict[bytes, Host] = {}

    def read(self, raw: bytes) -> Host:
        """As `parse_host`."""
        host = self._known.get(raw)
        if host is None:
            host = parse_host(raw)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[raw] = host
        return host
