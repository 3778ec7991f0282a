"""Buckets: the published vectors, shares that grow without taking from anybody who stays, layers."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.evaluation.buckets import BUCKETS, PERCENTAGE_SEED, bucket_of, buckets_in, counted, handed_over, in_order
from tests.flags.rulesets import PEOPLE, one, split, when

VECTORS = json.loads(Path(__file__).with_name("bucket_vectors.json").read_text())
SHARES = st.lists(st.integers(0, BUCKETS), min_size=4, max_size=4).map(
    lambda cuts: [right - left for left, right in zip([0, *sorted(cuts)], [*sorted(cuts), BUCKETS], strict=True)]
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['salt']}:{vector['key'][:20]}:{vector['seed']}")
def test_published_vectors(vector):
    assert bucket_of(vector["salt"], vector["key"], seed=vector["seed"]) == vector["bucket"]


def murmur3(data, seed):
    """MurmurHash3_x86_32, written down once more from its definition (Austin Appleby, public domain)."""
    value, whole = seed, len(data) & ~3
    for at in range(0, whole, 4):
        value ^= mixed(int.from_bytes(data[at : at + 4], "little"))
        value = ((value << 13 | value >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if data[whole:]:
        value ^= mixed(int.from_bytes(data[whole:], "little"))
    value ^= len(data)
    for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        value = (value ^ value >> shift) * factor & 0xFFFFFFFF
    return value ^ value >> 16


def mixed(block):
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    return (block << 15 | block >> 17) * 0x1B873593 & 0xFFFFFFFF


@given(st.text(max_size=40), st.sampled_from([0, 1]))
def test_buckets_are_what_is_published(key, seed):
    try:
        data = f"salt:{key}".encode()
    except UnicodeEncodeError:
        return
    assert bucket_of("salt", key, seed=seed) == murmur3(data, seed) % 100_000


def test_buckets_are_even():
    counts = Counter(bucket_of("s", f"user-{number}") * 10 // BUCKETS for number in range(20_000))
    # Binomial with a standard deviation of 42: ten of them on either side.
    assert all(abs(count - 2_000) < 420 for count in counts.values())


@given(st.integers(0, BUCKETS))
def test_percentages_have_three_decimals(count):
    assert buckets_in(count / 1_000) == count


@pytest.mark.parametrize("percentage", [-1, 100.001, 0.0001, 33.33333, float("nan"), float("inf")])
def test_other_percentages_are_refused(percentage):
    with pytest.raises((ValueError, OverflowError)):
        buckets_in(percentage)


def covered(pieces):
    """Every bucket belongs to one share."""
    ordered = sorted(piece for of in pieces.values() for piece in of)
    return ordered[0][0] == 0 and ordered[-1][1] == BUCKETS and all(left[1] == right[0] for left, right in pairwise(ordered))


def within(few, many):
    """Every bucket of `few` is one of `many`."""
    return all(any(start <= low and high <= end for start, end in many) for low, high in few)


@settings(max_examples=60, deadline=None)
@given(st.lists(SHARES, min_size=2, max_size=5))
def test_whoever_has_a_share_that_does_not_shrink_keeps_it(history):
    names = "abcde"
    pieces = dict(zip(names, in_order(history[0]), strict=True))
    for shares in history[1:]:
        wanted = dict(zip(names, shares, strict=True))
        after = handed_over(pieces, wanted)
        assert covered(after)
        for name in names:
            assert counted(after[name]) == wanted[name]
            smaller, larger = sorted((pieces[name], after[name]), key=counted)
            assert within(smaller, larger)
        pieces = after


def test_shares_that_go_and_come():
    first = handed_over({}, {"a": 50_000, "b": 50_000})
    assert first == {"a": ((0, 50_000),), "b": ((50_000, 100_000),)}
    assert handed_over(first, {"b": 50_000, "c": 50_000}) == {"b": ((50_000, 100_000),), "c": ((0, 50_000),)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100))
def test_raising_a_percentage_moves_nobody_back(low, high):
    low, high = sorted((low, high))
    few, many = (when({"operator": "percentage", "value": value}) for value in (low, high))
    for person in PEOPLE[:300]:
        context = {"targetingKey": person}
        assert not few.evaluate("f", context).value or many.evaluate("f", context).value


def test_a_split_serves_the_shares_it_says():
    ruleset = one(serve=split(on=25, off=75))
    counts = Counter(ruleset.evaluate("f", {"targetingKey": person}).variant for person in PEOPLE)
    assert abs(counts["on"] - 500) < 200
    found = ruleset.evaluate("f", {"targetingKey": PEOPLE[0]})
    assert found.reason == "SPLIT"
    assert found.bucket == bucket_of("pepper", PEOPLE[0])
    assert (found.bucket < 25_000) == (found.variant == "on")


def test_a_percentage_and_a_split_fall_apart():
    """Those who pass a percentage are not those who have the split's first variant."""
    rule = {"when": {"operator": "percentage", "value": 50}, "serve": split(on=50, off=50)}
    found = [one(rules=[rule]).evaluate("f", {"targetingKey": person}) for person in PEOPLE]
    passed = [each for each in found if each.decided.by == "rule"]
    assert 800 < len(passed) < 1_200
    assert 0.35 < sum(each.value for each in passed) / len(passed) < 0.65
    assert bucket_of("pepper", "x", seed=PERCENTAGE_SEED) != bucket_of("pepper", "x")


