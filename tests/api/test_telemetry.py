"""Measurements, records and usage as a tenant, a stranger and an operator see them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from sandbox import Outcome
from telemetry.ingester import Ingester
from telemetry.models import Rollup
from tenants import services
from tenants.actor import Actor
from tenants.models import ApiToken, Tenant, Worker
from tests.api.conftest import Native
from tests.telemetry.making import NOW, VERSION, Writer, line, owner, record, thrown

OTHER_VERSION = VERSION.replace("1", "2", 1)


@pytest.fixture
def native(db: None, client: Client, tenant: Tenant, token: tuple[ApiToken, str]) -> Native:
    """The tenant's own caller. Nothing is uploaded here, so one transaction does for a test."""
    return Native(client, tenant, token[1])


@pytest.fixture
def noted(native: Native, tmp_path: Path) -> dict[str, Any]:
    """Some invocations of two tenants' workers of the same name."""
    stranger = services.tenant_create(slug="stranger", actor=Actor.system())
    mine, theirs = Worker.objects.create(tenant=native.tenant, name="hello"), Worker.objects.create(tenant=stranger, name="hello")
    other = Worker.objects.create(tenant=native.tenant, name="other")
    writer = Writer(tmp_path / "spool")

    def identity(number: int) -> str:
        return f"aaaaaaaaaaaa{number:08x}"

    of_mine = owner(native.tenant.pk, mine.pk)
    writer.batch(
        (of_mine, record(request_id=identity(1), start="cold", cpu_us=1_000, url="http://hello/first?x=1")),
        (of_mine, record(request_id=identity(2), logs=[line("Straße reached"), line("careful", "warn")], method="POST")),
        (owner(native.tenant.pk, mine.pk, version=OTHER_VERSION), record(request_id=identity(3), outcome=Outcome.EXCEPTION, status=500, exceptions=[thrown("kaboom")], logs=[line("bad", "error")], error="worker_exception")),
        (of_mine, record(request_id=identity(4), status=404, started_ms=NOW - 1_000)),
        (of_mine, record(request_id=identity(2), depth=1, worker="hello~LOADER", version="a key")),
        (owner(native.tenant.pk, other.pk, "other"), record(request_id=identity(6))),
    )  # fmt: skip
    writer.batch((owner(stranger.pk, theirs.pk), record(request_id=identity(7), logs=[line("their secret")])))
    writer.close()
    assert Ingester(tmp_path / "spool").read() == 7
    return {"id": identity, "other": other, "mine": mine}


@pytest.fixture
def payer(native: Native) -> Native:
    """A caller who may see what is billed."""
    _, secret = services.token_create(tenant=native.tenant, name="bills", scopes=["billing:read"], actor=Actor.system())
    return Native(native.client, native.tenant, secret)


