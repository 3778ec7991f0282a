"""Rollouts in words: numbers as people read them, and verdicts in one sentence.

Owns the wording that API, pages, webhooks and the audit log share. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rollouts.judging import Names
    from rollouts.plans import Guard

_MINUTE: Final = 60
_HOUR: Final = 3_600
_MS: Final = 1_000
_LEAST_P: Final = 0.0001
_VERBS: Final = {"errors": "fails", "exceptions": "throws in"}


def percent(share: float) -> str:
    """`3.1 %`; two digits below one per cent."""
    value = share * 100
    if value == 0 or value >= 10:  # noqa: PLR2004 - a digit behind the point says nothing there
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"


def number(count: int) -> str:
    """`20,955`."""
    return f"{count:,}"


def time(us: float | None) -> str:
    """Microseconds as `310 ms`, `4.2 ms` or `1.3 s`."""
    if us is None:
        return "unknown"
    ms = us / _MS
    if ms >= _MS:
        return f"{ms / _MS:.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"  # noqa: PLR2004 - a digit behind the point says nothing there


def span(seconds: float) -> str:
    """`4 min 10 s`, `2 h 5 min`, `12 s`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s" if whole % _MINUTE else f"{whole // _MINUTE} min"
    minutes = whole % _HOUR // _MINUTE
    return f"{whole // _HOUR} h {minutes} min" if minutes else f"{whole // _HOUR} h"


def p_value(p: float) -> str:
    """`p = 0.0004`."""
    return f"p < {_LEAST_P:g}" if p < _LEAST_P else f"p = {p:.2g}"


def weight(hundredths: int) -> str:
    """`0.5 %`."""
    return f"{hundredths / 100:g} %"


def guard_sentence(guard: Guard, names: Names, figures: Mapping[str, Any], p: float) -> str:
    """What a guard sees, without what is done about it."""
    new, old = figures["new"], figures["old"]
    counted = f"({number(new['requests'])} and {number(old['requests'])} requests, always-valid {p_value(p)})"
    if not new["requests"] or not old["requests"]:
        missing = names.new if not new["requests"] else names.old
        return f"{guard.title}: nothing was counted of {missing} yet"
    if figures["unit"] == "us":
        what = "CPU time" if guard.metric == "cpu_p95" else "wall time"
        return f"{names.new} takes {time(new['value'])} of {what} at p95 against {time(old['value'])} of {names.old} {counted}"
    if guard.metric in _VERBS:
        verb = _VERBS[guard.metric]
        return f"{names.new} {verb} {percent(new['value'])} of requests against {percent(old['value'])} of {names.old} {counted}"
    what = f"{guard.title!r} in {percent(new['value'])} of requests"
    return f"{names.new} has {what} against {percent(old['value'])} of {names.old} {counted}"
