"""The arithmetic of a measurement: spreads, paired ratios, percentiles, targets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Line, Spread, Target, paired, percentile

RATES = st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1, max_size=20)


def test_a_spread_is_least_middle_greatest():
    spread = Spread.of([3.0, 1.0, 2.0, 10.0])
    assert (spread.low, spread.median, spread.high, spread.rounds) == (1.0, 2.5, 10.0, (3.0, 1.0, 2.0, 10.0))
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])


@given(RATES)
def test_a_median_lies_between_the_ends(rounds):
    spread = Spread.of(rounds)
    assert spread.low <= spread.median <= spread.high


def test_rounds_are_compared_with_those_that_ran_beside_them():
    # The machine was twice as fast in the second round: the ratio does not see it.
    ratio = paired([10.0, 20.0], [5.0, 10.0])
    assert ratio is not None
    assert ratio.rounds == (2.0, 2.0)


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, 0.0])])
def test_a_ratio_that_has_no_value_is_none(ours, theirs):
    assert paired(ours, theirs) is None


def test_percentiles_are_values_that_were_measured():
    hundred = [float(value) for value in range(100, 0, -1)]
    assert [percentile(hundred, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 0.5)


@given(RATES, st.floats(min_value=0, max_value=1))
def test_a_percentile_is_not_exceeded_by_its_share(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


@pytest.mark.parametrize(
    ("sense", "value", "met"), [("at least", 1.5, True), ("at least", 1.49, False), ("at most", 1.5, True), ("at most", 1.51, False)]
)
def test_targets_are_met_at_their_bound(sense, value, met):
    assert Target(sense, 1.5).met(value) is met


def line(**changes):
    values = {"row": "r", "title": "t", "unit": "req/s", "hostel": Spread.of([30.0, 60.0]), "workerd": Spread.of([20.0, 20.0])}
    return Line(**{**values, **changes}).compare()


def test_a_line_is_judged_by_its_ratio_or_by_hostels_own_figure():
    assert line(target=Target("at least", 2.25)).met is True
    assert line(target=Target("at least", 2.26)).met is False
    assert line(target=Target("at most", 45.0, "hostel")).met is True
    assert line().met is None


def test_a_line_without_a_peer_is_not_judged_against_it():
    alone = line(workerd=None, target=Target("at least", 0.1))
    assert (alone.ratio, alone.met) == (None, None)
    stalled = line(workerd=Spread.of([20.0, 0.0]), target=Target("at least", 0.1))
    assert (stalled.ratio, stalled.met) == (None, None)


def test_figures_are_kept_to_six_digits_and_counts_as_they_are():
    kept = line(hostel=Spread.of([1234.56789, 2 / 3]), workerd=None).as_dict()
    assert kept["hostel"]["rounds"] == [1234.57, 0.666667]
    assert kept["met"] is None
