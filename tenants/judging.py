"""Whether an answer is what a request test expects.

Owns the expectations' shape, its checking and the comparison. Pure; both sides are strangers', so everything is bounded, and patterns are
RE2's, whose time is linear in the text.

    {"status": [200, 204], "headers": [{"name": "content-type", "match": "contains", "value": "json"}],
     "body": {"match": "json", "value": {"ok": true}}, "within_ms": 500}

`match` is `exact`, `contains`, `regex` (found anywhere) or, for a body, `json`: an object must have at least the expected members, a list
exactly as many elements, everything else be equal. What is left out is not looked at; without a status any below 500 will do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import re2

from tenants.errors import FieldInvalid

EXPECT_BYTES: Final = 65_536
HEADERS_MOST: Final = 20
STATUSES_MOST: Final = 20
WITHIN_MS_MOST: Final = 30_000
PATTERN_CHARACTERS: Final = 1_000
_PATTERN_MEMORY: Final = 1 << 20
DEPTH: Final = 32
_TEXT_MATCHES: Final = ("exact", "contains", "regex")
_SHOWN: Final = 200
_MISSING: Final = object()
_SERVER_ERROR: Final = 500


def check_expect(expect: Any) -> dict[str, Any]:
    """`expect` as it is stored; raises `FieldInvalid` naming the part."""
    if not isinstance(expect, Mapping):
        raise FieldInvalid("What is expected must be an object.", field="expect")
    try:
        size = len(json.dumps(expect, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        raise FieldInvalid("What is expected must be JSON.", field="expect") from None
    if size > EXPECT_BYTES:
        raise FieldInvalid(f"What is expected may take {EXPECT_BYTES} bytes as JSON.", field="expect", limit=EXPECT_BYTES)
    if unknown := set(expect) - {"status", "headers", "body", "within_ms"}:
        raise FieldInvalid("There is no such expectation.", field=f"expect.{min(unknown)[:80]}")
    found: dict[str, Any] = {}
    if expect.get("status") is not None:
        found["status"] = _statuses(expect["status"])
    if expect.get("headers"):
        found["headers"] = _headers(expect["headers"])
    if expect.get("body") is not None:
        found["body"] = _matcher(expect["body"], "expect.body", (*_TEXT_MATCHES, "json"))
    if expect.get("within_ms") is not None:
        within = expect["within_ms"]
        if isinstance(within, bool) or not isinstance(within, int) or not 1 <= within <= WITHIN_MS_MOST:
            raise FieldInvalid(f"within_ms must be 1 to {WITHIN_MS_MOST}.", field="expect.within_ms", limit=WITHIN_MS_MOST)
        found["within_ms"] = within
    return found


def problems(
    expect: Mapping[str, Any], *, status: int, headers: Sequence[tuple[str, str]], body: str, wall_ms: float, truncated: bool = False
) -> list[str]:
    """What is not as expected, in words; empty where everything is. `expect` has passed `check_expect`."""
    found = []
    wanted = expect.get("status")
    if wanted is None:
        if status >= _SERVER_ERROR:
            found.append(f"The status is {status}.")
    elif status not in wanted:
        found.append(f"The status is {status}, expected {' or '.join(map(str, wanted))}.")
    for one in expect.get("headers", ()):
        values = [value for name, value in headers if name.lower() == one["name"]]
        if not values:
            found.append(f"There is no header {one['name']}.")
        elif not any(_matches(one, value) for value in values):
            found.append(f"The header {one['name']} is {_short(values[0])}, expected: {one['match']} {_short(one['value'])}.")
    if (one := expect.get("body")) is not None:
        found += _of_body(one, body, truncated=truncated)
    within = expect.get("within_ms")
    if within is not None and wall_ms > within:
        found.append(f"It took {wall_ms:.0f} ms, expected at most {within}.")
    return found


def subset(expected: Any, actual: Any, path: str = "$", depth: int = 0) -> str | None:
    """Where `actual` lacks something of `expected` (a path like `$.a[0]`), or None."""
    pairs: list[tuple[Any, Any, str]] = []
    if isinstance(expected, dict) and isinstance(actual, dict):
        pairs = [(value, actual.get(key, _MISSING), f"{path}.{key[:80]}") for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(actual, list) and len(actual) == len(expected):
        pairs = [(value, other, f"{path}[{at}]") for at, (value, other) in enumerate(zip(expected, actual, strict=True))]
    elif isinstance(expected, dict | list) or expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        # True is no 1 here, and 1 is 1.0.
        return path
    if depth > DEPTH:
        return path
    found = (subset(value, other, where, depth + 1) for value, other, where in pairs)
    return next((where for where in found if where is not None), None)


def _of_body(one: Mapping[str, Any], body: str, *, truncated: bool) -> list[str]:
    if one["match"] != "json":
        if _matches(one, body):
            return []
        return [f"The body is {_short(body)}, expected: {one['match']} {_short(one['value'])}."]
    if truncated:
        return ["The body is too long to be read as JSON."]
    try:
        actual = json.loads(body)
    except (ValueError, RecursionError):
        return [f"The body is no JSON: {_short(body)}."]
    where = subset(one["value"], actual)
    return [] if where is None else [f"The body differs at {where}."]


def _matches(one: Mapping[str, Any], text: str) -> bool:
    if one["match"] == "exact":
        return bool(text == one["value"])
    if one["match"] == "contains":
        return one["value"] in text
    return compiled(one["value"]).search(text.encode("utf-8", "replace")) is not None


def compiled(pattern: str) -> Any:
    """A pattern of RE2. Raises ValueError for what is none, or too large."""
    options: Any = re2.Options()
    options.max_mem, options.log_errors, options.never_capture = _PATTERN_MEMORY, False, True
    try:
        # Past the module's own cache, which a stranger could fill.
        return re2._Regexp(pattern, options)  # noqa: SLF001
    except (re2.error, UnicodeEncodeError):
        raise ValueError("not a regular expression of RE2") from None


def _statuses(sent: Any) -> list[int]:
    statuses = sent if isinstance(sent, list) else [sent]
    sound = 0 < len(statuses) <= STATUSES_MOST and all(type(one) is int and 100 <= one <= 599 for one in statuses)  # noqa: PLR2004 - HTTP's
    if not sound:
        raise FieldInvalid("A status must be 100 to 599, or a list of such.", field="expect.status")
    return sorted(set(statuses))


def _headers(sent: Any) -> list[dict[str, Any]]:
    if not isinstance(sent, list) or len(sent) > HEADERS_MOST:
        raise FieldInvalid(f"Expected headers must be a list of at most {HEADERS_MOST}.", field="expect.headers", limit=HEADERS_MOST)
    found = []
    for at, one in enumerate(sent):
        where = f"expect.headers[{at}]"
        name = one.get("name") if isinstance(one, Mapping) else None
        if not isinstance(name, str) or not 0 < len(name) <= 256:  # noqa: PLR2004 - as long as a header's name may be sent
            raise FieldInvalid("An expected header has a name.", field=f"{where}.name")
        matcher = {key: value for key, value in one.items() if key != "name"}
        found.append({"name": name.lower(), **_matcher(matcher, where, _TEXT_MATCHES)})
    return found


def _matcher(sent: Any, where: str, kinds: Sequence[str]) -> dict[str, Any]:
    if not isinstance(sent, Mapping) or set(sent) != {"match", "value"} or sent["match"] not in kinds:
        raise FieldInvalid(f"An expectation has match ({', '.join(kinds)}) and value.", field=where)
    match, value = sent["match"], sent["value"]
    if match == "json":
        if _deep(value):
            raise FieldInvalid(f"The JSON may be {DEPTH} levels deep.", field=f"{where}.value", limit=DEPTH)
        return {"match": match, "value": value}
    if not isinstance(value, str):
        raise FieldInvalid("The value must be a text.", field=f"{where}.value")
    if match == "regex":
        if len(value) > PATTERN_CHARACTERS:
            raise FieldInvalid(f"A pattern may have {PATTERN_CHARACTERS} characters.", field=f"{where}.value", limit=PATTERN_CHARACTERS)
        try:
            compiled(value)
        except ValueError:
            raise FieldInvalid("This is no regular expression of RE2, or it is too large.", field=f"{where}.value") from None
    return {"match": match, "value": value}


def _deep(value: Any, depth: int = 0) -> bool:
    if depth > DEPTH:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_deep(one, depth + 1) for one in inner)


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
