"""What an answer has to be like: the comparison, and what cannot be asked for."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.errors import FieldInvalid
from tenants.judging import check_expect, problems, subset

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def judged(
    expect: Any, *, status: int = 200, headers: Any = (("Content-Type", "text/html; charset=utf-8"),), body: str = "hello", ms: float = 5
) -> list[str]:
    return problems(check_expect(expect), status=status, headers=headers, body=body, wall_ms=ms)


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        ({}, {"status": 404}, {"status": 500}),
        ({"status": 503}, {"status": 503}, {"status": 200}),
        ({"status": [200, 204]}, {"status": 204}, {"status": 201}),
        ({"headers": [{"name": "content-TYPE", "match": "contains", "value": "html"}]}, {}, {"headers": ()}),
        ({"headers": [{"name": "a", "match": "exact", "value": "2"}]}, {"headers": [("a", "1"), ("A", "2")]}, {"headers": [("a", "22")]}),
        ({"body": {"match": "exact", "value": "hello"}}, {}, {"body": "hello "}),
        ({"body": {"match": "contains", "value": "ell"}}, {}, {"body": "hi"}),
        ({"body": {"match": "regex", "value": "^h.*o$"}}, {}, {"body": "oh"}),
        (
            {"body": {"match": "json", "value": {"a": [1, {"b": True}]}}},
            {"body": '{"a":[1.0,{"b":true,"c":0}],"d":1}'},
            {"body": '{"a":[1]}'},
        ),
        ({"body": {"match": "json", "value": {"a": 1}}}, {"body": '{"a":1}'}, {"body": '{"a":true}'}),
        ({"body": {"match": "json", "value": None}}, {"body": "null"}, {"body": "nothing"}),
        ({"within_ms": 10}, {"ms": 10}, {"ms": 11}),
    ],
)
def test_what_is_expected_and_what_is_not(expect: Any, good: Any, bad: Any) -> None:
    assert judged(expect, **good) == []
    (told,) = judged(expect, **bad)
    assert told


@pytest.mark.parametrize(
    ("expect", "field"),
    [
        ([], "expect"),
        ({"wat": 1}, "expect.wat"),
        ({"status": "200"}, "expect.status"),
        ({"status": True}, "expect.status"),
        ({"status": 99}, "expect.status"),
        ({"status": [200] * 21}, "expect.status"),
        ({"headers": {}}, None),
        ({"headers": "x"}, "expect.headers"),
        ({"headers": [1]}, "expect.headers[0].name"),
        ({"headers": [{"name": "a", "match": "json", "value": "1"}]}, "expect.headers[0]"),
        ({"body": "x"}, "expect.body"),
        ({"body": {"match": "exact", "value": 1}}, "expect.body.value"),
        ({"body": {"match": "regex", "value": "(?=x)"}}, "expect.body.value"),
        ({"body": {"match": "regex", "value": "x" * 1_001}}, "expect.body.value"),
        ({"body": {"match": "regex", "value": "((a{1000}){1000}){1000}"}}, "expect.body.value"),
        ({"body": {"match": "exact", "value": "x" * 70_000}}, "expect"),
        ({"within_ms": 0}, "expect.within_ms"),
        ({"within_ms": 1.5}, "expect.within_ms"),
    ],
)
def test_what_cannot_be_expected(expect: Any, field: str | None) -> None:
    if field is None:
        assert check_expect(expect) == {}
        return
    with pytest.raises(FieldInvalid) as refused:
        check_expect(expect)
    assert refused.value.detail["field"] == field


def test_depths_are_bounded() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(FieldInvalid):
        check_expect({"body": {"match": "json", "value": deep}})
    assert judged({"body": {"match": "json", "value": []}}, body="[" * 100_000) != []


def test_a_pattern_that_would_explode_does_not() -> None:
    assert judged({"body": {"match": "regex", "value": "(a+)+$"}}, body="a" * 500_000 + "b") != []


@given(VALUES)
def test_everything_holds_itself(value: Any) -> None:
    assert subset(value, json.loads(json.dumps(value))) is None


@given(VALUES, VALUES)
def test_the_comparison_answers_whatever_it_gets(expected: Any, actual: Any) -> None:
    where = subset(expected, actual)
    assert where is None or where.startswith("$")


@given(VALUES | st.dictionaries(st.sampled_from(["status", "headers", "body", "within_ms"]), VALUES))
def test_whatever_is_sent_is_checked(expect: Any) -> None:
    found = None
    with contextlib.suppress(FieldInvalid):
        found = check_expect(expect)
    if found is not None:
        assert isinstance(problems(found, status=200, headers=[("a", "b")], body="{}", wall_ms=1), list)
