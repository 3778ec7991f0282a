"""What guest code may connect to.

Owns the egress policy: deny every address that is not on the public internet, except what the operator lists. Must not resolve
names or open connections (guard.py asks this policy at both moments), and never says to a guest which rule decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Self

from sandbox.bindings.failures import EgressRuleInvalid
from sandbox.bindings.networks import Address, parse_address, special_use, unwrap

# Mail from a shared platform is spam; every provider blocks this one.
DENIED_PORTS: Final = frozenset({25})
_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_HOST_PORT: Final = re.compile(r"(\[[^\]]+\]|[^:\[\]]+):(\d{1,5})")
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Public addresses on any port but `denied_ports`, and whatever the operator's rules name."""

    # (network, port), port 0 is any.
    networks: tuple[tuple[IPv4Network | IPv6Network, int], ...] = ()
    # (lower-case name, port); a name that starts with "*." covers everything below it.
    names: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    denied_ports: frozenset[int] = DENIED_PORTS

    @classmethod
    def allowing(cls, rules: str | Iterable[str] = "", *, denied_ports: Iterable[int] = DENIED_PORTS) -> Self:
        """A policy from an operator's rules: `10.0.0.0/8`, `127.0.0.1:9000`, `[::1]:80`, `db.corp.example:8080`, `*.corp.example`.

        A string holds several, separated by commas or white space. A rule that names a host trusts whatever that name resolves to.
        Raises `EgressRuleInvalid` naming the entry.
        """
        entries = rules.replace(",", " ").split() if isinstance(rules, str) else list(rules)
        networks: list[tuple[IPv4Network | IPv6Network, int]] = []
        names: set[tuple[str, int]] = set()
        for entry in entries:
            host, port = _split_port(entry)
            if (network := _network(host)) is not None:
                networks.append((network, port))
            elif _NAME.fullmatch(host.lower()) and not host.replace(".", "").isdigit():
                names.add((host.lower().removesuffix("."), port))
            else:
                raise EgressRuleInvalid(f"The egress rule {entry[:80]!r} is no CIDR network, address or host name.", field="egress_allow")
        return cls(tuple(networks), frozenset(names), frozenset(denied_ports))

    def trusts_name(self, host: str, port: int) -> bool:
        """Whether the operator named `host` itself, so that its addresses need no vetting."""
        host = host.lower().removesuffix(".")
        if (host, port) in self.names or (host, 0) in self.names:
            return True
        parents = host.split(".")[1:]
        return any((f"*.{'.'.join(parents[index:])}", wanted) in self.names for index in range(len(parents)) for wanted in (port, 0))

    def permits_port(self, port: int) -> bool:
        """Whether any host may be reached on `port` (1 to 65535) at all."""
        return 0 < port <= _MAX_PORT and port not in self.denied_ports

    def objection(self, address: Address, port: int) -> str:
        """Why `address` must not be connected to on `port`, as one word for the operator's counters; "" when it may."""
        if not self.permits_port(port):
            return "port"
        reason = special_use(address)
        if not reason:
            return ""
        # A mapped spelling must match the rule that was written for the plain one.
        target = unwrap(address)
        allowed = any(wanted in (0, port) and target.version == network.version and target in network for network, wanted in self.networks)
        return "" if allowed else reason


def _split_port(entry: str) -> tuple[str, int]:
    if match := _HOST_PORT.fullmatch(entry):
        port = int(match[2])
        if not 0 < port <= _MAX_PORT:
            raise EgressRuleInvalid(f"The egress rule {entry[:80]!r} has no valid port.", field="egress_allow", limit=_MAX_PORT)
        return match[1], port
    return entry, 0


def _network(host: str) -> IPv4Network | IPv6Network | None:
    if "/" in host:
        try:
            return ip_network(host.strip("[]"))
        except ValueError:
            raise EgressRuleInvalid(f"The egress rule {host[:80]!r} is no CIDR network.", field="egress_allow") from None
    address = parse_address(host)
    return None if address is None else ip_network(unwrap(address))
