"""Evaluation: what decides, in which order, with which reason; and what is wrong stays one flag's matter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.errors import ContextInvalid, FlagInvalid
from flags.evaluation import Ruleset, check_context, parse_context
from tests.flags.rulesets import flag, one, split, when

ME = {"targetingKey": "me"}
ON = {"variant": "on"}
VERSION = "00000000-0000-4000-8000-000000000001"


def many(**flags):
    return Ruleset.of({"format": 1, "environment": "staging", "revision": 3, "flags": flags})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"serve": ON}, ("on", "STATIC", "default")),
        ({"serve": ON, "enabled": False}, ("off", "DISABLED", "disabled")),
        ({"rules": [{"when": {"attribute": "a", "operator": "exists"}, "serve": ON}]}, ("off", "DEFAULT", "default")),
        ({"rules": [{"serve": ON}]}, ("on", "TARGETING_MATCH", "rule")),
        ({"rules": [{"serve": split(on=100)}]}, ("on", "SPLIT", "rule")),
        ({"serve": split(on=100)}, ("on", "SPLIT", "default")),
        ({"rules": [{"when": {"operator": "percentage", "value": 100}, "serve": ON}]}, ("on", "SPLIT", "rule")),
        ({"serve": ON, "until": "2020-01-01"}, ("off", "DISABLED", "schedule")),
        ({"serve": ON, "from": "2020-01-01"}, ("on", "STATIC", "default")),
        ({"serve": ON, "prerequisites": [{"flag": "none", "variants": ["on"]}]}, ("off", "DEFAULT", "prerequisite")),
    ],
)
def test_reasons(fields, expected):
    found = one(**fields).evaluate("f", ME)
    assert (found.variant, found.reason, found.decided.by) == expected
    assert found.value is (found.variant == "on")


def test_the_first_rule_that_holds_decides():
    rules = [
        {"id": "a", "when": {"attribute": "plan", "operator": "equals", "value": "pro"}, "serve": ON},
        {"id": "b", "when": {"attribute": "plan", "operator": "exists"}, "serve": {"variant": "off"}},
    ]
    ruleset = one(rules=rules, serve=ON)
    found = ruleset.evaluate("f", {"plan": "pro"})
    assert (found.decided.id, found.decided.index, found.value) == ("a", 0, True)
    assert found.decided.sentence == "if plan is “pro”, serve “on”"
    found = ruleset.evaluate("f", {"plan": "free"})
    assert (found.decided.id, found.decided.index, found.value) == ("b", 1, False)


def test_rules_begin_and_end():
    ruleset = one(rules=[{"serve": ON, "from": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00+00:00"}])
    begin, end = 1_772_323_200.0, 1_775_001_600.0
    assert [ruleset.evaluate("f", ME, now=now).value for now in (begin - 1, begin, end - 1, end)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("boolean", True, "boolean"),
        ("string", "", "string"),
        ("number", 3.5, "number"),
        ("json", {"a": [1, None]}, "object"),
        ("json", [1], "object"),
        ("version", {"worker": "shop", "version": VERSION}, "object"),
    ],
)
def test_types(kind, value, expected):
    ruleset = one(kind=kind, variants={"off": value})
    for wanted in ("boolean", "string", "number", "object"):
        found = ruleset.evaluate("f", ME, "default", expected=wanted)
        if wanted == expected:
            assert found.value == value
        else:
            assert (found.value, found.error_code, found.reason) == ("default", "TYPE_MISMATCH", "ERROR")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", 1),
        ("string", None),
        ("number", True),
        ("number", "1"),
        ("json", "text"),
        ("json", {"a": "x" * 17_000}),
        ("version", {"worker": "shop"}),
        ("version", {"worker": "shop", "version": "latest"}),
        ("version", {"worker": "shop", "version": VERSION.upper().replace("8", "A"), "more": 1}),
        ("colour", "red"),
    ],
)
def test_values_of_another_type_are_refused(kind, value):
    assert one(kind=kind, variants={"off": value}).evaluate("f", ME, "d").error_code == "PARSE_ERROR"


def test_json_values_are_as_deep_as_they_may_be():
    for depth, code in ((16, None), (17, "PARSE_ERROR")):
        value = json.loads("[" * depth + "]" * depth)
        assert one(kind="json", variants={"off": value}).evaluate("f", ME).error_code == code


def test_a_flag_that_is_not_there():
    found = many().evaluate("f", ME, "mine")
    assert (found.value, found.error_code, found.reason, found.variant) == ("mine", "FLAG_NOT_FOUND", "ERROR", None)


def test_a_broken_flag_breaks_no_other():
    ruleset = many(bad={"type": "boolean"}, good=flag(serve=ON), odd=7)
    assert [found.error_code for found in ruleset.evaluate_all(ME)] == ["PARSE_ERROR", None, "PARSE_ERROR"]
    assert ruleset.evaluate("good", ME).value is True
    assert ruleset.keys() == ["bad", "good", "odd"]
    assert (ruleset.environment, ruleset.revision, len(ruleset)) == ("staging", 3, 3)


def test_a_following_ruleset_compiles_what_has_changed_only():
    def document(segment="a", **changed):
        flags = {
            "f": flag(serve=ON),
            "g": flag(serve=ON),
            "h": flag(serve=ON, prerequisites=[{"flag": "g", "variants": ["on"]}]),
            **changed,
        }
        held = {"s": {"salt": "s", "when": {"attribute": segment, "operator": "exists"}}}
        return json.dumps({"format": 1, "environment": "e", "flags": flags, "segments": held})

    before = Ruleset(document())
    assert all(found.value for found in before.evaluate_all(ME))
    after = Ruleset(document(g=flag(serve={"variant": "off"})), before)
    assert set(after._flags) == {"f"}
    assert [found.value for found in after.evaluate_all(ME)] == [True, False, False]
    assert [found.value for found in before.evaluate_all(ME)] == [True, True, True]
    assert set(Ruleset(document(segment="b"), before)._flags) == set()


def test_prerequisites():
    ruleset = many(
        base=flag(rules=[{"when": {"attribute": "plan", "operator": "equals", "value": "pro"}, "serve": ON}]),
        child=flag(serve=ON, prerequisites=[{"flag": "base", "variants": ["on"]}]),
    )
    assert ruleset.evaluate("child", {"plan": "pro"}).value is True
    assert ruleset.evaluate("child", {"plan": "free"}).decided.by == "prerequisite"


def test_circles_and_long_chains_end():
    """They are refused when flags are written; a document that has one must end, too."""
    ruleset = many(
        a=flag(serve=ON, prerequisites=[{"flag": "b", "variants": ["on"]}]),
        b=flag(serve=ON, prerequisites=[{"flag": "a", "variants": ["on"]}]),
    )
    assert ruleset.evaluate("a", ME).decided.by == "prerequisite"
    chain = {
        f"f{number}": flag(serve=ON, prerequisites=[{"flag": f"f{number + 1}", "variants": ["on"]}] if number < 3_000 else [])
        for number in range(3_001)
    }
    assert many(**chain).evaluate("f0", ME).decided.by == "prerequisite"
    assert many(**chain).evaluate("f2990", ME).value is True


def test_diamonds_are_asked_once_each():
    """Ten levels of ten prerequisites would be 10^10 evaluations."""
    flags = {
        f"f{level}-{number}": flag(
            serve=ON, prerequisites=[{"flag": f"f{level + 1}-{other}", "variants": ["on"]} for other in range(2)] if level < 9 else []
        )
        for level in range(10)
        for number in range(2)
    }
    assert many(**flags).evaluate("f0-0", ME).value is True


def test_explaining_tells_everything_that_is_asked():
    ruleset = one(
        rules=[
            {"id": "staff", "when": {"segment": "staff"}, "serve": ON},
            {"id": "some", "when": {"operator": "percentage", "value": 0}, "serve": ON},
            {"id": "gone", "serve": ON, "until": "2020-01-01"},
            {"id": "all", "serve": split(on=50, off=50)},
        ],
        prerequisites=[{"flag": "none", "variants": ["on"]}],
        layer={"key": "l", "percentage": 100},
        layers={"l": {"salt": "x"}},
        segments={"staff": {"salt": "s", "when": {"attribute": "email", "operator": "ends_with", "value": "@example.com"}}},
    )
    found, steps = ruleset.explain("f", {**ME, "email": "me@example.com"})
    assert found.decided.by == "prerequisite"
    assert [(step.kind, step.id, step.matched) for step in steps] == [
        ("enabled", None, True),
        ("layer", "l", True),
        ("prerequisite", "none", False),
        ("rule", "staff", True),
        ("rule", "some", False),
        ("rule", "gone", False),
        ("rule", "all", True),
        ("default", None, True),
    ]
    assert steps[3].parts[0].parts[0].sentence == "email ends with “@example.com”"
    assert all(0 <= step.bucket < 100_000 for step in (steps[1], steps[4], steps[6]))
    assert ruleset.explain("none", ME)[1] == ()


def test_flags_that_choose_versions_of_a_worker():
    def versions(worker):
        return flag(kind="version", variants={"off": {"worker": worker, "version": VERSION}})

    ruleset = many(
        a=versions("shop"), b=versions("cart"), c=flag(), d=flag(kind="json", variants={"off": {"type": "version", "worker": "shop"}})
    )
    assert ruleset.versions("shop") == ["a"]
    assert ruleset.versions("none") == []


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"format":2}', b'{"format":1,"flags":[]}', b"\xff", b'{"format":1,"layers":{"a":{}}}']
)
def test_what_is_no_ruleset(document):
    with pytest.raises(FlagInvalid):
        Ruleset(document)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_a_ruleset_or_refused(data):
    try:
        ruleset = Ruleset(data)
    except FlagInvalid:
        return
    ruleset.evaluate_all(ME)


def test_a_flag_is_as_large_as_it_may_be():
    value = {str(number): "x" * 16_000 for number in range(1)}
    assert one(kind="json", variants={"off": value, "b": value, "c": value}).evaluate("f", ME).error_code is None
    assert (
        one(kind="json", variants={"off": value, "b": value, "c": value, "d": value, "e": value}).evaluate("f", ME).error_code
        == "PARSE_ERROR"
    )


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        {"a": "x" * 65_537},
        {"x" * 65_537: 1},
        {"a": ["x"] * 2_001},
        {"a": 10**200_000},
        {"targetingKey": 7},
        {"targetingKey": "x" * 1_025},
        {"headers": []},
        {"a": {1: 2}},
        {"a": object()},
        {"a": json.loads("[" * 9 + "]" * 9)},
    ],
    ids=lambda _value: "",
)
def test_contexts_that_are_refused(value):
    with pytest.raises(ContextInvalid):
        check_context(value)


def test_contexts_in_pairs():
    good = {"targetingKey": "x" * 1_024, "a": json.loads("[" * 7 + "]" * 7), "b": ["x"] * 1_980, "headers": {"X-A": "1"}}
    assert check_context(good)["headers"] == {"x-a": "1"}
    assert parse_context(b'{"a":"' + b"x" * 65_000 + b'"}')["a"] == "x" * 65_000


def test_a_context_of_a_megabyte_is_refused():
    with pytest.raises(ContextInvalid, match="65536 bytes"):
        parse_context(b'{"a":"' + b"x" * 1_000_000 + b'"}')


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.booleans() | st.text() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_a_context_or_refused(data):
    try:
        context = parse_context(data)
    except ContextInvalid:
        return
    assert when({"attribute": "a.b", "operator": "contains", "value": "x"}).evaluate("f", context).error_code is None