def span() -> str:
    first, last = (datetime.fromtimestamp(NOW / 1000 + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for seconds in (-600, 600))
    return f"since={first}&until={last}"


class TestMetrics:
    def test_a_workers(self, native: Native, noted: dict[str, Any]) -> None:
        answer = native.get(f"/workers/hello/metrics?{span()}").json
        assert answer["step"] == 60
        totals = answer["totals"]
        assert (totals["invocations"], totals["requests"], totals["errors"], totals["cold"]) == (5, 4, 1, 1)
        assert totals["statuses"] == {"2xx": 3, "4xx": 1, "5xx": 1}
        assert totals["outcomes"] == {"ok": 4, "exception": 1}
        assert totals["wall_us_percentiles"]["p50"] == pytest.approx(4_000, rel=0.01)
        assert totals["cpu_us_percentiles"]["p99"] == pytest.approx(1_500, rel=0.01)
        assert sum(point["invocations"] for point in answer["series"]) == 5
        assert [(each["version"], each["invocations"]) for each in answer["versions"]] == [(VERSION, 4), (OTHER_VERSION, 1)]
        one = native.get(f"/workers/hello/metrics?{span()}&version={OTHER_VERSION}&step=hour").json
        assert (one["totals"]["invocations"], one["step"]) == (1, 3_600)

    def test_a_tenants_and_everybodys(self, native: Native, operator: Native, noted: dict[str, Any]) -> None:
        answer = native.get(f"/metrics?{span()}").json
        assert [(each["worker"], each["invocations"]) for each in answer["workers"]] == [("hello", 5), ("other", 1)]
        everybody = operator.get(f"/admin/metrics?{span()}").json
        assert [(each["tenant"], each["invocations"]) for each in everybody["tenants"]] == [("acme", 6), ("stranger", 1)]
        assert everybody["lost"] == {}

    def test_a_token_for_one_worker_counts_that_one_only(self, native: Native, noted: dict[str, Any]) -> None:
        _, secret = services.token_create(
            tenant=native.tenant, name="x", scopes=["telemetry:read"], workers=["other"], actor=Actor.system()
        )
        limited = Native(native.client, native.tenant, secret)
        answer = limited.get(f"/metrics?{span()}").json
        assert [each["worker"] for each in answer["workers"]] == ["other"]
        assert answer["totals"]["invocations"] == 1
        assert limited.get("/workers/hello/logs").status == 404

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
            ("since=2020-01-01T00:00:00Z&step=minute", "step"),
            ("step=second", "step"),
            ("since=yesterday", "since"),
            ("bogus=1", "bogus"),
            ("step=hour&step=day", "step"),
        ],
    )
    def test_bad_questions_name_the_field(self, native: Native, noted: dict[str, Any], query: str, field: str) -> None:
        problem = native.get(f"/workers/hello/metrics?{query}").problem
        assert (problem["status"], problem["field"]) == (400, field)

    def test_nothing_is_no_error(self, native: Native, noted: dict[str, Any]) -> None:
        answer = native.get("/workers/hello/metrics?since=2021-01-01T00:00:00Z&until=2021-01-02T00:00:00Z&step=hour").json
        assert (answer["series"], answer["totals"]["invocations"], answer["totals"]["cpu_us_percentiles"]["p50"]) == ([], 0, None)


