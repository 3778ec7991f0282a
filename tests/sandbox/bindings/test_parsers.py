"""Whatever a guest or a server sends is read, or refused with an error of its own; nothing else is ever raised."""

from __future__ import annotations

import contextlib
import gzip
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from sandbox.bindings import wire
from sandbox.bindings.decoding import STEP_BYTES, Gunzip
from sandbox.bindings.failures import FetchFailed, FetchInvalid, UpstreamInvalid
from sandbox.bindings.redirects import Hop, next_hop, parse_url

PIECE = st.sampled_from(
    ["http", "https", ":", "//", "/", "@", "?", "#", "[", "]", "::1", "127.1", "a.example", "\\", "%2f", ":80", ":", ".", "..", "é"]
)
URLISH = st.one_of(st.text(max_size=60), st.lists(PIECE, max_size=10).map("".join))
HEADERS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=8)


@given(URLISH)
@example("http://[::1%25eth0]/")
@example("http://a:/")
@example("http://]/")
def test_urls(text: str) -> None:
    with contextlib.suppress(FetchInvalid):
        url = parse_url(text)
        assert url.scheme in ("http", "https")
        assert url.raw_host
        assert not url.raw_user
        assert not url.raw_fragment
        assert parse_url(str(url)) == url


@given(
    st.one_of(st.binary(max_size=60), URLISH.map(lambda text: text.encode("utf-8", "surrogatepass"))),
    st.sampled_from([301, 302, 303, 307, 308]),
)
def test_locations(location: bytes, status: int) -> None:
    hop = Hop("POST", URL("http://start.example/a/b"), [(b"authorization", b"x")], b"body")
    with contextlib.suppress(FetchFailed):
        following = next_hop(hop, status, location)
        assert following is not None
        assert following.url.scheme in ("http", "https")
        same = following.url.raw_host == "start.example" and following.url.port == 80
        assert bool(following.headers) == same


@given(HEADERS, st.integers(0, 15))
def test_request_headers(headers, loops: int) -> None:
    with contextlib.suppress(FetchInvalid):
        sent = wire.outgoing(headers, loops=loops)
        assert not [pair for pair in sent if b"\r" in pair[0] + pair[1] or b"\n" in pair[0] + pair[1]]
        assert wire.loops_of(sent) == loops + 1
    with contextlib.suppress(FetchInvalid):
        wire.declared_length(headers)


@given(HEADERS, st.booleans())
def test_response_headers(headers, decoded: bool) -> None:
    with contextlib.suppress(UpstreamInvalid):
        seen = wire.incoming(tuple(headers), decoded=decoded)
        assert all(name == name.lower() and b"\n" not in value for name, value in seen)


@given(st.binary(max_size=200_000), st.lists(st.integers(1, 5000), max_size=20), st.integers(0, 9))
def test_gzip_in_any_pieces(body: bytes, cuts: list[int], level: int) -> None:
    packed = gzip.compress(body, level)
    gunzip, out = Gunzip(), []
    for cut in [*cuts, len(packed)]:
        piece, packed = packed[:cut], packed[cut:]
        out += gunzip.feed(piece)
    gunzip.finish()
    assert b"".join(out) == body
    assert all(0 < len(piece) <= STEP_BYTES for piece in out)


@given(st.binary(max_size=300), st.integers(0, 300), st.binary(max_size=4))
def test_damaged_gzip(body: bytes, at: int, damage: bytes) -> None:
    packed = gzip.compress(body)
    with contextlib.suppress(UpstreamInvalid):
        gunzip = Gunzip()
        list(gunzip.feed(packed[:at] + damage + packed[at:]))
        gunzip.finish()


@given(st.binary(max_size=300))
def test_what_is_no_gzip_at_all(data: bytes) -> None:
    with contextlib.suppress(UpstreamInvalid):
        gunzip = Gunzip()
        list(gunzip.feed(data))
        gunzip.finish()


def test_padding_after_the_last_member_means_nothing() -> None:
    gunzip = Gunzip()
    assert b"".join(gunzip.feed(gzip.compress(b"x") + bytes(512))) == b"x"
    gunzip.finish()


def test_a_body_of_nothing_is_empty() -> None:
    Gunzip().finish()
    with pytest.raises(UpstreamInvalid):
        list(Gunzip().feed(zlib.compress(b"not gzip")))
