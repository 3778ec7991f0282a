"""Numbers and times as people read them. Pure functions."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
DAYS_RELATIVE = 45
_KIB = 1_024
_THOUSAND = 1_000
_SMALL = 10
NOTHING = "\N{EN DASH}"


def relative(moment: datetime, now: datetime) -> str:
    """`3 min ago`, `in 2 h`; a date beyond some weeks."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) > DAYS_RELATIVE * 86_400:
        return moment.strftime("%Y-%m-%d")
    for size_, unit in _UNITS:
        if abs(seconds) >= size_:
            text = f"{int(abs(seconds) // size_)} {unit}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now"


def compact(value: float | None) -> str:
    """`950`, `1.2k`, `3.4M`; a dash for nothing."""
    if value is None:
        return NOTHING
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            shown = value / limit
            return f"{shown:.1f}{unit}" if shown < _SMALL else f"{shown:.0f}{unit}"
    return f"{value:.0f}" if float(value).is_integer() or value >= _SMALL else f"{value:.1f}"


def size(value: float | None) -> str:
    """Bytes as `12 B`, `3.4 KiB`, `56 MiB`."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < _KIB:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= _SMALL else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} TiB"


def micros(value: float | None) -> str:
    """Microseconds as `80 µs`, `1.2 ms`, `3.4 s`."""
    if value is None:
        return NOTHING
    for limit, unit in ((1e6, "s"), (1e3, "ms")):
        if value >= limit:
            shown = value / limit
            return f"{shown:.1f} {unit}" if shown < _SMALL else f"{shown:.0f} {unit}"
    return f"{value:.0f} µs"


def share(value: float | None) -> str:
    """A part of one as a percentage: `0 %`, `0.04 %`, `12.5 %`; a dash for nothing."""
    if value is None:
        return NOTHING
    percent = value * 100
    text = f"{percent:.0f}" if percent >= _SMALL or percent == int(percent) else f"{percent:.1f}" if percent >= 1 else f"{percent:.2f}"
    return f"{text} %"