class TestLogs:
    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("", [2, 4, 3, 2, 1]),
            ("text=STRASSE", [2]),
            ("text=first%3Fx", [1]),
            ("text=kaboom", [3]),
            ("level=warn", [3, 2]),
            ("level=error", [3]),
            ("outcome=exception", [3]),
            ("failed=false", [2, 4, 2, 1]),
            ("failed=true", [3]),
            ("status=404", [4]),
            ("status=4xx", [4]),
            ("status=5xx&text=kaboom", [3]),
            ("method=POST", [2]),
            (f"version={OTHER_VERSION}", [3]),
            ("request_id=aaaaaaaaaaaa00000002", [2, 2]),
            ("request_id=nonsense", []),
            ("event=tail", []),
            ("since=2100-01-01T00:00:00Z", []),
            ("until=2020-01-01T00:00:00Z", []),
            ("text=their%20secret", []),
        ],
    )
    def test_searching(self, native: Native, noted: dict[str, Any], query: str, numbers: list[int]) -> None:
        answer = native.get(f"/workers/hello/logs?{query}").json
        assert [int(item["request_id"][12:], 16) for item in answer["items"]] == numbers
        assert (answer["next"], answer["complete"]) == (None, True)

    def test_pages_join_without_gap_or_overlap(self, native: Native, noted: dict[str, Any]) -> None:
        whole = native.get("/workers/hello/logs").json["items"]
        for limit in range(1, 7):
            pages, cursor = [], ""
            while cursor is not None:
                page = native.get(f"/workers/hello/logs?limit={limit}{cursor and f'&cursor={cursor}'}").json
                pages += page["items"]
                cursor = page["next"]
            assert pages == whole

    def test_a_search_that_takes_long_goes_on_where_it_stopped(
        self, native: Native, noted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("telemetry.search.SCANNED", 1)
        first = native.get("/workers/hello/logs?text=nowhere").json
        assert (first["items"], first["complete"]) == ([], False)
        second = native.get(f"/workers/hello/logs?text=nowhere&cursor={first['next']}").json
        assert (second["items"], second["complete"], second["next"]) == ([], True, None) or not second["complete"]

    @pytest.mark.parametrize(
        "query",
        [
            "cursor=1",
            "cursor=a.b",
            "cursor=-1.0",
            "limit=0",
            "limit=501",
            "level=loud",
            "status=999x",
            "status=6",
            "text=" + "x" * 201,
            "x=1",
        ],
    )
    def test_bad_questions(self, native: Native, noted: dict[str, Any], query: str) -> None:
        problem = native.get(f"/workers/hello/logs?{query}").problem
        assert (problem["status"], problem["field"]) == (400, query.partition("=")[0])

    def test_one_request(self, native: Native, noted: dict[str, Any]) -> None:
        outer, inner = native.get(f"/workers/hello/invocations/{noted['id'](2)}").json
        assert (outer["depth"], inner["depth"], inner["worker"], inner["version"]) == (0, 1, "hello~LOADER", VERSION)
        assert [each["message"] for each in outer["logs"]] == ["Straße reached", "careful"]
        assert (outer["node"], inner["node"]) == ("here", "here")
        for missing in (noted["id"](7), noted["id"](99), "nonsense", "x" * 500, "%00" * 12 + "00000001"):
            problem = native.get(f"/workers/hello/invocations/{missing}").problem
            assert (problem["status"], problem["code"]) == (404, "invocation_not_found")


class TestUsage:
    def test_a_month(self, payer: Native, noted: dict[str, Any]) -> None:
        assert payer.get("/usage").status == 200
        month = datetime.fromtimestamp(NOW / 1000, UTC).strftime("%Y-%m")
        answer = payer.get(f"/usage?month={month}").json
        assert (answer["totals"]["requests"], answer["totals"]["invocations"]) == (5, 6)
        assert answer["totals"]["cpu_ms"] == 8.5
        assert [(each["worker"], each["requests"]) for each in answer["workers"]] == [("hello", 4), ("other", 1)]
        assert sum(day["requests"] for day in answer["days"]) == 5
        assert answer["totals"]["gib_seconds"] == pytest.approx(6 * 4 / 1024 * 0.004)
        assert payer.get("/usage?month=2020-01").json["totals"]["requests"] == 0

    def test_its_export_is_the_ledger(self, payer: Native, noted: dict[str, Any]) -> None:
        reply = payer.get(f"/usage/export?month={datetime.fromtimestamp(NOW / 1000, UTC):%Y-%m}")
        assert reply.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(reply.content.decode())))
        assert sum(int(row["requests"]) for row in rows) == 5
        assert {row["worker"] for row in rows} == {"hello", "other"}

    @pytest.mark.parametrize("month", ["2026-13", "26-01", "2026-1", "x", "20\uff12\uff16-01"])
    def test_a_month_that_is_none(self, payer: Native, month: str) -> None:
        assert payer.get(f"/usage?month={month}").problem["field"] == "month"

    def test_who_may(self, native: Native, noted: dict[str, Any]) -> None:
        for scope, allowed, refused in (("billing:read", "/usage", "/metrics"), ("telemetry:read", "/metrics", "/usage")):
            _, secret = services.token_create(tenant=native.tenant, name="x", scopes=[scope], actor=Actor.system())
            caller = Native(native.client, native.tenant, secret)
            assert caller.get(allowed).status == 200
            assert caller.get(refused).problem["code"] == "token_scope_missing"

    def test_the_counts_outlive_the_worker(self, native: Native, payer: Native, noted: dict[str, Any]) -> None:
        native.call("DELETE", "/workers/hello")
        assert payer.get(f"/usage?month={datetime.fromtimestamp(NOW / 1000, UTC):%Y-%m}").json["totals"]["requests"] == 5
        assert Rollup.objects.filter(worker_id=noted["mine"].pk).exists()
        assert [each["worker"] for each in native.get(f"/metrics?{span()}").json["workers"]] == [None, "other"]
