"""Filters of charts, the editor and the consoles.

Owns their words; everything that other pages use as well is in `hostel`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Seconds since 1970 as `11-22 14:05`, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")


@register.filter
def moment(milliseconds: Any) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC) if milliseconds else None
