"""Whether the always-valid test keeps its promises: never more false alarms than said, and it finds what is bad."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.simulate import Traffic, accused, fixed, seconds_to_find, seconds_to_find_slow
from rollouts.statistics import Bound, Counted, Evidence

SHARES = st.floats(0.0005, 0.95)


def expected_gain(bound: Bound, *, new: int, old: int, new_share: float, old_share: float, history: Counted) -> float:
    """The expectation of what the whole stake becomes by one block: over every outcome, exactly."""
    total = 0.0
    for hits_new, hits_old in itertools.product(range(new + 1), range(old + 1)):
        chance = (
            math.comb(new, hits_new) * new_share**hits_new * (1 - new_share) ** (new - hits_new)
            * math.comb(old, hits_old) * old_share**hits_old * (1 - old_share) ** (old - hits_old)
        )  # fmt: skip
        evidence = Evidence(bound, history=history)
        evidence.add(new=Counted(new, hits_new), old=Counted(old, hits_old))
        total += chance * math.exp(evidence.worth)
    return total


@given(
    old_share=SHARES,
    below=st.floats(0, 1),
    ratio=st.floats(1, 3),
    shift=st.sampled_from([0.0, 0.001, 0.05]),
    new=st.integers(1, 4),
    old=st.integers(1, 6),
    hits=st.integers(0, 40),
)
def test_no_block_is_expected_to_bring_anything_while_the_new_version_is_no_worse(*, old_share, below, ratio, shift, new, old, hits):
    bound = Bound(ratio, shift)
    new_share = bound.of(old_share) * below
    assert expected_gain(bound, new=new, old=old, new_share=new_share, old_share=old_share, history=Counted(100, hits)) <= 1 + 1e-9


@pytest.mark.parametrize(("share", "weight"), [(0.001, 0.5), (0.01, 0.1), (0.2, 0.1)])
def test_looking_every_minute_accuses_no_more_often_than_said(share, weight):
    assert accused(Traffic(10, weight, share, share), alpha=0.1, looks=30, runs=60) <= 0.1


def test_a_test_for_one_look_would_lie():
    assert fixed(Traffic(10, 0.1, 0.01, 0.01), alpha=0.05, looks=60, runs=200) > 0.12


def test_rates_that_go_up_together_accuse_nobody():
    evidence = Evidence(Bound())
    for minute in range(60):
        share = 0.01 if minute < 30 else 0.3
        evidence.add(new=Counted(100, round(100 * share)), old=Counted(900, round(900 * share)))
        evidence.restart()
    assert evidence.p > 0.5


def test_two_points_more_errors_are_found():
    times = seconds_to_find(Traffic(10, 0.5, 0.03, 0.01), alpha=0.01, runs=20, history=Counted(36_000, 360))
    assert times[-1] < 1_500
    assert times[len(times) // 2] < 500


def test_what_fails_always_is_found_within_a_few_requests():
    evidence = Evidence(Bound(), history=Counted(10_000, 10))
    evidence.add(new=Counted(5, 5), old=Counted(50, 0))
    assert evidence.p < 0.001


def test_what_turns_bad_after_an_hour_is_found_too():
    times = seconds_to_find(Traffic(10, 0.5, 0.1, 0.01), alpha=0.01, runs=2, history=Counted(), good_seconds=3_600)
    assert times[-1] < 600


def test_slow_versions_are_found():
    assert seconds_to_find_slow(rate=10, weight=0.5, slower=2.0, alpha=0.01, runs=5)[-1] < 900


def test_a_tolerated_difference_is_tolerated():
    strict, lenient = Evidence(Bound()), Evidence(Bound(1.0, 0.03))
    for _ in range(60):
        for evidence in (strict, lenient):
            evidence.add(new=Counted(300, 9), old=Counted(300, 3))
    assert strict.p < 0.001
    assert lenient.p > 0.5


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), SHARES, SHARES), max_size=12))
def test_evidence_goes_on_from_a_row_as_if_it_had_never_been_put_away(blocks):
    kept, stored = Evidence(Bound(1.1, 0.01)), Evidence(Bound(1.1, 0.01))
    for new, old, new_share, old_share in blocks:
        counted = {"new": Counted(new, round(new * new_share)), "old": Counted(old, round(old * old_share))}
        kept.add(**counted)
        kept.restart()
        stored = Evidence.from_json(json.loads(json.dumps(stored.as_json())))
        stored.add(**counted)
        stored.restart()
        assert 0 < kept.p <= 1
    assert stored == kept


def test_an_arm_without_requests_says_nothing():
    evidence = Evidence(Bound())
    evidence.add(new=Counted(100, 100), old=Counted())
    evidence.add(new=Counted(), old=Counted(100, 0))
    assert evidence.p == 1.0
    assert evidence.new == Counted(100, 100)


def test_where_everything_is_allowed_nothing_is_found():
    evidence = Evidence(Bound(1.0, 1.0))
    evidence.add(new=Counted(100, 100), old=Counted(100, 0))
    assert evidence.p == 1.0