def test_a_split_by_another_attribute():
    ruleset = one(serve={**split(on=50, off=50), "by": "account"})
    assert ruleset.evaluate("f", {"account": 7}).bucket == bucket_of("pepper", "7")
    missing = ruleset.evaluate("f", {"targetingKey": "u"}, "mine")
    assert (missing.value, missing.error_code, missing.variant) == ("mine", "TARGETING_KEY_MISSING", None)


def test_layers_keep_flags_apart():
    layers = {"checkout": {"salt": "layer"}}
    slices = {"a": [[0, 30_000]], "b": [[30_000, 50_000]]}
    rulesets = {
        name: one(
            layers=layers, serve={"variant": "on"}, layer={"key": "checkout", "percentage": counted(pieces) / 1_000, "pieces": pieces}
        )
        for name, pieces in slices.items()
    }
    both = Counter(tuple(ruleset.evaluate("f", {"targetingKey": person}).value for ruleset in rulesets.values()) for person in PEOPLE)
    assert both[True, True] == 0
    assert 400 < both[True, False] < 800
    assert 250 < both[False, True] < 550
    outside = rulesets["a"].evaluate("f", {})
    assert (outside.variant, outside.decided.by, outside.layer) == ("off", "layer", "checkout")


@pytest.mark.parametrize(
    "serve",
    [
        split(on=50, off=49.999),
        split(on=50.0001, off=49.9999),
        split(on=-1, off=101),
        {"split": [{"variant": "on", "percentage": 50}, {"variant": "on", "percentage": 50}]},
        {"split": [{"variant": "none", "percentage": 100}]},
        {"split": [{"variant": "on", "percentage": "100"}]},
        {"split": []},
        {"split": [7]},
        {"variant": "none"},
        {"variant": "on", "split": []},
        {"variant": ["on"]},
        {},
        7,
        {**split(on=50, off=50), "by": "x:y"},
        {**split(on=50, off=50), "by": 7},
        {
            "split": [
                {"variant": "on", "percentage": 50, "pieces": [[0, 50_000]]},
                {"variant": "off", "percentage": 50, "pieces": [[0, 50_000]]},
            ]
        },
        {
            "split": [
                {"variant": "on", "percentage": 50, "pieces": [[0, 1]]},
                {"variant": "off", "percentage": 50, "pieces": [[50_000, 100_000]]},
            ]
        },
        {"split": [{"variant": "on", "percentage": 100, "pieces": [[0, 100_001]]}]},
        {"split": [{"variant": "on", "percentage": 100, "pieces": [[0, "x"]]}]},
    ],
)
def test_splits_that_do_not_add_up_are_refused(serve):
    assert one(serve=serve).evaluate("f", {"targetingKey": "u"}, "default").error_code == "PARSE_ERROR"
