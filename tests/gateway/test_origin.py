"""Whose word is believed on who asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import headers
from gateway.origin import Origins

TRUSTING = Origins(scheme="http", trusted=["10.0.0.0/8", "::1/128"])


def inbound(forwarded: bytes = b"", proto: bytes = b"") -> headers.Inbound:
    pairs = [(b"host", b"a")]
    pairs += [(b"x-forwarded-for", forwarded)] if forwarded else []
    pairs += [(b"x-forwarded-proto", proto)] if proto else []
    return headers.read(pairs)


@given(st.binary(max_size=60), st.binary(max_size=10), st.ip_addresses().map(str))
def test_without_trusted_proxies_nothing_a_visitor_says_counts(forwarded: bytes, proto: bytes, peer: str) -> None:
    assert Origins(scheme="https").of(peer, inbound(forwarded, proto)) == (peer, "https")


@given(st.binary(max_size=60), st.binary(max_size=10))
def test_whatever_a_proxy_passes_on_is_read_or_ignored(forwarded: bytes, proto: bytes) -> None:
    client, scheme = TRUSTING.of("10.0.0.1", inbound(forwarded, proto))
    assert client
    assert scheme in ("http", "https")


@pytest.mark.parametrize(
    ("peer", "forwarded", "proto", "expected"),
    [
        ("10.0.0.1", b"203.0.113.7", b"https", ("203.0.113.7", "https")),
        ("10.0.0.1", b"6.6.6.6, 203.0.113.7", b"HTTPS", ("203.0.113.7", "https")),
        ("10.0.0.1", b"203.0.113.7, 10.0.0.2", b"", ("203.0.113.7", "http")),
        ("10.0.0.1", b"nonsense, 10.0.0.2", b"gopher", ("10.0.0.2", "http")),
        ("10.0.0.1", b"", b"https", ("10.0.0.1", "https")),
        ("::1", b"2001:4860::1", b"", ("2001:4860::1", "http")),
        ("203.0.113.9", b"6.6.6.6", b"https", ("203.0.113.9", "http")),
    ],
)
def test_the_nearest_one_that_no_proxy_vouches_for_is_the_visitor(peer, forwarded, proto, expected) -> None:
    assert TRUSTING.of(peer, inbound(forwarded, proto)) == expected


def test_a_bad_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        Origins(scheme="http", trusted=["10.0.0.0/99"])
