"""Every spelling of an address that is not public is refused; public ones are not."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.failures import EgressRuleInvalid
from sandbox.bindings.networks import parse_address, special_use

PRIVATE = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"]


def spellings(address: IPv4Address) -> list[str]:
    """Every way of writing `address` that inet_aton or an IPv6 parser reads."""
    number = int(address)
    a, b, c, d = address.packed
    low16, low24 = number & 0xFFFF, number & 0xFFFFFF
    v6 = [IPv6Address(0xFFFF << 32 | number), IPv6Address((0x64FF9B << 96) | number)]
    return [
        f"{a}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.{d}.",
        f"{a}.{b}.{low16}",
        f"{a}.{low24}",
        str(number),
        hex(number),
        f"0X{number:X}",
        f"0{number:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"00000{a:o}.{b}.0x{low16:x}",
        f"0x{a:08x}.{low24}",
        *[str(address) for address in v6],
        *[address.exploded for address in v6],
        *[f"[{address.exploded.upper()}]" for address in v6],
        f"::ffff:{a}.{b}.{c}.{d}",
        f"[0:0:0:0:0:FFFF:{a}.{b}.{c}.{d}]",
    ]


@given(st.sampled_from(PRIVATE).flatmap(lambda net: st.ip_addresses(network=net)), st.data())
def test_any_spelling_of_a_private_address_is_refused(address: IPv4Address, data: st.DataObject) -> None:
    spelling = data.draw(st.sampled_from(spellings(address)))
    parsed = parse_address(spelling)
    assert parsed is not None, spelling
    assert EgressPolicy().objection(parsed, 80), spelling


@given(st.ip_addresses(v=4), st.data())
def test_all_spellings_of_an_address_are_judged_alike(address: IPv4Address, data: st.DataObject) -> None:
    parsed = parse_address(data.draw(st.sampled_from(spellings(address))))
    assert parsed is not None
    assert special_use(parsed) == special_use(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_a_tunnel_is_refused_whatever_it_is(address: IPv4Address) -> None:
    six_to_four = IPv6Address(0x2002 << 112 | int(address) << 80)
    teredo = IPv6Address(0x20010000 << 96 | (~int(address) & 0xFFFFFFFF))
    compatible = IPv6Address(int(address))
    assert special_use(six_to_four)
    assert special_use(teredo)
    assert special_use(compatible)


@given(st.text(max_size=40))
def test_parsing_never_raises(text: str) -> None:
    parse_address(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("169.254.169.254", "link-local"),
        ("fd00:ec2::254", "private"),
        ("fd20:ce::254", "private"),
        ("100.100.100.200", "shared"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("2606:4700::1%eth0", "link-local"),
        ("ff02::1", "multicast"),
        ("fec0::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("64:ff9b:1::1", "tunnel"),
        ("192.0.2.1", "documentation"),
        ("198.18.0.1", "benchmarking"),
        ("255.255.255.255", "reserved"),
    ],
)
def test_special_addresses_by_name(text: str, reason: str) -> None:
    assert special_use(ip_address(text)) == reason


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860::8888"]
)
def test_public_addresses_are_allowed(text: str) -> None:
    assert special_use(ip_address(text)) == ""
    assert EgressPolicy().objection(ip_address(text), 443) == ""


def test_a_public_address_behind_nat64_is_public() -> None:
    assert special_use(ip_address("64:ff9b::808:808")) == ""
    assert special_use(ip_address("64:ff9b::a00:1")) == "private"


@pytest.mark.parametrize(
    "text", ["", ".", "a", "1.2.3.4.5", "256.1.1.1", "1.1.1.1 x", "0x", "[::1", "::1]", "1..2", "localhost", "١٢٧.0.0.1"]
)
def test_names_are_no_addresses(text: str) -> None:
    assert parse_address(text) is None


def test_rules_open_exactly_what_they_name() -> None:
    policy = EgressPolicy.allowing("10.1.0.0/16, 127.0.0.1:9000 [::1]:80 db.corp.example:5432 *.api.example")
    allowed = lambda text, port: policy.objection(ip_address(text), port) == ""  # noqa: E731
    assert allowed("10.1.2.3", 1)
    assert allowed("::ffff:10.1.2.3", 1)
    assert not allowed("10.2.0.1", 1)
    assert allowed("127.0.0.1", 9000)
    assert not allowed("127.0.0.1", 9001)
    assert not allowed("127.0.0.2", 9000)
    assert allowed("::1", 80)
    assert not allowed("::1", 81)
    assert policy.trusts_name("DB.corp.example.", 5432)
    assert not policy.trusts_name("db.corp.example", 80)
    assert policy.trusts_name("a.b.api.example", 80)
    assert not policy.trusts_name("api.example", 80)
    assert not policy.trusts_name("xapi.example", 80)


@pytest.mark.parametrize("port", [0, 25, 65536, -1])
def test_some_ports_are_refused_everywhere(port: int) -> None:
    assert EgressPolicy.allowing("0.0.0.0/0").objection(ip_address("1.1.1.1"), port) == "port"


@pytest.mark.parametrize("rule", ["10.0.0.1/8", "10.0.0.0/33", "http://a", "a b/", "a:0", "a:99999", "*", "-a", "a/b", "[::1", "*.*.a"])
def test_a_rule_that_cannot_be_read_is_an_error_that_names_it(rule: str) -> None:
    with pytest.raises(EgressRuleInvalid) as caught:
        EgressPolicy.allowing([rule])
    assert rule.split(":", maxsplit=1)[0][:4].strip("[") in caught.value.message


@given(st.text(max_size=30))
def test_rules_parse_or_raise_the_named_error(text: str) -> None:
    with contextlib.suppress(EgressRuleInvalid):
        EgressPolicy.allowing(text)


def test_the_whole_table_is_refused_at_its_edges() -> None:
    for network in PRIVATE:
        for address in (IPv4Network(network)[0], IPv4Network(network)[-1]):
            assert special_use(address), address
