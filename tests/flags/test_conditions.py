"""Every operator, nesting, and what is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.errors import FlagInvalid
from flags.evaluation.conditions import Compiler
from flags.evaluation.operators import OPERATORS
from tests.flags.rulesets import flag, holds, one, when

YES = [
    ("equals", "pro", "pro"),
    ("equals", 3, 3.0),
    ("equals", True, True),
    ("not_equals", "pro", "free"),
    ("not_equals", "pro", None),
    ("in", ["pro", 3, True], "pro"),
    ("in", ["pro", 3, True], 3),
    ("in", ["pro", 3, True], True),
    ("not_in", ["pro"], "free"),
    ("not_in", ["pro"], None),
    ("not_in", ["pro"], ["pro"]),
    ("starts_with", "/shop", "/shop/7"),
    ("starts_with", ["/a", "/shop"], "/shop/7"),
    ("ends_with", "@example.com", "me@example.com"),
    ("contains", "Firefox", "Mozilla Firefox/1"),
    ("contains", ["x", "beta"], ["alpha", "beta"]),
    ("matches", r"^/p/\d+$", "/p/12"),
    ("exists", None, 0),
    ("not_exists", None, None),
    ("greater_than", 3, 3.5),
    ("greater_than_or_equals", 3, 3),
    ("less_than", 3, -1),
    ("less_than_or_equals", 3, 3),
    ("before", "2026-01-01", "2025-12-31T23:59:59Z"),
    ("before", "2026-01-01T00:00:00+02:00", "2025-12-31T21:00:00Z"),
    ("after", "2026-01-01", 1_767_225_600_001),
    ("semver_equals", "1.4.0", "v1.4"),
    ("semver_greater_than", "1.9.0", "1.10.0"),
    ("semver_greater_than", "2.0.0-rc.1", "2.0.0"),
    ("semver_greater_than", "2.0.0-rc.2", "2.0.0-rc.10"),
    ("semver_greater_than", "2.0.0-1", "2.0.0-alpha"),
    ("semver_greater_than_or_equals", "1.4.0", "1.4.0+build.7"),
    ("semver_less_than", "2.0.0", "2.0.0-rc.1"),
    ("semver_less_than_or_equals", "2.0.0", "2.0.0"),
    ("in_cidr", "10.0.0.0/8", "10.1.2.3"),
    ("in_cidr", ["192.168.0.0/16", "2001:db8::/32"], "2001:db8:1::7"),
    ("in_cidr", "10.0.0.0/8", "::ffff:10.1.2.3"),
    ("in_cidr", "10.1.2.3", "10.1.2.3"),
]
NO = [
    ("equals", "3", 3),
    ("equals", 1, True),
    ("equals", True, 1),
    ("equals", "pro", None),
    ("equals", "pro", ["pro"]),
    ("not_equals", "pro", "pro"),
    ("in", [1], True),
    ("in", [True], 1),
    ("in", ["pro"], {"pro": 1}),
    ("not_in", ["pro"], "pro"),
    ("starts_with", "/shop", 7),
    ("ends_with", "x", None),
    ("contains", "a", {"a": 1}),
    ("matches", "a", "A"),
    ("matches", "a", 7),
    ("exists", None, None),
    ("not_exists", None, False),
    ("greater_than", 3, "4"),
    ("greater_than", 0, True),
    ("less_than", 3, None),
    ("before", "2026-01-01", "yesterday"),
    ("after", "2026-01-01", [1]),
    ("after", "2026-01-01", 10**400),
    ("semver_greater_than", "1.0.0", "1.0.0.0"),
    ("semver_greater_than", "1.0.0", 2),
    ("semver_equals", "1.0.0", "1.0.0-"),
    ("in_cidr", "10.0.0.0/8", "11.0.0.1"),
    ("in_cidr", "10.0.0.0/8", "ten"),
    ("in_cidr", "0.0.0.0/0", "2001:db8::1"),
]


def single(operator, value, **fields):
    return {"attribute": "a", "operator": operator, **({} if value is None else {"value": value}), **fields}


@pytest.mark.parametrize(("operator", "value", "got"), YES)
def test_what_holds(operator, value, got):
    assert holds(single(operator, value), {} if got is None else {"a": got}) is True


@pytest.mark.parametrize(("operator", "value", "got"), NO)
def test_what_does_not_hold(operator, value, got):
    assert holds(single(operator, value), {} if got is None else {"a": got}) is False


def test_every_operator_is_tried():
    assert {operator for operator, *_ in YES} == {operator for operator, *_ in NO} | {operator for operator, *_ in YES} == set(OPERATORS)


@pytest.mark.parametrize("operator", ["equals", "in", "starts_with", "ends_with", "contains", "matches"])
def test_case_is_ignored_only_when_asked(operator):
    value = ["PRO"] if operator == "in" else "PRO"
    assert not holds(single(operator, value), {"a": "Pro"})
    assert holds(single(operator, value, ignore_case=True), {"a": "Pro"})


@pytest.mark.parametrize(
    ("attribute", "context"),
    [
        ("targetingKey", {"targetingKey": "x"}),
        ("user.plan", {"user": {"plan": "x"}}),
        ("user.plan", {"user.plan": "x"}),
        ("header:X-Plan", {"headers": {"x-plan": "x"}}),
        ("cookie:plan", {"cookies": {"plan": "x"}}),
        ("query:q", {"query": {"q": "x"}}),
        ("country", {"country": "x"}),
        ("path", {"path": "x"}),
    ],
)
def test_attributes(attribute, context):
    condition = {"attribute": attribute, "operator": "equals", "value": "x"}
    assert holds(condition, context)
    assert not holds(condition, {})
    assert not holds(condition, dict.fromkeys(context, 7))


def test_and_or_not_nest():
    a, b, c = ({"attribute": name, "operator": "exists"} for name in "abc")
    condition = {"any": [{"all": [a, {"not": b}]}, {"not": {"any": [a, b, c]}}]}
    assert holds(condition, {})
    assert holds(condition, {"a": 1})
    assert not holds(condition, {"a": 1, "b": 1})
    assert not holds(condition, {"c": 1})
    assert holds({"all": [a, b, c]}, {"a": 1, "b": 1, "c": 1})
    assert not holds({"all": [a, b, c]}, {"a": 1, "b": 1})


def nested(depth):
    condition = {"attribute": "a", "operator": "exists"}
    for _ in range(depth):
        condition = {"not": condition}
    return condition


def test_depth_in_pairs():
    assert holds(nested(6), {"a": 1})
    assert refused(nested(7)).detail["limit"] == 6


def refused(condition, **fields):
    with pytest.raises(FlagInvalid) as caught:
        Compiler("salt", lambda _key: None).read(condition, "when", **fields)
    # What a rule cannot be written with is not evaluated either.
    assert when(condition).evaluate("f", {}, "default").error_code == "PARSE_ERROR"
    return caught.value


def test_unknown_operators_name_the_known_ones():
    error = refused({"attribute": "a", "operator": "resembles", "value": "x"})
    assert "resembles" in error.message
    assert "semver_equals" in error.message
    assert error.detail["field"] == "when.operator"


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (7, "when"),
        ({}, "when.operator"),
        ({"operator": ["equals"]}, "when.operator"),
        ({"all": []}, "when.all"),
        ({"all": {}}, "when.all"),
        ({"all": [{"attribute": "a", "operator": "exists"}], "any": []}, "when"),
        ({"any": [{"attribute": "a", "operator": "exists"}, 7]}, "when.any[1]"),
        ({"attribute": "a", "operator": "equals"}, "when.value"),
        ({"attribute": "a", "operator": "equals", "value": None}, "when.value"),
        ({"attribute": "a", "operator": "equals", "value": {}}, "when.value"),
        ({"attribute": "a", "operator": "equals", "value": "x" * 1_025}, "when.value"),
        ({"attribute": "a", "operator": "equals", "value": "x", "colour": 1}, "when"),
        ({"attribute": "a", "operator": "exists", "value": 1}, "when.value"),
        ({"attribute": "a", "operator": "in", "value": []}, "when.value"),
        ({"attribute": "a", "operator": "in", "value": ["x"] * 1_001}, "when.value"),
        ({"attribute": "a", "operator": "greater_than", "value": "3"}, "when.value"),
        ({"attribute": "a", "operator": "greater_than", "value": True}, "when.value"),
        ({"attribute": "a", "operator": "greater_than", "value": 3, "ignore_case": True}, "when.ignore_case"),
        ({"attribute": "a", "operator": "starts_with", "value": ""}, "when.value"),
        ({"attribute": "a", "operator": "before", "value": "soon"}, "when.value"),
        ({"attribute": "a", "operator": "semver_less_than", "value": "one"}, "when.value"),
        ({"attribute": "a", "operator": "in_cidr", "value": "10.0.0.0/33"}, "when.value"),
        ({"attribute": "a", "operator": "matches", "value": "("}, "when.value"),
        ({"attribute": "a", "operator": "matches", "value": r"(a)\1"}, "when.value"),
        ({"attribute": "a", "operator": "matches", "value": "(?=a)"}, "when.value"),
        ({"attribute": "a", "operator": "matches", "value": "a" * 257}, "when.value"),
        ({"attribute": "a", "operator": "matches", "value": "((((a{100}){100}){100}){100})"}, "when.value"),
        ({"attribute": "a", "operator": "percentage", "value": 101}, "when.value"),
        ({"attribute": "a", "operator": "percentage", "value": 0.0001}, "when.value"),
        ({"attribute": "a", "operator": "percentage", "value": True}, "when.value"),
        ({"attribute": "", "operator": "exists"}, "when.attribute"),
        ({"attribute": "body:x", "operator": "exists"}, "when.attribute"),
        ({"attribute": "header:", "operator": "exists"}, "when.attribute"),
        ({"attribute": 7, "operator": "exists"}, "when.attribute"),
        ({"attribute": "x" * 129, "operator": "exists"}, "when.attribute"),
        ({"segment": "none"}, "when.segment"),
        ({"segment": "none", "value": 1}, "when"),
    ],
)
def test_what_is_refused(condition, field):
    assert refused(condition).detail["field"] == field


def test_limits_in_pairs():
    assert holds({"attribute": "a", "operator": "in", "value": [str(number) for number in range(1_000)]}, {"a": "999"})
    assert holds({"attribute": "a", "operator": "matches", "value": "a" * 256}, {"a": "a" * 256})
    assert holds({"attribute": "a", "operator": "matches", "value": "a$"}, {"a": "a" * 4_096})
    assert not holds({"attribute": "a", "operator": "matches", "value": "a$"}, {"a": "a" * 4_097})
    pattern = {"attribute": "a", "operator": "matches", "value": "x"}
    assert not holds({"any": [pattern] * 99}, {"a": "y"})
    assert "costly" in refused({"any": [pattern] * 101}).message


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_patterns_that_explode_elsewhere_do_not_here(pattern):
    # Backtracking would need 2^4000 steps, so that the bound needs no precision.
    started = time.monotonic()
    holds({"attribute": "a", "operator": "matches", "value": pattern}, {"a": "a" * 4_000 + "!"})
    assert time.monotonic() - started < 10


def test_segments():
    staff = {"staff": {"salt": "s", "when": {"attribute": "email", "operator": "ends_with", "value": "@example.com"}}}
    ruleset = when({"segment": "staff"}, segments=staff)
    assert ruleset.evaluate("f", {"email": "me@example.com"}).value is True
    assert ruleset.evaluate("f", {"email": "me@example.org"}).value is False


def test_a_segment_names_no_other_one():
    ruleset = when({"segment": "staff"}, segments={"staff": {"salt": "s", "when": {"segment": "staff"}}})
    assert ruleset.evaluate("f", {}, 1).error_code == "PARSE_ERROR"


def test_segments_may_be_named_twenty_times():
    staff = {"staff": {"salt": "s", "when": {"attribute": "a", "operator": "exists"}}}
    assert when({"any": [{"segment": "staff"}] * 20}, segments=staff).evaluate("f", {}).error_code is None
    assert when({"any": [{"segment": "staff"}] * 21}, segments=staff).evaluate("f", {}).error_code == "PARSE_ERROR"


def test_sentences():
    condition = {"all": [{"attribute": "plan", "operator": "in", "value": list("abcdefg")}, {"any": [nested(0), nested(1)]}]}
    sentence = Compiler("s", None).read(condition, "when").sentence
    assert sentence == "plan is one of “a”, “b”, “c”, “d”, “e” and 2 more and (a is there or not (a is there))"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3), max_leaves=10
)
CONDITIONS = st.recursive(
    st.fixed_dictionaries(
        {"operator": st.sampled_from([*OPERATORS, "percentage", "what"])},
        optional={
            "attribute": st.sampled_from(["a", "a.b", "header:a", "x:y"]) | ANYTHING,
            "value": ANYTHING,
            "ignore_case": st.booleans(),
        },
    )
    | ANYTHING,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, st.dictionaries(st.sampled_from(["a", "targetingKey", "headers", "a.b"]), ANYTHING))
def test_no_condition_and_no_context_does_anything_but_refuse_or_decide(condition, context):
    try:
        compiled = Compiler("salt", lambda _key: None).read(condition, "when")
    except FlagInvalid:
        return
    assert compiled.match(context) in (True, False)
    assert compiled.sentence


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(flag())) | st.text(max_size=8), ANYTHING))
def test_no_flag_does_anything_but_fail_or_answer(fields):
    try:
        ruleset = one(**fields)
    except (TypeError, ValueError, UnicodeError):
        return
    assert ruleset.evaluate("f", {"targetingKey": "u"}, "default").reason in {"ERROR", "STATIC", "DEFAULT", "SPLIT", "DISABLED"}
    ruleset.explain("f", {})
