"""The page and the file say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report
from bench.figures import Line, Spread, Target
from bench.rows import ROWS

DOCS = Path(__file__).parents[2] / "docs"


def published():
    return json.loads((DOCS / "performance.json").read_text())


def test_the_page_is_what_the_file_renders_to():
    page = (DOCS / "performance.md").read_text()
    assert report.placed(page, report.render(published())) == page, "docs/performance.md and .json are written together by `make bench`"


def test_only_whole_runs_are_published():
    results = published()
    assert not results["quick"]
    if results["lines"]:
        assert {line["row"] for line in results["lines"]} | set(results["failed"]) == set(ROWS)


def test_every_verdict_follows_from_the_figures():
    for line in published()["lines"]:
        target = line["target"]
        judged = target and line["hostel" if target["of"] == "hostel" else "ratio"]
        expected = Target(**target).met(judged["median"]) if judged else None
        assert line["met"] is expected, line["title"]


def results(*lines, **changes):
    facts = {"date": "2026-01-01", "quick": False, "machine": {"processor": "one"}, "versions": {"python": "3"}, "generator": "wrk"}
    return {**facts, "workerd": "workerd 1", "failed": {}, "notes": [], "lines": [line.as_dict() for line in lines], **changes}


def test_a_line_shows_both_sides_their_spread_and_the_verdict():
    line = Line(
        "hello", "hello", "req/s", Spread.of([3000, 4500, 6000]), Spread.of([2000, 3000, 4000]), "as installed", Target("at least", 1.6)
    )
    row = (
        "| hello | as installed | 4,500 req/s (3,000-6,000) | 3,000 req/s (2,000-4,000) | 1.5 x (1.5-1.5) | at least 1.6 x | **not met** |"
    )
    assert row in report.render(results(line.compare())).splitlines()


def test_a_line_without_peer_target_or_rounds_shows_dashes():
    line = Line("upload", "upload", "ms", Spread.of([12.345]))
    assert "| upload |  | 12.3 ms | - | - | - |  |" in report.render(results(line)).splitlines()


def test_what_failed_and_what_is_noted_is_told():
    line = Line("hello", "hello", "ms", Spread.of([1.0]), notes=["one", "two"], variant="pinned")
    text = report.render(results(line, failed={"memory": "no\n  /proc"}, notes=["a busy machine"]))
    assert "- hello, pinned: one; two.\n" in text
    assert "- The row memory could not be measured: no /proc\n" in text
    assert "- a busy machine\n" in text


def test_a_quick_run_says_that_it_is_rough():
    assert "rough" in report.render(results(Line("a", "a", "ms", Spread.of([1.0])), quick=True))


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (99.94, "99.9"), (1.0, "1"), (0.4567, "0.457"), (0.00001, "0.0000"), (0, "0")]
)
def test_numbers_have_the_digits_that_mean_something(value, text):
    assert report.number(value) == text


def test_the_rest_of_the_page_stays_as_it_was_written():
    page = "before\n<!-- measured -->\nold\n<!-- /measured -->\nafter \\1\n"
    assert report.placed(page, "new \\1\n") == "before\n<!-- measured -->\nnew \\1\n<!-- /measured -->\nafter \\1\n"
    with pytest.raises(ValueError, match="measured"):
        report.placed("no place", "new")
