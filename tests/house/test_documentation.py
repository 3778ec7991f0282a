"""Pages that promise to be complete are: settings, error codes, make targets, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops import docs
from sandbox.errors import HostelError

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize(("page", "table"), list(docs.TABLES))
def test_tables_are_what_the_code_says(page, table):
    text = (ROOT / page).read_text()
    stale = set(docs.rendered(text, table, docs.TABLES[page, table]()).splitlines()) ^ set(text.splitlines())
    assert not stale, "run `make docs`"


def test_error_codes_are_unique_and_shaped_alike():
    seen: dict[str, type[HostelError]] = {}
    for error in docs.error_classes():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code), error
        assert 400 <= error.status <= 599, error
        assert error.fault in {"visitor", "tenant", "platform"}, error
        assert (error.__doc__ or "").strip(), error
        if "code" in vars(error):
            assert error.code not in seen, f"{error} and {seen[error.code]} share {error.code}"
            seen[error.code] = error


def test_the_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)", page.read_text())) <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_within_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_of_the_tree_that_are_named_exist(page):
    # `sandbox/engine/raw.py`, `docs/protocol.md`: a page that names a moved file sends its reader astray.
    for target in re.findall(r"`((?:sandbox|tenants|platform|tests|docs|examples|deploy|scripts|bench)/[\w./-]+)`", page.read_text()):
        assert (ROOT / target).exists(), target
