"""The Host header, as strangers write it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import HostInvalid, HostMissing
from gateway.hosts import Host, Hosts, parse_host

LABEL = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=5).map(".".join)


@given(NAME, st.integers(1, 65535), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_case_port_and_closing_dot_name_the_same_host(name, port, dot, with_port, random) -> None:
    written = "".join(random.choice((char.upper(), char)) for char in name) + "." * dot + f":{port}" * with_port
    assert parse_host(written.encode()) == Host(name, f"{name}:{port}" if with_port else name)


@given(st.binary(max_size=300))
@example(b"a..b")
@example(b".a")
@example(b"a.b..")
@example(b"[::1")
@example(b"a:1:2")
def test_anything_else_is_refused_by_name(raw: bytes) -> None:
    try:
        host = parse_host(raw)
    except (HostInvalid, HostMissing):
        return
    assert host.name == host.name.lower()
    assert host.name.isascii()
    assert not set(host.name) & set(" /@?#\\%,")
    assert host.authority.startswith(host.name)


@given(st.binary(min_size=1, max_size=80))
def test_reading_is_idempotent(raw: bytes) -> None:
    try:
        host = parse_host(raw)
    except HostInvalid:
        return
    assert parse_host(host.authority.encode()) == host


@pytest.mark.parametrize(
    "raw",
    [b"a b", b"a/b", b"user@a", b"a,b", b"a?b", b"a#b", b"a%2eb", b"\xc3\xa9.com", b"a..b", b".a", b"a:99999", b"a:0", b"a:x", b"a:-1", b"[::1", b"::1",
     b"[zz::1]", b"x" * 64, b"a." * 127 + b"a", b"a\x00b", b"a\r\nb", b"\ta", b"a;b"],
)  # fmt: skip
def test_hostile_hosts(raw: bytes) -> None:
    with pytest.raises(HostInvalid):
        parse_host(raw)


@pytest.mark.parametrize(
    ("raw", "name", "authority"),
    [
        (b"localhost", "localhost", "localhost"),
        (b"LOCALHOST:", "localhost", "localhost"),
        (b"127.0.0.1:8787", "127.0.0.1", "127.0.0.1:8787"),
        (b"[::1]:8787", "[::1]", "[::1]:8787"),
        (b"My_Worker.acme.localhost.:080", "my_worker.acme.localhost", "my_worker.acme.localhost:80"),
        (b"xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_hosts(raw: bytes, name: str, authority: str) -> None:
    assert parse_host(raw) == Host(name, authority)


def test_a_missing_host_has_an_error_of_its_own() -> None:
    with pytest.raises(HostMissing):
        parse_host(b"")


def test_previews_are_told_by_their_look() -> None:
    assert parse_host(b"0a1b2c3d-api.acme.localhost").maybe_preview
    assert not parse_host(b"api.acme.localhost").maybe_preview
    assert not parse_host(b"0a1b2c3-api.acme.localhost").maybe_preview
    assert not parse_host(b"0a1b2c3d.acme.localhost").maybe_preview


def test_the_memory_of_hosts_is_bounded() -> None:
    hosts = Hosts()
    for index in range(20_000):
        hosts.read(b"h%d" % index)
    assert len(hosts._known) <= 8192
    assert hosts.read(b"A") == hosts.read(b"A") == Host("a", "a")
