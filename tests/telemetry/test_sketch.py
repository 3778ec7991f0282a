"""Histograms: merging loses nothing, and a quantile is as near as is promised."""

from __future__ import annotations

import math
from functools import reduce

from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.sketch import RELATIVE_ERROR, Sketch, bucket_of, value_of

VALUES = st.lists(st.integers(0, 2**62), max_size=60)


def merged(*sketches: Sketch) -> Sketch:
    def add(total: Sketch, other: Sketch) -> Sketch:
        total.merge(other)
        return total

    return reduce(add, sketches, Sketch())


@given(VALUES, VALUES, VALUES)
def test_merging_is_counting_together_in_any_order(one: list[int], two: list[int], three: list[int]) -> None:
    a, b, c = Sketch.of(one), Sketch.of(two), Sketch.of(three)
    whole = Sketch.of(one + two + three)
    assert merged(a, b, c) == merged(c, merged(b, a)) == whole
    assert merged(a, b, c).encode() == whole.encode()


@given(VALUES)
def test_what_is_stored_comes_back(values: list[int]) -> None:
    sketch = Sketch.of(values)
    assert Sketch.decode(sketch.encode()) == sketch
    assert sketch.count == len(values)


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=200), st.floats(0, 1))
@example([0], 0.5)
@example([1], 1.0)
def test_a_quantile_is_within_its_error(values: list[int], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = Sketch.of(values).quantile(share)
    assert found is not None
    assert abs(found - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


@given(st.integers(1, 2**62))
def test_every_number_is_near_its_bucket(value: int) -> None:
    assert abs(value_of(bucket_of(value)) - value) <= RELATIVE_ERROR * value * (1 + 1e-9)


def test_nothing_has_no_quantile() -> None:
    assert Sketch().quantile(0.5) is None
    assert Sketch.decode(b"") == Sketch()
