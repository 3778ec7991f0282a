"""Pages of lists.

Owns `page` and `per_page` (also `perPage`, as Alchemy writes it). The SDKs' pagers ask for page after page until one is
empty, so every list honours both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

from tenants.errors import FieldInvalid

PER_PAGE_MAX = 1_000
PAGE_MAX = 1_000_000
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, already rendered, and the numbers beside it (Cloudflare's `result_info`)."""

    items: list[Any]
    info: dict[str, int]


def page_of(
    request: HttpRequest,
    rows: Sequence[Row] | QuerySet[Any],
    render: Callable[[Any], Any] = lambda row: row,
    *,
    per_page: int = 1_000,
    render_all: Callable[[Sequence[Any]], list[Any]] | None = None,
) -> Page:
    """The page that `request` asks for, of at most `per_page` rows unless it says otherwise. Raises FieldInvalid.

    `render_all` renders a page's rows together, where each by itself would cost queries of its own.
    """
    page = _number(request, ("page",), 1, PAGE_MAX)
    size = _number(request, ("per_page", "perPage"), per_page, PER_PAGE_MAX)
    total = rows.count() if isinstance(rows, QuerySet) else len(rows)
    wanted = list(rows[(page - 1) * size : page * size])
    items = render_all(wanted) if render_all is not None else [render(row) for row in wanted]
    info = {"page": page, "per_page": size, "count": len(items), "total_count": total, "total_pages": max(1, -(-total // size))}
    return Page(items, info)


def _number(request: HttpRequest, names: Sequence[str], default: int, most: int) -> int:
    for name in names:
        text = request.GET.get(name)
        if text is None:
            continue
        if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
            raise FieldInvalid(f"{name} must be a number from 1 to {most}.", field=name, limit=most)
        return int(text)
    return default
