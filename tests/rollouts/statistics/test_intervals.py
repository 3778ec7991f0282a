"""Whether the intervals hold the truth at all times at once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollouts.simulate import binomial
from rollouts.statistics import (
    Counted,
    Cut,
    Moments,
    difference_interval,
    mean_difference_interval,
    quantile_interval,
    share_interval,
)
from telemetry.sketch import Sketch, value_of

COUNTED = st.integers(0, 400).flatmap(lambda trials: st.builds(Counted, st.just(trials), st.integers(0, trials)))


@given(COUNTED)
def test_a_share_is_inside_its_own_interval(counted):
    found = share_interval(counted, alpha=0.05)
    assert 0 <= found.low <= counted.share <= found.high <= 1


@given(COUNTED, COUNTED)
def test_a_difference_is_inside_its_own_interval_and_turns_with_its_arms(new, old):
    found, turned = difference_interval(new, old, alpha=0.05), difference_interval(old, new, alpha=0.05)
    assert -1 <= found.low <= found.high <= 1
    assert not (new.trials and old.trials) or found.low - 1e-6 <= new.share - old.share <= found.high + 1e-6
    assert found.low == pytest.approx(-turned.high, abs=1e-6)


def test_nothing_counted_says_nothing():
    assert share_interval(Counted(), alpha=0.05).high == 1
    assert difference_interval(Counted(), Counted(), alpha=0.05).low == -1
    assert quantile_interval(Sketch(), 0.95, alpha=0.05) is None
    assert mean_difference_interval(Moments(5, 5, 5), Moments(500, 5, 5), alpha=0.05) is None


def test_the_true_difference_is_outside_at_any_look_no_more_often_than_said():
    chance, missed = random.Random(7), 0
    for _ in range(40):
        new = old = Counted()
        for _look in range(8):
            new += Counted(100, binomial(chance, 100, 0.05))
            old += Counted(300, binomial(chance, 300, 0.02))
            found = difference_interval(new, old, alpha=0.1)
            if not found.low <= 0.03 <= found.high:
                missed += 1
                break
    assert missed / 40 <= 0.1


def test_the_true_difference_of_means_is_outside_no_more_often_than_said():
    chance, missed = random.Random(11), 0
    for _ in range(100):
        arms = [Moments(), Moments()]
        for _look in range(20):
            for number, mean in enumerate((3.0, 2.0)):
                values = [chance.expovariate(1 / mean) for _ in range(50)]
                arm = arms[number]
                arms[number] = Moments(arm.count + 50, arm.total + sum(values), arm.squares + sum(value * value for value in values))
            found = mean_difference_interval(*arms, alpha=0.1)
            assert found is not None
            if not found.low <= 1.0 <= found.high:
                missed += 1
                break
    assert missed / 100 <= 0.12


def test_intervals_become_narrow():
    wide, narrow = (share_interval(Counted(size, size // 10), alpha=0.05) for size in (100, 10_000))
    assert narrow.high - narrow.low < (wide.high - wide.low) / 5


def test_the_quantile_of_many_values_is_known_well():
    chance = random.Random(3)
    sketch = Sketch.of(int(chance.uniform(0, 100_000)) for _ in range(5_000))
    found = quantile_interval(sketch, 0.95, alpha=0.05)
    assert found is not None
    assert 90_000 < found.low < 95_500
    assert 94_500 < found.high < 101_000


def test_slow_is_what_lies_beyond_the_old_quantile_with_its_tolerance():
    old = Sketch.of([1_000] * 95 + [10_000] * 5)
    cut = Cut.at(old, 0.95, ratio=2.0, floor_us=500)
    assert cut is not None
    assert cut.slow_old(old) == Counted(100, 5)
    assert value_of(cut.new) == pytest.approx(2_000, rel=0.03)
    assert cut.slow_new(Sketch.of([1_900, 2_100, 9_000])) == Counted(3, 2)
    assert Cut.at(Sketch(), 0.95, ratio=2.0, floor_us=500) is None


def test_a_floor_keeps_small_times_from_mattering():
    cut = Cut.at(Sketch.of([100] * 100), 0.95, ratio=1.2, floor_us=5_000)
    assert cut is not None
    assert cut.slow_new(Sketch.of([4_000] * 10)) == Counted(10, 0)
