"""Which addresses lead to the public internet.

Owns the table of networks that do not, and the unwrapping of IPv4 addresses that hide inside IPv6 ones. Must not know what an
operator allows (egress.py) nor open anything.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates, read in November 2026), RFC 6052
for NAT64. Python's own `ipaddress.is_global` is not used: what it answers changed between patch releases of Python 3.11.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

# What is not in this table is public for IPv4.
_SPECIAL_V4: Final = (
    (IPv4Network("0.0.0.0/8"), "unspecified"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("100.64.0.0/10"), "shared"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.0.0.0/24"), "reserved"),
    (IPv4Network("192.0.2.0/24"), "documentation"),
    (IPv4Network("192.31.196.0/24"), "reserved"),
    (IPv4Network("192.52.193.0/24"), "reserved"),
    (IPv4Network("192.88.99.0/24"), "reserved"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("192.175.48.0/24"), "reserved"),
    (IPv4Network("198.18.0.0/15"), "benchmarking"),
    (IPv4Network("198.51.100.0/24"), "documentation"),
    (IPv4Network("203.0.113.0/24"), "documentation"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
    # Azure's host services answer on a public-looking address inside every virtual machine.
    (IPv4Network("168.63.129.16/32"), "metadata"),
)
# For IPv6 only global unicast (RFC 4291 §2.4) can be public, and of that not these.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_SPECIAL_V6: Final = (
    # IETF protocol assignments: Teredo, benchmarking, ORCHID, anycast services.
    (IPv6Network("2001::/23"), "reserved"),
    (IPv6Network("2001:db8::/32"), "documentation"),
    # 6to4: the IPv4 address inside is reached through whoever runs a relay.
    (IPv6Network("2002::/16"), "tunnel"),
    (IPv6Network("2620:4f:8000::/48"), "reserved"),
    (IPv6Network("3fff::/20"), "documentation"),
)
# Names for the operator's counters; what is in none of these is "reserved" all the same.
_NAMED_V6: Final = (
    (IPv6Network("::/128"), "unspecified"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("64:ff9b:1::/48"), "tunnel"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("ff00::/8"), "multicast"),
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")


def unwrap(address: Address) -> Address:
    """The address packets really go to: the IPv4 address inside an IPv4-mapped or NAT64 one, else `address` itself."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def special_use(address: Address) -> str:
    """Why `address` is not on the public internet, as one word of the registry, or "" when it is."""
    address = unwrap(address)
    if isinstance(address, IPv4Address):
        return next((name for network, name in _SPECIAL_V4 if address in network), "")
    if address.scope_id is not None:
        return "link-local"
    if address in _GLOBAL_UNICAST:
        return next((name for network, name in _SPECIAL_V6 if address in network), "")
    return next((name for network, name in _NAMED_V6 if address in network), "reserved")


def parse_address(host: str) -> Address | None:
    """The address that `host` spells in any way a resolver would take as one, or None when it is a name.

    Besides the canonical forms these are the ones of inet_aton(3): decimal, octal, hexadecimal, and fewer than four parts
    (`2130706433`, `0177.1`, `0x7f000001`, `127.1`), with or without the brackets of a URL or the dot at the end of a name.
    """
    text = host[1:-1] if host.startswith("[") and host.endswith("]") else host.removesuffix(".")
    try:
        return ip_address(text)
    except ValueError:
        pass
    # inet_aton stops at white space and ignores the rest: such a host is no name either, but never an address.
    if not text or not text.isascii() or any(char.isspace() for char in text):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None
