"""Source maps of bundles: read, used for stacks, and harmless when they are nonsense."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Bundle, Module, ModuleKind, Sandbox, WorkerKey
from sandbox.errors import StartupFailed, WorkerThrew
from sandbox.http import Request
from sandbox.limits import Limits
from sandbox.transform import sourcemap
from sandbox.transform.linemap import ENTRIES, LineMap
from sandbox.worker.record import InvocationRecord
from sandbox.worker.target import Program, Target

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Two files in one, as a bundler writes them; each function on a line of its own.
BUNDLE = """\
function boom() { throw new Error("b"); }
const early = globalThis.nothing;
export default { fetch() { boom(); } };
"""
EARLY = BUNDLE.replace("globalThis.nothing", "globalThis.nothing.at.all")
# Generated line -> (source, line).
PLACES = [(0, 9), (1, 4), (1, 19)]


def vlq(number: int) -> str:
    value = (-number << 1) | 1 if number < 0 else number << 1
    text = ""
    while True:
        digit, value = value & 31, value >> 5
        text += DIGITS[digit | (32 if value else 0)]
        if not value:
            return text


def mappings(places: list[tuple[int, int]]) -> str:
    groups, source, line = [], 0, 0
    for found, at in places:
        groups.append(vlq(0) + vlq(found - source) + vlq(at - line) + vlq(0))
        source, line = found, at
    return ";".join(groups)


def a_map(**more: Any) -> bytes:
    value = {"version": 3, "sources": ["../src/lib/boom.ts", "webpack://app/./src/index.ts"], "mappings": mappings(PLACES), **more}
    return json.dumps(value).encode()


async def stack_of(box: Sandbox, bundle: Bundle) -> str:
    records: list[InvocationRecord] = []

    async def source() -> Program:
        return Program(bundle)

    with pytest.raises(WorkerThrew):
        await box.dispatch(Target(WorkerKey("t", "w", "1"), source, Limits(), on_finish=records.append), Request("GET", "http://a.test/"))
    return records[0].exceptions[0].stack


def bundle(source: str = BUNDLE, **maps: bytes) -> Bundle:
    return Bundle("index.js", (Module("index.js", ModuleKind.JS, source.encode()),), source_maps=maps)


@pytest.mark.parametrize("way", ["by name", "by its last line", "inline"])
async def test_stacks_name_the_sources(box: Sandbox, way: str) -> None:
    code = bundle(**{"index.js.map": a_map()})
    if way == "by its last line":
        code = bundle(BUNDLE + "//# sourceMappingURL=other.map\n", **{"other.map": a_map()})
    elif way == "inline":
        code = bundle(BUNDLE + f"//# sourceMappingURL=data:application/json;base64,{base64.b64encode(a_map()).decode()}\n")
    lines = (await stack_of(box, code)).splitlines()
    assert "(src/lib/boom.ts:10:" in lines[0]
    assert "(app/src/index.ts:20:" in lines[1]


async def test_the_top_level_of_several_files(box: Sandbox) -> None:
    with pytest.raises(StartupFailed) as caught:
        await box.build(bundle(EARLY, **{"index.js.map": a_map()}))
    assert (caught.value.file, caught.value.line) == ("app/src/index.ts", 5)
    assert "app/src/index.ts:5:" in (caught.value.stack or "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        a_map(version=2),
        a_map(sources="x"),
        a_map(sources=["a"] * 6_000),
        a_map(mappings="!!!!"),
        a_map(mappings="ggggggggggggggggggggggggC"),
        a_map(mappings="AEAA"),
        a_map(mappings="AADA"),
        a_map(mappings=7),
    ],
)
async def test_a_bad_map_is_a_warning(box: Sandbox, content: bytes) -> None:
    built = await box.build(bundle(**{"index.js.map": content}))
    assert [warning for warning in built.warnings if warning.startswith("The source map of 'index.js' is not used")]


async def test_a_map_of_nothing_that_is_there_has_no_effect(box: Sandbox) -> None:
    stack = await stack_of(box, bundle(**{"gone.js.map": a_map()}))
    assert "(index.js:1:" in stack


@given(st.text(alphabet=DIGITS + ",;", max_size=200))
def test_any_mappings_are_read_or_refused(text: str) -> None:
    try:
        found = sourcemap.read(a_map(mappings=text), "a.js")
    except sourcemap.MapInvalid:
        return
    assert len(found.wire()) == 20 * len(found.entries)
    assert all(entry[2] < 2 for entry in found.entries)


def test_a_map_is_bounded() -> None:
    found = LineMap.of(("a",), [(1 + at // 4, 1 + at % 4, 0, 1, 1) for at in range(ENTRIES + 8)])
    assert len(found.entries) == ENTRIES // 4 + 2
    assert found.place(3, 2) == ("a", 1, 1)
    assert found.place(10**9, 1) is None
