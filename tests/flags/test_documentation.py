"""docs/flags.md says what the engine does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flags.evaluation.operators import OPERATORS, PERCENTAGE

PAGE = (Path(__file__).parents[2] / "docs" / "flags.md").read_text()
VECTORS = json.loads(Path(__file__).with_name("bucket_vectors.json").read_text())


def test_every_operator_is_described():
    table = PAGE[PAGE.index("| operator |") : PAGE.index("Types never mix")]
    named = {name for row in table.splitlines()[2:] if row.startswith("|") for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == {*OPERATORS, PERCENTAGE}


def test_the_vectors_are_those_of_the_tests():
    rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    keys = {"(empty)": "", "100 times `x`": "x" * 100}
    found = {(salt, keys.get(key, key.strip("`")), seed): int(bucket) for salt, key, *pair in rows for seed, bucket in enumerate(pair)}
    assert found == {(vector["salt"], vector["key"], vector["seed"]): vector["bucket"] for vector in VECTORS}
