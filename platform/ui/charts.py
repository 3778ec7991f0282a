"""Charts as data: what `templates/ui/parts/chart.html` shows as a table, and `static/ui/charts.js` draws from that table.

Owns the way from a series of roll-ups (`telemetry.metrics`) to charts: every bucket is there, empty ones too, and the one that time has not
filled yet is marked, so that no line ever droops at its end. Must not query anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ui import words
from ui.frontend.addresses import address

Unit = Literal["count", "micros", "share", "bytes"]
Kind = Literal["stack", "lines"]
SHOW: Final[Mapping[str, Callable[[float | None], str]]] = {
    "count": words.compact,
    "micros": words.micros,
    "share": words.share,
    "bytes": words.size,
}
# Colours by outcome; whatever else there is takes the others in turn.
_OUTCOMES: Final = {"ok": "c0", "exception": "c3", "exceededCpu": "c1", "exceededMemory": "c5", "canceled": "c2"}
_OTHERS: Final = ("c4", "c2", "c5", "c1", "c3")
_PERCENTILES: Final = (("p50", "c0"), ("p90", "c1"), ("p99", "c3"))


@dataclass(frozen=True, slots=True)
class Series:
    """One line or layer. `colour` names a token (`c0` to `c5`); a value of None is a gap."""

    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: seconds since 1970, a short label, and where to read more."""

    at: int
    label: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`stack` adds its series up, `lines` does not. `at` holds each bucket's beginning; `open_from` is the bucket not over yet, if any."""

    name: str
    title: str
    kind: Kind
    unit: Unit
    step: int
    at: Sequence[int]
    series: Sequence[Series]
    total: str = ""
    open_from: int | None = None
    marks: Sequence[Mark] = field(default=())
    # An address with {from} and {to} in seconds, for a click on a bucket.
    more: str = ""

    @property
    def rows(self) -> list[tuple[int, bool, list[tuple[str, str]]]]:
        """The table: each bucket's beginning, whether it is still open, and for each series the number and its words."""
        show = SHOW[self.unit]
        return [
            (at, at == self.open_from, [("" if (value := each.values[row]) is None else f"{value:g}", show(value)) for each in self.series])
            for row, at in enumerate(self.at)
        ]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for each in self.series for value in each.values)

    @property
    def script(self) -> str:
        """Where uPlot is; empty where it could not be fetched, and the table is what there is."""
        return address("uplot.js")


def charts_of(measured: Mapping[str, Any], *, marks: Iterable[Mark] = (), more: str = "", now: float | None = None) -> list[Chart]:
    """The four of an overview, of what `telemetry.metrics` gives: requests by outcome, CPU time, wall time, cold starts and errors.

    `now` is the time that decides which bucket is open (seconds since 1970).
    """
    series = {point["at"]: point for point in measured["series"]}
    step: int = measured["step"]
    at = list(range(measured["from"], measured["to"], step))
    clock = time.time() if now is None else now
    shared: dict[str, Any] = {
        "at": at,
        "step": step,
        "open_from": at[-1] if at and at[-1] + step > clock else None,
        "marks": [mark for mark in marks if measured["from"] <= mark.at < measured["to"]],
        "more": more,
    }
    points = [series.get(each) for each in at]
    totals = measured["totals"]
    return [
        Chart(
            name="requests",
            title="Requests by outcome",
            kind="stack",
            unit="count",
            series=_outcomes(points, totals["outcomes"]),
            total=f"{words.compact(totals['invocations'])} in all",
            **shared,
        ),
        _percentiles("cpu", "CPU time", "cpu_us_percentiles", points, totals, shared),
        _percentiles("wall", "Wall time", "wall_us_percentiles", points, totals, shared),
        Chart(
            name="rates",
            title="Errors and cold starts",
            kind="lines",
            unit="share",
            series=[
                Series("errors", "c3", [_part(point, "errors") for point in points]),
                Series("cold starts", "c2", [_part(point, "cold") for point in points]),
            ],
            total=f"{words.share(_part(totals, 'errors'))} errors, {words.share(_part(totals, 'cold'))} cold",
            **shared,
        ),
    ]


def _outcomes(points: Sequence[Mapping[str, Any] | None], totals: Mapping[str, int]) -> list[Series]:
    """The most frequent first, `ok` before all."""
    names = sorted(totals, key=lambda name: (name != "ok", -totals[name], name)) or ["ok"]
    others = iter(_OTHERS * len(names))
    return [
        Series(name, _OUTCOMES.get(name) or next(others), [(point["outcomes"].get(name, 0) if point else 0) for point in points])
        for name in names
    ]


def _percentiles(  # noqa: PLR0917 - all of one shape
    name: str, title: str, key: str, points: Sequence[Mapping[str, Any] | None], totals: Mapping[str, Any], shared: Mapping[str, Any]
) -> Chart:
    series = [Series(each, colour, [point[key][each] if point else None for point in points]) for each, colour in _PERCENTILES]
    total = f"p99 {words.micros(totals[key]['p99'])}"
    return Chart(name=name, title=title, kind="lines", unit="micros", series=series, total=total, **shared)


def _part(point: Mapping[str, Any] | None, key: str) -> float | None:
    return point[key] / point["invocations"] if point and point["invocations"] else None
