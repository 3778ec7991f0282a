"""A guard as a tile: the difference, its interval, and what is allowed, on one line.

Owns the arithmetic of the little drawing. Must not know what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rollouts import words
from rollouts.plans import Guard

# What the line shows, in its own units: from the left end to the right one.
WIDTH: Final = 200.0
_MARGIN: Final = 1.15
_WORDS: Final = {"fails": ("bad", "Fails"), "holds": ("ok", "Holds"), "counting": ("idle", "Counting")}


def of(guard: Guard, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The tile of `guard`; `seen` is what the last look has found, which is little before the first one."""
    tile: dict[str, Any] = {
        "title": guard.title,
        "heading": guard.title if guard.title[1:2].isdigit() else guard.title[:1].upper() + guard.title[1:],
        "action": guard.action,
        "minimum": guard.minimum,
        "sentence": seen.get("sentence", ""),
    }
    kind, word = _WORDS[seen.get("answer", "counting")]
    tile.update(kind=kind, word=word, p=words.p_value(float(seen.get("p", 1.0))))
    if "unit" not in seen:
        return tile
    shares = seen["unit"] == "share"
    say = words.percent if shares else words.time
    new, old = seen["new"], seen["old"]
    tile.update(
        new=say(new["value"]) if new["requests"] else "none",
        old=say(old["value"]) if old["requests"] else "none",
        new_requests=words.number(new["requests"]),
        old_requests=words.number(old["requests"]),
    )
    if seen.get("interval") and seen.get("threshold") is not None and seen.get("difference") is not None:
        tile["line"] = _line(seen["interval"], seen["difference"], seen["threshold"])
        tile["difference"] = _signed(seen["difference"], shares=shares)
        tile["interval"] = f"{_signed(seen['interval'][0], shares=shares)} to {_signed(seen['interval'][1], shares=shares)}"
        tile["threshold"] = _signed(seen["threshold"], shares=shares)
    return tile


def _signed(value: float, *, shares: bool) -> str:
    """A difference with its sign: points of a share, or a time."""
    sign = "+" if value >= 0 else "−"  # noqa: RUF001 - a minus
    if shares:
        points = abs(value) * 100
        return f"{sign}{points:.1f} points" if points >= 1 else f"{sign}{points:.2g} points"
    return f"{sign}{words.time(abs(value))}"


def _line(interval: list[float], difference: float, threshold: float) -> dict[str, float]:
    """Where on the line: zero, the threshold, the difference, both ends of the interval."""
    reach = max(abs(interval[0]), abs(interval[1]), abs(threshold), 1e-9) * _MARGIN

    def at(value: float) -> float:
        return round((value + reach) / (2 * reach) * WIDTH, 1)

    low, high = at(interval[0]), at(interval[1])
    return {"zero": WIDTH / 2, "threshold": at(threshold), "difference": at(difference), "low": low, "width": round(high - low, 1)}
