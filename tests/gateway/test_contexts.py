"""What a request brings into a flag's context, whatever a visitor sends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from experiments.naming import SUBJECT_CHARACTERS, VARIANT_CHARACTERS, subject_of, variant_label
from flags.evaluation.limits import TARGETING_KEY_CHARACTERS
from gateway.contexts import VALUE_CHARACTERS, VALUES, context_of, targeting_key

HEADERS = [
    (b"X-Plan", b"pro"),
    (b"cookie", b'uid=ann; theme="dark"; uid=second'),
    (b"accept", b"a"),
    (b"accept", b"b"),
    (b"cf-ipcountry", b"SE"),
    (b"cloudflare-workers-version-key", b"k1"),
]


def test_everything_the_engine_reads_is_there() -> None:
    found = context_of("GET", "https://shop.acme.example:8443/cart/1?utm=x&utm=y&empty=", HEADERS, "203.0.113.7")
    assert found == {
        "method": "GET",
        "host": "shop.acme.example",
        "path": "/cart/1",
        "headers": {"x-plan": "pro", "accept": "a, b", "cf-ipcountry": "SE", "cloudflare-workers-version-key": "k1"},
        "cookies": {"uid": "ann", "theme": "dark"},
        "query": {"utm": "x", "empty": ""},
        "ip": "203.0.113.7",
        "country": "SE",
    }


def test_the_targeting_key_is_the_first_that_is_there() -> None:
    context = context_of("GET", "https://a.example/?q=7", HEADERS, "203.0.113.7")
    for sources, key in {
        ("version-key",): "k1",
        ("cookie:none", "cookie:uid", "ip"): "ann",
        ("header:X-Plan",): "pro",
        ("query:q",): "7",
        ("ip",): "203.0.113.7",
        ("cookie:none",): None,
        (): None,
    }.items():
        assert targeting_key(sources, context) == key


def test_a_visitor_cannot_make_it_large() -> None:
    headers = [(f"x-{number}".encode(), b"v") for number in range(1_000)] + [(b"x-0", b"w" * 10_000), (b"big", b"w" * 1_000_000)]
    headers.append((b"cookie", b";".join(f"c{number}={number}".encode() for number in range(10_000))))
    headers.append((b"cookie", b"huge=" + b"x" * 1_000_000))
    query = "&".join(f"q{number}={'v' * 300}" for number in range(10_000))
    found = context_of("GET", f"https://a.example/{'p' * 100_000}?{query}", headers, "")
    assert len(found["headers"]) == len(found["cookies"]) == len(found["query"]) == VALUES
    texts = [*found["headers"].values(), *found["cookies"].values(), *found["query"].values(), found["path"]]
    assert max(map(len, texts)) <= VALUE_CHARACTERS
    assert len(str(targeting_key(("header:x-0",), context_of("GET", "/", headers, "")))) <= TARGETING_KEY_CHARACTERS


@given(
    url=st.text(max_size=200),
    headers=st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=100)), max_size=20),
    ip=st.text(max_size=50),
    method=st.text(max_size=10),
)
def test_whatever_comes_is_a_context(url: str, headers: list[tuple[bytes, bytes]], ip: str, method: str) -> None:
    found = context_of(method, url, headers, ip)
    assert {"method", "host", "path", "headers", "cookies", "query"} <= found.keys()
    targeting_key(("version-key", "ip", "cookie:a", "header:b", "query:c"), found)


@given(account=st.text(max_size=80), key=st.text(min_size=1, max_size=200))
def test_a_subject_tells_nothing_and_stays_the_same(account: str, key: str) -> None:
    subject = subject_of(account, key)
    assert len(subject) == SUBJECT_CHARACTERS
    assert subject == subject_of(account, key) != subject_of(account, f"{key}x")


@given(flag=st.text(max_size=128), variant=st.text(max_size=128))
def test_a_variant_fits_its_column_and_is_told_apart(flag: str, variant: str) -> None:
    label = variant_label(flag, variant)
    assert len(label) <= VARIANT_CHARACTERS
    assert label != variant_label(flag, f"{variant}x")
