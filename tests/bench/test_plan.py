"""What `make bench` reads from the environment."""

from __future__ import annotations

import pytest

from bench import plan
from bench.figures import BenchFailed
from bench.rows import ROWS

KNOWN = tuple(ROWS)


def read(**environ):
    return plan.read(environ, known=KNOWN)


def test_a_whole_run_is_all_rows_at_full_length():
    chosen = read()
    assert (chosen.whole, chosen.rounds, chosen.rows) == (True, 5, ())
    assert read(BENCH="all", QUICK="0").whole


def test_a_quick_or_partial_run_is_not_published():
    assert not read(QUICK="1").whole
    assert not read(BENCH="hello").whole
    assert read(QUICK="1").cached_workers < read().cached_workers


def test_rounds_and_rows_can_be_chosen():
    chosen = read(BENCH="hello, cold memory", ROUNDS="7", QUICK="yes")
    assert (chosen.rows, chosen.rounds) == (("hello", "cold", "memory"), 7)
    assert read(ROUNDS="0").rounds == 1


@pytest.mark.parametrize(
    ("environ", "said"), [({"ROUNDS": "many"}, "ROUNDS"), ({"BENCH": "hullo"}, "hullo"), ({"BENCH_MINUTES": "-1"}, "BENCH_MINUTES")]
)
def test_what_makes_no_sense_is_named(environ, said):
    with pytest.raises(BenchFailed, match=said):
        read(**environ)
