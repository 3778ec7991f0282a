"""Which version answers: the order of selection, and the promises of the buckets."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.limits import Limits
from tenants.rollout import BUCKETS, RouteVersion, WorkerRoute, bucket_of, newest_first, pick_version

IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(20)]


def route(*weights: int, name: str = "shop", tag: str = "f" * 32) -> WorkerRoute:
    """Version 1 has the first weight, and so on, in hundredths of a per cent."""
    versions = [
        RouteVersion(IDS[number], number, "", "2026-01-01T00:00:00+00:00", weight, Limits()) for number, weight in enumerate(weights, 1)
    ]
    return WorkerRoute(1, "acme", "a" * 32, False, 1, name, tag, "reuse", "d", newest_first(versions))


def no_throw(_buckets: int) -> int:
    raise AssertionError("nothing may be left to chance here")


@st.composite
def splits(draw: st.DrawFn, most: int = 6) -> list[int]:
    """Weights of one to `most` versions that sum to the whole, zeros included."""
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), max_size=most - 1)))
    return [upper - lower for lower, upper in zip([0, *cuts], [*cuts, 10_000], strict=True)]


def test_nothing_deployed_is_nobody():
    assert pick_version(route()) is None


def test_one_version_needs_no_chance():
    picked = pick_version(route(10_000), throw=no_throw)
    assert picked is not None
    assert (picked.version.number, picked.by) == (1, "weight")


class TestOverride:
    def test_beats_key_and_weight(self):
        picked = pick_version(route(10_000, 0), overrides=f'shop="{IDS[2]}"', version_key="k", throw=no_throw)
        assert picked is not None
        assert (picked.version.number, picked.by) == (2, "override")

    def test_upper_case_ids_are_the_same_ids(self):
        wide = route(10_000, 0)
        picked = pick_version(wide, overrides=f'shop="{IDS[2].upper()}"', throw=no_throw)
        assert picked is not None
        assert picked.version.number == 2

    @pytest.mark.parametrize(
        "header", [f'other="{IDS[2]}"', f'shop="{IDS[9]}"', "shop=", f'shop="{IDS[2]}",', f"shop={IDS[2]}", 'shop=""', "\x00", "é"]
    )
    def test_malformed_and_foreign_ones_are_ignored(self, header: str):
        picked = pick_version(route(10_000, 0), overrides=header, throw=lambda _: 5)
        assert picked is not None
        assert (picked.version.number, picked.by) == (1, "weight")


class TestKey:
    @given(splits(), st.text(max_size=40))
    def test_is_deterministic(self, weights: list[int], key: str):
        if not key:
            return
        first = pick_version(route(*weights), version_key=key, throw=no_throw)
        assert first == pick_version(route(*weights), version_key=key, throw=no_throw)
        assert first is not None
        assert first.by == "key"
        assert first.version.weight > 0

    def test_is_salted_with_the_worker(self):
        keys = [f"user-{number}" for number in range(2_000)]
        same = sum(bucket_of("a" * 32, key) // 50_000 == bucket_of("b" * 32, key) // 50_000 for key in keys)
        assert 850 < same < 1_150

    @given(splits(), st.data())
    def test_raising_newer_versions_moves_nobody_back(self, weights: list[int], data: st.DataObject):
        """Moving weight from an older version to a newer one: every key stays, or goes forward."""
        older = data.draw(st.integers(0, len(weights) - 1))
        newer = data.draw(st.integers(older, len(weights) - 1))
        moved = data.draw(st.integers(0, weights[older]))
        after = list(weights)
        after[older] -= moved
        after[newer] += moved
        for number in range(200):
            key = f"user-{number}"
            was, now = (pick_version(route(*split), version_key=key, throw=no_throw) for split in (weights, after))
            assert was is not None
            assert now is not None
            assert now.version.number >= was.version.number

    def test_growing_in_steps_keeps_the_first_ones(self):
        seen: set[int] = set()
        for share in (100, 1_000, 2_500, 5_000, 10_000):
            now = {
                number
                for number in range(1_000)
                if (picked := pick_version(route(10_000 - share, share), version_key=f"user-{number}")) and picked.version.number == 2
            }
            assert seen <= now
            seen = now
        assert len(seen) == 1_000

    def test_shares_are_what_they_say(self):
        counts = Counter(
            picked.version.number
            for number in range(20_000)
            if (picked := pick_version(route(6_000, 3_000, 1_000), version_key=f"user-{number}"))
        )
        assert counts[1] == pytest.approx(12_000, rel=0.05)
        assert counts[2] == pytest.approx(6_000, rel=0.05)
        assert counts[3] == pytest.approx(2_000, rel=0.1)


class TestWeight:
    @given(splits())
    def test_every_throw_lands_in_its_share(self, weights: list[int]):
        """The buckets are divided exactly: hundredths of a per cent are ten buckets each."""
        place = route(*weights)
        if len(place.versions) == 1:
            return
        lower = 0
        for version in place.versions:
            upper = lower + version.weight * 10
            for bucket in {lower, upper - 1} if version.weight else ():
                picked = pick_version(place, throw=lambda _, b=bucket: b)
                assert picked is not None
                assert picked.version is version
            lower = upper
        assert lower == BUCKETS

    def test_a_version_without_weight_is_never_thrown(self):
        numbers = {picked.version.number for _ in range(2_000) if (picked := pick_version(route(5_000, 0, 5_000)))}
        assert numbers == {1, 3}
