"""docs/api.md: the table of numbers, the bounds, and every route."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfapi.endpoint import NotOffered, Unknown
from cfapi.metadata import _HINTS, _REFUSED, _USED
from cfapi.numbers import numbers_table
from cfapi.upload import MODULE_KINDS
from ops.docs import error_classes, rendered
from tests.cfapi.test_scoping import routes

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_table_of_numbers_is_what_the_code_says() -> None:
    text = PAGE.read_text()
    assert rendered(text, "numbers", numbers_table(error_classes())) == text, "run `make docs`"


@pytest.mark.parametrize(
    "words",
    [
        "64 MiB",
        "11,000",
        "512 bytes",
        "HOSTEL_MAX_UPLOAD_BYTES",
        "HOSTEL_API_CALLS_PER_MINUTE",
        *MODULE_KINDS.keys() - {"text/javascript+module"},
        *_REFUSED,
        *_HINTS - {"body_part"},
        *_USED - _REFUSED.keys() - {"migration_tag"},
    ],
)
def test_bounds_types_and_keys_are_named(words: str) -> None:
    assert words in PAGE.read_text()


def test_every_route_is_named() -> None:
    text = PAGE.read_text()
    for path, view in routes():
        if view in (Unknown, NotOffered) or issubclass(view, NotOffered):
            continue
        tail = path.replace("^/*", "").removeprefix("accounts/<str:account>")
        last = [part for part in tail.split("/") if part and "<" not in part][-1:] or ["accounts"]
        assert f"/{last[0]}" in text, path
