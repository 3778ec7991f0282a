"""What experiments say: intervals that hold at every look, shares that do not fit, guardrails, and the words for it."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.comparing import LEAST, Sums, compare, value_of
from experiments.errors import ExperimentInvalid
from experiments.metrics import METRICS, Metric, of_row, read_metrics, stored
from experiments.mismatch import check_ratio, chi_square_tail
from experiments.simulate import World, run

PURCHASES = Metric("purchases", "conversion", "purchase")
ERRORS = Metric("errors", "errors", better="lower", tolerance=0.1)
ALPHA = 0.05


def test_a_a_experiments_stay_within_the_stated_rate_at_every_look() -> None:
    """60 seeded experiments, five metrics each, looked at after every batch: docs/experiments.md has the figures of thousands."""
    runs = [run(World(batch=200, returning=100, batches=25), seed=number) for number in range(60)]
    counts = Counter(name for said in runs for name in said)
    for name, count in counts.items():
        assert count / len(runs) <= ALPHA, (name, count)
    # All five metrics together are 300 chances to be wrong.
    assert sum(counts.values()) <= 15


def test_a_real_difference_is_found() -> None:
    world = World(more_failing=0.03, lift=1.0, batches=20)
    runs = [run(world, seed=number) for number in range(8)]
    assert sum("errors" in said for said in runs) >= 7
    assert sum("purchases" in said for said in runs) >= 7


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    # Tables of the chi-square distribution.
    [(3.841459, 1, 0.05), (10.827566, 1, 0.001), (5.991465, 2, 0.05), (20.515006, 5, 0.001), (0.0, 3, 1.0), (2.365974, 3, 0.5)],
)
def test_chi_square_tails(value: float, freedom: int, tail: float) -> None:
    assert math.isclose(chi_square_tail(value, freedom), tail, rel_tol=1e-5)


def test_shares_that_do_not_fit_are_found_and_others_are_not() -> None:
    halves = {"a": 0.5, "b": 0.5}
    assert not check_ratio({"a": 5_000, "b": 5_080}, halves).mismatch
    assert not check_ratio({}, halves).mismatch
    assert not check_ratio({"a": 12}, {"a": 1.0}).mismatch
    assert check_ratio({"a": 5_000, "b": 5_500}, halves).mismatch
    assert check_ratio({"a": 1_000}, halves).mismatch
    # Looked at after every participant, 200 times over: at most 1 of 100 may be wrong (here none is).
    wrong = 0
    for seed in range(60):
        chance, counts, always = random.Random(seed), {"a": 0, "b": 0}, 1.0
        for _ in range(1_500):
            counts[chance.choice("ab")] += 1
            ratio = check_ratio(counts, halves, earlier_p=always)
            always = ratio.always_valid_p
            if ratio.mismatch:
                wrong += 1
                break
    assert wrong <= 2


def test_nothing_is_said_too_early() -> None:
    few = compare(PURCHASES, "b", Sums(LEAST - 1, LEAST - 1), Sums(5_000, 0), alpha=ALPHA)
    assert (few.verdict, few.low) == ("waiting", None)
    none = compare(ERRORS, "b", Sums(5_000, base=9_000), Sums(5_000, base=9_000), alpha=ALPHA)
    assert (none.verdict, none.guard) == ("waiting", "waiting")


def test_better_and_worse_follow_the_metric() -> None:
    more, less = Sums(5_000, 700), Sums(5_000, 400)
    assert compare(PURCHASES, "b", more, less, alpha=ALPHA).verdict == "better"
    assert compare(PURCHASES, "b", less, more, alpha=ALPHA).verdict == "worse"
    found = compare(Metric("left", "conversion", "left", better="lower", tolerance=0.05), "b", more, less, alpha=ALPHA)
    assert (found.verdict, found.guard) == ("worse", "broken")
    # A guardrail holds only where the interval is narrower than its tolerance.
    wide = compare(Metric("left", "conversion", "left", better="lower", tolerance=0.05), "b", less, less, alpha=ALPHA)
    assert (wide.verdict, wide.guard) == ("undecided", "undecided")
    many = Sums(5_000_000, 400_000)
    assert compare(Metric("left", "conversion", "left", better="lower", tolerance=0.05), "b", many, many, alpha=ALPHA).guard == "holds"


def test_a_rare_thing_is_compared_exactly() -> None:
    found = compare(PURCHASES, "b", Sums(10_000, 3), Sums(10_000, 1), alpha=ALPHA)
    assert found.verdict == "undecided"
    assert found.low is not None
    assert found.low < 0 < (found.high or 0)


def test_invocations_of_one_participant_are_no_independent_evidence() -> None:
    """One unlucky participant's thousand failures are one participant's."""
    calm = Sums(200, total=20, squares=20, base=20_000, base_squares=2_000_000, products=2_000)
    unlucky = Sums(200, total=1_000, squares=1_000_000, base=20_900, base_squares=2_990_000, products=1_000_000)
    assert value_of(ERRORS, unlucky) > 40 * value_of(ERRORS, calm)
    assert compare(ERRORS, "b", unlucky, calm, alpha=ALPHA).verdict == "undecided"


@given(
    people=st.integers(0, 10**6),
    hits=st.integers(0, 10**6),
    total=st.floats(-1e12, 1e12),
    squares=st.floats(0, 1e24),
    base=st.integers(0, 10**9).map(float),
)
def test_whatever_is_counted_can_be_compared(people: int, hits: int, total: float, squares: float, base: float) -> None:
    sums = Sums(people, min(hits, people), total, squares, base, base * base, total)
    for kind in ("conversion", "count", "sum", "errors", "cpu_ms"):
        metric = Metric("m", kind, "e", tolerance=0.1)  # type: ignore[arg-type]
        found = compare(metric, "b", sums, Sums(5_000, 100, 10.0, 20.0, 5_000.0, 6_000.0, 12.0), alpha=ALPHA)
        assert found.verdict in ("waiting", "undecided", "better", "worse")
        if found.low is not None and found.high is not None:
            assert not math.isnan(found.low)
            assert found.low <= found.high


def test_metrics_are_read_and_kept() -> None:
    sent = [
        {"name": "purchases", "kind": "conversion", "event": "purchase"},
        {"name": "errors", "kind": "errors", "tolerance": 0},
        {"name": "left", "kind": "count", "event": "left", "better": "lower"},
    ]
    read = read_metrics(sent)
    assert [metric.lower_is_better for metric in read] == [False, True, True]
    assert of_row(stored(read)) == read


@pytest.mark.parametrize(
    ("metrics", "field"),
    [
        ([], "metrics"),
        ("errors", "metrics"),
        ([{"name": "a", "kind": "errors"}] * 2, "metrics"),
        ([{"name": str(number), "kind": "errors"} for number in range(METRICS + 1)], "metrics"),
        ([7], "metrics[0]"),
        ([{"name": "a", "kind": "errors", "more": 1}], "metrics[0]"),
        ([{"name": "", "kind": "errors"}], "metrics[0].name"),
        ([{"name": "a", "kind": "p99"}], "metrics[0].kind"),
        ([{"name": "a", "kind": "sum"}], "metrics[0].event"),
        ([{"name": "a", "kind": "errors", "event": "x"}], "metrics[0].event"),
        ([{"name": "a", "kind": "errors", "better": "more"}], "metrics[0].better"),
        ([{"name": "a", "kind": "errors", "tolerance": -1}], "metrics[0].tolerance"),
        ([{"name": "a", "kind": "errors", "tolerance": float("nan")}], "metrics[0].tolerance"),
    ],
)
def test_bad_metrics_are_named(metrics: object, field: str) -> None:
    with pytest.raises(ExperimentInvalid) as raised:
        read_metrics(metrics)
    assert raised.value.detail["field"] == field
