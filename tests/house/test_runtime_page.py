"""The runtime page names every limit with the value the code has."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "runtime.md").read_text()


def test_every_limit_is_there_with_its_default():
    written = {name: int(value.replace(",", "")) for name, value in re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)}
    assert written == Limits().as_dict()
