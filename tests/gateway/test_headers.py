"""Headers keep their bytes, their order and their number; nobody speaks in the platform's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import headers
from gateway.errors import HostMissing, RequestRejected
from sandbox.errors import ResponseInvalid

NAME = st.from_regex(rb"x-[a-z0-9-]{1,12}", fullmatch=True)
VALUE = st.binary(max_size=40).map(lambda raw: bytes(byte for byte in raw if byte >= 32 and byte != 127))
PAIRS = st.lists(st.tuples(NAME, VALUE), max_size=30).map(lambda pairs: [pair for pair in pairs if pair[0] not in headers._KINDS])
TOLD = {"client": b"192.0.2.9", "peer": b"192.0.2.9", "scheme": b"http", "request_id": b"id", "trace": b"00-a-b-01"}


@given(PAIRS)
def test_everything_else_reaches_the_worker_as_it_came(pairs) -> None:
    inbound = headers.read([(b"host", b"a"), *pairs])
    told = headers.to_worker(inbound, **TOLD)
    assert told[: len(pairs) + 1] == [(b"host", b"a"), *pairs]
    assert [name for name, _ in told[len(pairs) + 1 :]] == [
        b"cf-connecting-ip",
        b"x-real-ip",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"hostel-request-id",
        b"traceparent",
    ]


@given(PAIRS)
def test_everything_else_reaches_the_visitor_as_it_was_given(pairs) -> None:
    assert headers.from_worker(pairs) == (pairs, None)


@pytest.mark.parametrize(
    "name", [b"cf-connecting-ip", b"x-real-ip", b"x-forwarded-proto", b"true-client-ip", b"cf-ray", b"hostel-version", b"hostel-anything"]
)
def test_a_visitor_cannot_speak_for_the_platform(name: bytes) -> None:
    told = headers.to_worker(headers.read([(b"host", b"a"), (name, b"spoofed"), (name, b"twice")]), **TOLD)
    assert b"spoofed" not in dict(told).values()
    assert dict(told)[b"cf-connecting-ip"] == b"192.0.2.9"


def test_the_chain_of_proxies_is_continued() -> None:
    inbound = headers.read([(b"x-forwarded-for", b"1.1.1.1, 2.2.2.2"), (b"host", b"a"), (b"x-forwarded-for", b"3.3.3.3")])
    told = headers.to_worker(inbound, **TOLD)
    assert [value for name, value in told if name == b"x-forwarded-for"] == [b"1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.9"]


@pytest.mark.parametrize(
    "name", [b"Connection", b"keep-alive", b"TE", b"transfer-encoding", b"Upgrade", b"Trailer", b"Hostel-Version", b"hostel-start"]
)
def test_a_worker_cannot_set_what_is_not_its_own(name: bytes) -> None:
    assert headers.from_worker([(b"a", b"1"), (name, b"x"), (b"b", b"2")]) == ([(b"a", b"1"), (b"b", b"2")], None)


@pytest.mark.parametrize(
    ("values", "length"),
    [([b"5"], 5), ([b" 5 "], 5), ([b"5", b"5"], 5), ([b"5", b"6"], None), ([b"-5"], None), ([b"5, 5"], None), ([b"0x5"], None), ([b""], None),
     ([b"\xb2"], None), ([b"9" * 30], None), ([], None)],
)  # fmt: skip
def test_a_declared_length_is_one_number_or_none(values, length) -> None:
    assert headers.from_worker([(b"Content-Length", value) for value in values]) == ([], length)


def test_what_is_needed_for_routing_is_read_and_still_passed_on() -> None:
    raw = [
        (b"host", b"a"),
        (b"cloudflare-workers-version-overrides", b'a="1"'),
        (b"cloudflare-workers-version-overrides", b'b="2"'),
        (b"cloudflare-workers-version-key", b"caf\xe9"),
        (b"content-length", b"12"),
        (b"accept", b"text/html"),
        (b"accept", b"*/*"),
        (b"cdn-loop", b"hostel"),
    ]
    inbound = headers.read(raw)
    assert inbound.kept == raw
    assert (inbound.overrides, inbound.version_key, inbound.length) == ('a="1", b="2"', "caf\xe9", 12)
    assert (inbound.accept, inbound.looped, inbound.chunked) == (b"text/html", True, False)


@pytest.mark.parametrize("raw", [[], [(b"host", b"a"), (b"host", b"a")]])
def test_a_request_names_one_host(raw) -> None:
    with pytest.raises(HostMissing):
        headers.read(raw)


@pytest.mark.parametrize("values", [[b"x"], [b"-1"], [b"1", b"2"], [b""], [b"1 "]])
def test_an_impossible_length_is_refused(values) -> None:
    with pytest.raises(RequestRejected):
        headers.read([(b"host", b"a"), *((b"content-length", value) for value in values)])


def test_response_headers_are_bounded() -> None:
    headers.from_worker([(b"x", b"a" * 255 * 1024)])
    headers.from_worker([(b"x", b"")] * 1024)
    for many in ([(b"x", b"a" * 256 * 1024)], [(b"x", b"")] * 1025):
        with pytest.raises(ResponseInvalid):
            headers.from_worker(many)
