"""Rules for every file of the tree: small, introduced, and free of what belongs to one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = {".py", ".js", ".c", ".h"}
MOST_LINES = 500
# Homes of one machine, and addresses of package registries: pins name packages, the installer knows where to get them.
PRIVATE = re.compile(
    r"(?<![\w.-])/(?:root|work)/\w|(?<![\w.-])/home/(?!hostel\b)\w+/|/Users/\w|\bfile:///(?:opt|srv|mnt)|--(?:extra-)?index-url|files\.pythonhosted|registry\.npmjs"
)


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, cwd=ROOT).stdout
    return [path for name in listing.decode().split("\0") if name and (path := ROOT / name).is_file()]


FILES = tracked()


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix in SOURCE], ids=name)
def test_source_files_are_rooms_not_halls(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_modules_are_small_on_the_whole():
    sizes = sorted(len(path.read_text().splitlines()) for path in FILES if path.suffix == ".py" and "migrations" not in path.parts)
    assert sizes[len(sizes) // 2] <= 150


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py" and "migrations" not in path.parts], ids=name)
def test_modules_say_what_they_own(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "the module has no docstring"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".py" and not {"migrations", "examples"} & set(path.parts)], ids=name
)
def test_annotations_are_not_evaluated(path):
    tree = ast.parse(path.read_text())
    if any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign) for node in ast.walk(tree)):
        assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".js" and "examples" not in path.parts], ids=name)
def test_scripts_say_what_they_own(path):
    assert path.read_text().removeprefix("#!/usr/bin/env node\n").startswith(("//", "/*"))


def test_nothing_names_one_machine_or_a_registry():
    own = Path(__file__).name
    found = [
        f"{name(path)}:{number}: {line.strip()[:120]}"
        for path in FILES
        if path.name != own
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if PRIVATE.search(line) and "--no-emit-index-url" not in line
    ]
    assert not found, "\n".join(found)


def test_nothing_generated_or_secret_is_tracked():
    bad = {".wasm", ".cwasm", ".sqlite3", ".pyc", ".o", ".so", ".pem", ".key"}
    assert not [name(path) for path in FILES if path.suffix in bad or path.name in {"demo.json", ".env", "secret.key"}]
    assert not [name(path) for path in FILES if path.parts[len(ROOT.parts)] in {"var", ".venv", "node_modules"}]


def test_nothing_large_is_tracked():
    assert not [name(path) for path in FILES if path.stat().st_size > 400_000]
