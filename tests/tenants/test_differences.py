"""How versions differ: hunks that can be applied, and bounds that hold whatever is compared."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenants.differences import LINE_CHARACTERS, SHOWN_LINES, STEPS, compared, hunks
from tenants.models import Version
from tests.conftest import module

LINES = st.lists(st.sampled_from(["a", "b", "c", "", " x"]), max_size=40)


def applied(before: list[str], parts: list[dict[str, Any]]) -> list[str]:
    """What `patch` makes of the hunks."""
    made: list[str] = []
    at = 0
    for part in parts:
        start = part["before_start"] - (part["before_lines"] > 0)
        made += before[at:start]
        assert len(made) == part["after_start"] - (part["after_lines"] > 0)
        body = part["lines"]
        assert [line[1:] for line in body if line[0] in " -"] == before[start : start + part["before_lines"]]
        assert sum(line[0] in " +" for line in body) == part["after_lines"]
        made += [line[1:] for line in body if line[0] in " +"]
        at = start + part["before_lines"]
    return made + before[at:]


@given(LINES, LINES)
def test_hunks_lead_from_one_to_the_other(before: list[str], after: list[str]) -> None:
    parts, left = hunks(before, after)
    assert applied(before, parts) == after
    assert left > 0
    assert (parts == []) is (before == after)


@given(LINES, LINES, st.integers(0, 30))
def test_also_where_the_work_runs_out(before: list[str], after: list[str], steps: int) -> None:
    assert applied(before, hunks(before, after, steps=steps)[0]) == after


def test_one_change_is_one_short_hunk() -> None:
    before = [str(number) for number in range(100)]
    after = [*before[:50], "new", *before[51:]]
    (part,), _ = hunks(before, after)
    assert part["lines"] == [" 47", " 48", " 49", "-50", "+new", " 51", " 52", " 53"]
    assert (part["before_start"], part["before_lines"], part["after_start"], part["after_lines"]) == (48, 7, 48, 7)


def test_what_nobody_could_compare_is_replaced_whole() -> None:
    chance = random.Random(1)
    before = [str(chance.randrange(3)) for _ in range(20_000)]
    after = [str(chance.randrange(3)) for _ in range(20_000)]
    parts, left = hunks(before, after)
    assert left == 0
    assert applied(before, parts) == after


def version(number: int, files: dict[str, str], **more: Any) -> tuple[Version, dict[str, bytes]]:
    rows, contents = [], {}
    for name, text in files.items():
        one = module(name, text)
        rows.append({"name": name, "kind": more.get("kind", "js"), "sha256": f"{number}{name}{hash(text)}", "size": len(one.content)})
        contents[rows[-1]["sha256"]] = one.content
    fields = {key: value for key, value in more.items() if key != "kind"}
    return Version(
        number=number, modules=rows, main_module=next(iter(files)), sha256=str(number), compatibility_date="2026-01-01", **fields
    ), contents


def difference(old: tuple[Version, dict[str, bytes]], new: tuple[Version, dict[str, bytes]]) -> dict[str, Any]:
    return compared(old[0], new[0], {**old[1], **new[1]}.__getitem__)


def test_all_of_it() -> None:
    old = version(
        1,
        {"a.js": "one\ntwo\n", "b.js": "gone"},
        bindings=[{"type": "secret_text", "name": "S", "sealed": "x", "digest": "1"}, {"type": "plain_text", "name": "T", "text": "1"}],
        limits={"cpu_ms": 10},
    )
    new = version(
        2,
        {"a.js": "one\n2\n", "c.js": "env.FLAGS.getBooleanValue('new-checkout', false)"},
        bindings=[
            {"type": "secret_text", "name": "S", "sealed": "y", "digest": "2"},
            {"type": "plain_text", "name": "T", "text": "1"},
            {"type": "flagship", "name": "FLAGS", "app_id": "x"},
        ],
        compatibility_flags=["nodejs_compat"],
    )
    found = difference(old, new)
    assert [(file["name"], file["change"], file["added"], file["removed"]) for file in found["files"]] == [
        ("a.js", "changed", 1, 1),
        ("b.js", "removed", 0, 1),
        ("c.js", "added", 1, 0),
    ]
    assert [(line["name"], line["change"], line["before"]) for line in found["bindings"]] == [
        ("FLAGS", "added", None),
        ("S", "changed", None),
    ]
    assert found["limits"] == [{"name": "cpu_ms", "before": 10, "after": None}]
    assert (found["flags"]["before"], found["flags"]["after"]) == ([], ["new-checkout"])
    assert found["compatibility_flags"]["changed"]
    assert not found["compatibility_date"]["changed"]
    assert "sealed" not in str(found)


def test_sizes_are_bounded() -> None:
    many = version(1, {f"{n:03}.js": "x" for n in range(250)})
    other = version(2, {f"{n:03}.js": "y" for n in range(250)})
    found = difference(many, other)
    assert (len(found["files"]), found["files_left_out"]) == (200, 50)
    long = difference(version(1, {"a.js": "\n" * 50_000}), version(2, {"a.js": "x" * 100_000 + "\ny" * 50_000}))
    (file,) = long["files"]
    assert file["note"] == "left_out"
    assert sum(len(part["lines"]) for part in file["hunks"]) <= SHOWN_LINES
    assert max(len(line) for part in file["hunks"] for line in part["lines"]) <= LINE_CHARACTERS + 2
    assert difference(version(1, {"a.js": "x" * 1_100_000}), version(2, {"a.js": "y"}))["files"][0]["note"] == "too_large"
    assert difference(version(1, {"a": "x"}, kind="wasm"), version(2, {"a": "y"}, kind="wasm"))["files"][0]["note"] == "binary"
    chance = random.Random(2)
    noise = [version(n, {f"{at}.js": "\n".join(str(chance.randrange(3)) for _ in range(5_000)) for at in range(30)}) for n in (1, 2)]
    assert {file["note"] for file in difference(*noise)["files"]} <= {"too_different", "left_out", None}


def test_the_work_is_shared_out() -> None:
    assert hunks(["a"], ["b"], steps=STEPS)[1] < STEPS
