"""Plots as data for `ui/parts/plot.html`: drawn on the server, there without scripts, each with its table.

Owns the arithmetic from a series of roll-ups to rectangles and lines in a box of 1000 by 100. Pure functions. The step that is not over
yet is marked, so that nobody takes it for a drop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from telemetry.metrics import Span
from telemetry.models import DAY

WIDTH, HEIGHT = 1000.0, 100.0
# Chosen by the visitor: seconds, and the step that gives a readable number of bars.
RANGES: Mapping[str, tuple[int, str, str]] = {
    "1h": (3_600, "minute", "Last hour"),
    "6h": (21_600, "minute", "6 hours"),
    "24h": (86_400, "hour", "24 hours"),
    "7d": (604_800, "hour", "7 days"),
    "30d": (2_592_000, "day", "30 days"),
}
DEFAULT_RANGE = "1h"
_ROWS_SHOWN = 24
Point = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One step: where it is, what it says on hover, its bars (class, y, height), and whether it is not over yet."""

    x: float
    width: float
    title: str
    bars: Sequence[tuple[str, float, float]]
    unfinished: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a deployment."""

    x: float
    label: str

    @property
    def hit(self) -> float:
        """Where its wider, invisible twin begins."""
        return self.x - 4


@dataclass(frozen=True, slots=True)
class Plot:
    """What the template draws. `legend` has class, word and total; `lines` class and the points of each unbroken piece."""

    key: str
    title: str
    legend: Sequence[tuple[str, str, str]]
    slots: Sequence[Slot]
    lines: Sequence[tuple[str, Sequence[str]]]
    top: str
    start: str
    end: str
    marks: Sequence[Mark]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: bool
    more: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing a chart shows: its class, its word, where a point has it, and how its values are written."""

    cls: str
    word: str
    value: Callable[[Point], float | None]
    written: Callable[[float | None], str]
    total: Callable[[Point], float | None] | None = None


def span_of(name: str, now: float) -> tuple[str, Span]:
    """The span of a range (the default one for a word that is none) that ends with the step `now` is in."""
    chosen = name if name in RANGES else DEFAULT_RANGE
    seconds, step, _ = RANGES[chosen]
    span = Span.of(now - seconds, now, step)
    # Whole steps, the unfinished one included, and no part of a step at the beginning.
    return chosen, Span(span.end - seconds // span.step * span.step, span.end, span.step)


def plot(
    key: str,
    title: str,
    shown: Sequence[Shown],
    found: Mapping[str, Any],
    *,
    span: Span,
    now: float,
    stacked: bool,
    marks: Iterable[tuple[float, str]] = (),
) -> Plot:
    """A plot of `shown` over the answer of `telemetry.metrics`: bars on each other, or lines."""
    points = {point["at"]: point for point in found["series"]}
    steps = list(range(span.start, span.end, span.step))
    values = [[each.value(points[at]) if at in points else None for each in shown] for at in steps]
    tops = [sum(value or 0 for value in row) if stacked else max((value or 0 for value in row), default=0) for row in values]
    top = max(tops, default=0)
    width = WIDTH / max(len(steps), 1)
    slots = [
        Slot(
            round(index * width, 2),
            round(width, 2),
            _title(at, span, shown, row),
            _bars(shown, row, top) if stacked else (),
            at + span.step > now,
        )
        for index, (at, row) in enumerate(zip(steps, values, strict=True))
    ]
    lines = [] if stacked else [(each.cls, _pieces([row[column] for row in values], width, top)) for column, each in enumerate(shown)]
    written = [
        [_when(at, span), *(each.written(value) for each, value in zip(shown, row, strict=True))]
        for at, row in zip(steps, values, strict=True)
        if at in points
    ]
    totals = found["totals"]
    return Plot(
        key,
        title,
        [(each.cls, each.word, each.written((each.total or each.value)(totals))) for each in shown],
        slots,
        lines,
        shown[0].written(top),
        _when(span.start, span),
        "now" if span.end >= now else _when(span.end, span),
        [Mark(round((at - span.start) / (span.end - span.start) * WIDTH, 2), label) for at, label in marks if span.start <= at < span.end],
        ["Time (UTC)", *(each.word for each in shown)],
        written[::-1][:_ROWS_SHOWN],
        not points or not top,
        max(0, len(written) - _ROWS_SHOWN),
    )


def _bars(shown: Sequence[Shown], row: Sequence[float | None], top: float) -> list[tuple[str, float, float]]:
    bars, below = [], 0.0
    for each, value in zip(shown, row, strict=True):
        if value:
            height = max(value / top * HEIGHT, 1.0)
            bars.append((each.cls, round(HEIGHT - below - height, 2), round(height, 2)))
            below += height
    return bars


def _pieces(values: Sequence[float | None], width: float, top: float) -> list[str]:
    """Lines through the middles of steps, broken where nothing happened; a value alone is a short dash."""
    pieces: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None or not top:
            pieces.append([])
            continue
        y = round(HEIGHT - value / top * (HEIGHT - 2), 2)
        pieces[-1].append(f"{round((index + 0.5) * width, 2)},{y}")
    dashed = [
        [f"{float(piece[0].split(',')[0]) - width / 3:.2f},{piece[0].split(',')[1]}", *piece] if len(piece) == 1 else piece
        for piece in pieces
        if piece
    ]
    return [" ".join(piece) for piece in dashed]


def _title(at: int, span: Span, shown: Sequence[Shown], row: Sequence[float | None]) -> str:
    said = ", ".join(f"{each.word} {each.written(value)}" for each, value in zip(shown, row, strict=True) if value is not None)
    return f"{_when(at, span)}: {said or 'nothing'}"


def _when(at: int, span: Span) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if span.step >= DAY:
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%H:%M" if span.end - span.start <= DAY else "%m-%d %H:%M")
