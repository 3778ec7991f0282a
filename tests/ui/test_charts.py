"""Charts as data: every bucket is there, the open one is marked, and the table says what is drawn."""

from __future__ import annotations

from django.template.loader import render_to_string

from telemetry.metrics import Span, _series
from ui.charts import Mark, charts_of

NONE = {"p50": None, "p75": None, "p90": None, "p95": None, "p99": None, "p999": None}


def measured(*points, start=6_000, end=6_600, step=60):
    totals = {"invocations": 0, "errors": 0, "cold": 0, "outcomes": {}, "cpu_us_percentiles": NONE, "wall_us_percentiles": NONE}
    for point in points:
        for name in ("invocations", "errors", "cold"):
            totals[name] += point[name]
        for name, count in point["outcomes"].items():
            totals["outcomes"][name] = totals["outcomes"].get(name, 0) + count
    return {"from": start, "to": end, "step": step, "series": list(points), "totals": totals}


def point(at, *, errors=0, cold=0, **outcomes):
    percentiles = dict.fromkeys(NONE, 1_500.0)
    count = sum(outcomes.values())
    return {
        "at": at, "invocations": count, "errors": errors, "cold": cold, "outcomes": outcomes,
        "cpu_us_percentiles": percentiles, "wall_us_percentiles": percentiles,
    }  # fmt: skip


def test_every_bucket_is_there_and_the_open_one_is_marked():
    requests, cpu, _, rates = charts_of(measured(point(6_060, ok=3, exception=1, errors=1)), now=6_599)
    assert len(requests.at) == 10
    assert requests.open_from == 6_540
    assert [each.name for each in requests.series] == ["ok", "exception"]
    assert list(requests.series[0].values)[:3] == [0, 3, 0]
    # Nothing happened is no percentile, and no error rate.
    assert list(cpu.series[0].values)[:3] == [None, 1_500.0, None]
    assert list(rates.series[0].values)[:3] == [None, 0.25, None]
    assert charts_of(measured(point(6_060, ok=1)), now=6_601)[0].open_from is None


def test_only_what_happened_in_this_time_is_marked():
    marks = [Mark(5_999, "v1"), Mark(6_000, "v2"), Mark(6_600, "v3")]
    assert [mark.label for mark in charts_of(measured(), marks=marks)[0].marks] == ["v2"]


def test_the_table_is_the_chart():
    chart = charts_of(measured(point(6_060, ok=1_234)), marks=[Mark(6_000, "v2")], now=6_599)[0]
    html = render_to_string("ui/parts/chart.html", {"chart": chart})
    assert 'data-v="1234"' in html
    assert "1.2k" in html
    assert "not over yet" in html
    assert 'data-label="v2"' in html
    assert "style=" not in html


def test_nothing_at_all():
    charts = charts_of(measured())
    assert all(chart.empty for chart in charts)
    assert "nothing happened" in render_to_string("ui/parts/chart.html", {"chart": charts[0]})


def test_real_rollups_have_the_shape(db):
    assert len(charts_of(_series([], Span.of(0, 3_600, "minute")))) == 4
