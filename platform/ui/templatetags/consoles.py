"""Filters of charts, the editor and the consoles.

Owns their words; everything that other pages use as well is in `hostel`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Seconds since 1970 as `11-22 14:05`, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")


@register.filter
def moment(milliseconds: Any) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC) if milliseconds else None


@register.filter
def words(name: str) -> str:
    """`egress_bytes` as `egress bytes`."""
    return str(name).replace("_", " ")


@register.filter
def gibs(kib_ms: float) -> str:
    """Memory held times wall time, of KiB and milliseconds: `1.2 GiB s`."""
    amount = kib_ms / 1_048_576 / 1_000
    return f"{amount:,.0f} GiB s" if amount >= 10 else f"{amount:.2g} GiB s"  # noqa: PLR2004 - two digits are enough


@register.simple_tag
def meter(part: float, *, judge: bool = True) -> SafeString:
    """A part of one as a bar; the words stand beside it. With `judge` it says that it is nearly full."""
    width = round(min(max(part, 0.0), 1.0) * 100, 1)
    kind = "" if not judge else " bad" if part >= _FULL else " warn" if part >= _NEARLY else ""
    return format_html(
        '<svg class="meter{}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="6"/></svg>',
        kind,
        width,
    )


@register.simple_tag
def meter_of(used: float, value: float) -> SafeString:
    """The same of a limit."""
    return meter(used / value if value else 0.0)


# From which part on a bar says so.
_NEARLY, _FULL = 0.8, 1.0
