"""Who asks, and how: the visitor's address and scheme behind any proxies in front of this gateway.

Owns the one decision whose word to believe. Without trusted proxies it is the connection's own address and the scheme the operator has set.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

from gateway.headers import Inbound

_REMEMBERED: Final = 4096


class Origins:
    """Tells visitors from proxies."""

    def __init__(self, *, scheme: str, trusted: Iterable[str] = ()) -> None:
        """`scheme` is what visitors use unless a proxy in the `trusted` networks says otherwise. Raises ValueError for no network."""
        self._scheme = scheme
        self._networks = [ip_network(network) for network in trusted]
        self._known: dict[str, bool] = {}

    def of(self, peer: str, inbound: Inbound) -> tuple[str, str]:
        """The visitor's address and scheme for a request that came from the address `peer`."""
        if not self._networks or not self._trusts(peer):
            return peer, self._scheme
        scheme = inbound.forwarded_proto.strip().lower()
        client = peer
        # The last entry was written by the nearest proxy; the first one nobody vouches for is the visitor.
        for entry in reversed(inbound.forwarded_for.decode("latin-1").split(",")):
            try:
                client = str(ip_address(entry.strip()))
            except ValueError:
                break
            if not self._trusts(client):
                break
        return client, scheme.decode() if scheme in (b"http", b"https") else self._scheme

    def _trusts(self, address: str) -> bool:
        trusted = self._known.get(address)
        if trusted is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            parsed = ip_address(address)
            trusted = self._known[address] = any(parsed in network for network in self._networks)
        return trusted
