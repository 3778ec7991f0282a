"""Web Platform Tests where there are any (WPT_DIR), and the runner that makes workers of them where there are none."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
HARNESS = """
const collected = [], finished = [];
const test = (action, name) => {
  try { action(); collected.push({ name, status: 0, message: null }); } catch (error) { collected.push({ name, status: 1, message: error.message }); }
};
const add_completion_callback = (callback) => Promise.resolve().then(() => callback(collected, { status: 0, message: null }));
"""


def _script(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    sys.path.insert(0, str(HERE))
    try:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(HERE))
    return module


wpt = _script("wpt")
run = _script("run")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out as web-platform-tests are, with one file of a suite."""
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources/testharness.js").write_text(HARNESS)
    (tmp_path / "url/resources").mkdir(parents=True)
    (tmp_path / "url/resources/helper.js").write_text("const helped = (value) => value + 1;")
    (tmp_path / "url/resources/data.json").write_text('{"is": "read"}')
    (tmp_path / "url/own.any.js").write_text(
        "// META: script=resources/helper.js\n// META: variant=?one\n// META: variant=?two\n// META: timeout=long\n\n"
        'test(() => { if (helped(1) !== 2) throw new Error("no"); }, "helpers are there");\n'
        'test(() => { if (location.search !== "?one") throw new Error(location.search); }, "the variant is seen");\n'
    )
    (tmp_path / "url/left-out.tentative.any.js").write_text('test(() => { throw new Error("never run"); }, "");')
    return tmp_path


def test_meta_lines_are_read_up_to_the_code() -> None:
    pairs = wpt.meta("// META: title=T\n// words\n\n// META: script=/a.js\nlet x;\n// META: script=/late.js\n")
    assert pairs == [("title", "T"), ("script", "/a.js")]


def test_every_exclusion_has_a_reason_and_every_suite_files() -> None:
    for suite in wpt.suites():
        assert suite.include
        assert all(pattern and reason for pattern, reason in suite.exclude)


async def test_files_run_as_workers_and_their_failures_are_told(checkout: Path, guest_home: Path) -> None:
    results = await run.run_all(checkout, guest=guest_home)
    assert [(result.case.name, result.case.slow) for result in results] == [("url/own.any.js?one", True), ("url/own.any.js?two", True)]
    assert results[0].failures == {}
    assert results[1].failures == {"the variant is seen": "failed: ?two"}


async def test_data_comes_from_the_checkout_and_nothing_above_it(checkout: Path) -> None:
    files = run.Files(checkout)
    good = await files(run.Request("GET", f"{wpt.ORIGIN}/url/resources/data.json", [], None))
    assert (good.status, good.body) == (200, b'{"is": "read"}')
    for path in ("/../secret", "/url/missing", "/url"):
        assert (await files(run.Request("GET", wpt.ORIGIN + path, [], None))).status == 404


def test_the_page_says_what_ran(checkout: Path) -> None:
    case = next(wpt.cases(checkout, wpt.suites()[0]))
    page = run.page(checkout, [run.Result(case, [("a", 0, ""), ("b|\x01", 1, "x")])])
    assert "| url | 1 | 1 | 2 | 1 | 50.0 % |" in page
    assert "| `url/own.any.js?one` | b\\|\\u0001 |" in page


@pytest.mark.skipif("WPT_DIR" not in os.environ, reason="WPT_DIR names no checkout of web-platform-tests")
async def test_nothing_that_passed_fails(guest_home: Path) -> None:
    results = await run.run_all(Path(os.environ["WPT_DIR"]), guest=guest_home)
    assert run.worse(results) == {}
