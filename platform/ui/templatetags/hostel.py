"""Tags and filters of the pages: times, numbers, icons, status, shares, sparklines.

Owns their HTML, which is made without any inline style (the policy forbids it) and says everything in words, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ui import words

register = template.Library()
register.filter("compact", words.compact)
register.filter("size", words.size)
register.filter("micros", words.micros)
register.filter("share", words.share)


@register.filter
def ago(moment: Any) -> SafeString | str:
    """A moment as "3 min ago", with the absolute time on hover. Takes datetimes, and seconds since 1970."""
    if moment in (None, ""):
        return mark_safe('<span class="soft">never</span>')
    when = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int | float) else moment
    absolute = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.astimezone(UTC).isoformat(), absolute, words.relative(when, timezone.now())
    )


@register.filter
def pretty(value: Any) -> str:
    """A value as indented JSON; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


@register.filter
def hundredths(weight: int) -> str:
    """A weight in hundredths of a per cent as a percentage."""
    return words.share(weight / 10_000)


@register.filter
def at(mapping: Any, key: Any) -> Any:
    """What a mapping has for a key that is a variable."""
    return mapping.get(key) if isinstance(mapping, Mapping) else None


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture that says nothing of its own."""
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>', static("ui/icons.svg"), name)


@register.simple_tag
def status(kind: str, word: str) -> SafeString:
    """A dot and a word: `ok`, `warn`, `bad`, `info` or `idle`, and what that means here."""
    return format_html(
        '<span class="status {}"><svg class="dot" viewBox="0 0 8 8" aria-hidden="true">{}</svg>{}</span>', kind, _DOTS[kind], word
    )


# A shape for each, so that nobody needs the colour.
_DOTS: Mapping[str, SafeString] = {
    "ok": mark_safe('<circle cx="4" cy="4" r="4"/>'),
    "warn": mark_safe('<path d="M4 0 8 8H0Z"/>'),
    "bad": mark_safe('<path d="M0 0h8v8H0Z"/>'),
    "info": mark_safe('<path d="M4 0 8 4 4 8 0 4Z"/>'),
    "idle": mark_safe('<circle cx="4" cy="4" r="3" fill="none" stroke="currentColor" stroke-width="1.5"/>'),
}


@register.simple_tag
def split(entries: Sequence[tuple[str, int]]) -> SafeString:
    """Shares of the traffic as a bar with its words: (label, weight in hundredths of a per cent)."""
    left = 0.0
    parts = []
    for index, (_, weight) in enumerate(entries):
        parts.append((index % 6, round(left, 2), round(weight / 100, 2)))
        left += weight / 100
    bars = format_html_join("", '<rect class="part-{}" x="{}" width="{}" height="6"/>', parts)
    said = format_html_join(
        " ", '<span class="split-word"><b>{}</b> {}</span>', ((label, words.share(weight / 10_000)) for label, weight in entries)
    )
    return format_html(
        '<span class="split"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{}</svg><span>{}</span></span>',
        bars,
        said,
    )


@register.simple_tag
def spark(values: Sequence[float], label: str) -> SafeString:
    """A line of values, oldest first; `label` says what it shows, in words."""
    most = max(values, default=0) or 1
    last = max(len(values) - 1, 1)
    points = " ".join(f"{index * 100 / last:.1f},{23 - value / most * 22:.1f}" for index, value in enumerate(values))
    return format_html(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polygon points="0,24 {} 100,24"/><polyline points="{}" vector-effect="non-scaling-stroke"/></svg>',
        label,
        points,
        points,
    )


@register.inclusion_tag("ui/parts/copy.html")
def copy(text: str, what: str = "") -> dict[str, str]:
    """A button that copies `text`; `what` is its name for those who do not see it."""
    return {"text": text, "what": what or text}


@register.inclusion_tag("ui/parts/pages.html", takes_context=True)
def pages(context: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """Links to the pages of a list (a `cfapi.paging.Page`), keeping the filters of the address."""
    request = context["request"]

    def url(number: int) -> str:
        query = request.GET.copy()
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    page, last = found.info["page"], found.info["total_pages"]
    return {
        "page": page,
        "last": last,
        "total": found.info["total_count"],
        "newer": url(page - 1) if page > 1 else "",
        "older": url(page + 1) if page < last else "",
    }
