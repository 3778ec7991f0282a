"""Which version a visitor is given, and stays with: cookies, headers, cohorts and signed overrides, at the gateway's door and through bindings."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import headers
from gateway.selecting import COOKIE, chooses, wishes
from sandbox.limits import Limits
from tenants import overrides
from tenants.rollout import RouteCohort, RouteVersion, WorkerRoute, newest_first, pick_version

IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(10)]


def version(number: int, weight: int) -> RouteVersion:
    return RouteVersion(IDS[number], number, "", "2026-01-01T00:00:00+00:00", weight, Limits())


def route(*weights: int, **more: Any) -> WorkerRoute:
    versions = newest_first([version(number, weight) for number, weight in enumerate(weights, 1)])
    return WorkerRoute(1, "acme", "a" * 32, False, 1, "shop", "f" * 32, "reuse", "d", versions, **more)


def inbound(*pairs: tuple[bytes, bytes]) -> headers.Inbound:
    return headers.read([(b"host", b"x"), *pairs])


def wished(found: WorkerRoute, *pairs: tuple[bytes, bytes], scheme: str = "http", client: str = "203.0.113.1") -> Any:
    return wishes(found, inbound(*pairs), client=client, scheme=scheme)


class TestSticky:
    def test_a_cookie_is_set_once_and_keeps_the_visitor(self) -> None:
        split = route(5_000, 5_000)
        first = wished(split)
        ((name, value),) = first.own
        assert name == b"set-cookie"
        assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{32}}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", value.decode())
        assert wished(split, scheme="https").own[0][1].endswith(b"; Secure")
        again = wished(split, (b"cookie", b"a=b; " + value.partition(b";")[0] + b"; c=d"))
        assert (again.version_key, again.own) == (first.version_key, [])

    @pytest.mark.parametrize(
        "cookie", [b"", b"__hostel_vk=", b"__hostel_vk=XYZ", b"x__hostel_vk=" + b"a" * 32, b"__hostel_vk=" + b"a" * 33, b"\xff"]
    )
    def test_a_cookie_of_another_shape_is_replaced(self, cookie: bytes) -> None:
        found = wished(route(5_000, 5_000), (b"cookie", cookie))
        assert found.own
        assert len(found.version_key) == 32

    def test_only_where_there_is_something_to_choose(self) -> None:
        assert not chooses(route(10_000), inbound())
        for single in (route(10_000, 0), route(0, 10_000)):
            assert wished(single).own == []
        assert wished(route(5_000, 5_000), (b"cloudflare-workers-version-key", b"me")).own == []

    def test_other_keys_by_choice(self) -> None:
        assert wished(route(5_000, 5_000, sticky="ip")).version_key == "203.0.113.1"
        by_header = route(5_000, 5_000, sticky="header:x-user")
        assert wished(by_header, (b"x-user", b"ada")).version_key == "ada"
        assert (wished(by_header).version_key, wished(by_header).own) == (None, [])
        assert (wished(route(5_000, 5_000, sticky="none")).version_key, wished(route(5_000, 5_000, sticky="none")).own) == (None, [])


class TestTrust:
    def test_what_is_not_trusted_is_not_even_seen_by_the_worker(self) -> None:
        closed = route(5_000, 5_000, trusts_headers=False, cohorts=(RouteCohort("beta", (version(1, 10_000),)),))
        sent = inbound(
            (b"cloudflare-workers-version-overrides", f'shop="{IDS[1]}"'.encode()),
            (b"cloudflare-workers-version-key", b"me"),
            (b"cloudflare-workers-cohort", b"beta"),
            (b"x-own", b"1"),
        )
        found = wishes(closed, sent, client="::1", scheme="http")
        assert (found.overrides, found.cohort) == (None, None)
        assert found.version_key != "me"
        assert [name for name, _ in sent.kept if name != b"host"] == [b"x-own"]

    def test_a_worker_with_one_version_is_looked_at_too(self) -> None:
        assert chooses(route(10_000, trusts_headers=False), inbound())


class TestCohorts:
    beta = RouteCohort(
        "Beta", (version(2, 10_000),), (("header", "x-plan", frozenset({"pro"})), ("cookie", "beta", frozenset({"1", "yes"})))
    )
    split = route(10_000, 0, cohorts=(beta,))

    @pytest.mark.parametrize(
        "pair", [(b"cloudflare-workers-cohort", b"bEtA"), (b"x-plan", b"pro"), (b"cookie", b"a=1; beta=yes"), (b"cookie", b'beta="1"')]
    )
    def test_who_belongs(self, pair: tuple[bytes, bytes]) -> None:
        found = wished(self.split, pair)
        assert found.cohort == "Beta"
        picked = pick_version(self.split, cohort=found.cohort)
        assert picked is not None
        assert picked.version.number == 2

    @pytest.mark.parametrize(
        "pair", [(b"cloudflare-workers-cohort", b"gamma"), (b"x-plan", b"free"), (b"cookie", b"xbeta=1"), (b"cookie", b"beta")]
    )
    def test_who_does_not(self, pair: tuple[bytes, bytes]) -> None:
        found = wished(self.split, pair)
        assert found.cohort is None
        picked = pick_version(self.split, cohort=found.cohort, version_key="k")
        assert picked is not None
        assert picked.version.number == 1

    def test_overrides_come_first_and_sticky_needs_a_split_cohort(self) -> None:
        picked = pick_version(self.split, cohort="Beta", overrides=f'shop="{IDS[1]}"')
        assert picked is not None
        assert picked.version.number == 1
        assert wished(self.split, (b"x-plan", b"pro")).own == []


class TestSigned:
    def test_only_ours_and_only_in_time(self) -> None:
        now = int(time.time())
        good = overrides.made(overrides.Override("f" * 32, IDS[3], now + 60))
        other = overrides.made(overrides.Override("e" * 32, IDS[4], now + 60))
        late = overrides.made(overrides.Override("d" * 32, IDS[5], now - 1))
        assert overrides.valid(f"{good}, {other},{late},nonsense", now=now) == {"f" * 32: IDS[3], "e" * 32: IDS[4]}
        assert wished(route(10_000), (b"hostel-version-override", good.encode())).follows == {"f" * 32: IDS[3]}

    def test_no_worker_sees_a_token(self) -> None:
        sent = inbound((b"hostel-version-override", b"ho1.x"), (b"hostel-else", b"y"))
        assert [name for name, _ in sent.kept] == [b"host"]

    @given(st.text(max_size=200) | st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")))
    def test_whatever_is_sent_is_no_token(self, text: str) -> None:
        assert overrides.valid(text, now=0) == {}

    @given(st.integers(0, 400), st.integers(1, 255))
    def test_no_byte_of_a_token_can_be_changed(self, at: int, change: int) -> None:
        token = overrides.made(overrides.Override("f" * 32, IDS[3], 2_000_000_000))
        at %= len(token)
        forged = token[:at] + chr(ord(token[at]) ^ change) + token[at + 1 :]
        found = overrides.read(forged)
        assert found is None or found == overrides.read(token)


WEIGHTS = st.integers(0, 10_000)


class TestMonotone:
    """While newer versions only gain at older ones' cost, nobody who has seen a version is given an older one."""

    @given(
        st.lists(st.tuples(WEIGHTS, WEIGHTS), min_size=1, max_size=8), st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30)
    )
    def test_over_any_sequence_of_deployments_that_grow(self, steps: list[tuple[int, int]], keys: list[str]) -> None:
        # Shares of "newest" and of "newest and the one before", neither of which ever falls.
        newest = sorted(first for first, _ in steps)
        both = sorted(max(pair) for pair in steps)
        seen: dict[str, int] = dict.fromkeys(keys, 0)
        for top, upper in zip(newest, both, strict=True):
            high = max(top, upper)
            now = route(10_000 - high, high - top, top)
            for key in keys:
                picked = pick_version(now, version_key=key)
                assert picked is not None
                assert picked.version.number >= seen[key]
                seen[key] = picked.version.number

    def test_a_hundredth_of_a_per_cent_is_given_out(self) -> None:
        now = route(9_999, 1)
        count = Counter(pick_version(now, throw=lambda _n, bucket=bucket: bucket).version.number for bucket in range(100_000))  # type: ignore[union-attr]
        assert count == {1: 99_990, 2: 10}
