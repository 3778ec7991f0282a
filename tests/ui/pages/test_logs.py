"""Logs as a page: what is found, what a page can bear, and the stream behind it."""

from __future__ import annotations

import pytest
from django.test import Client

from sandbox import Outcome
from telemetry import chunks, search, tails
from tenants import services
from tenants.models import Version
from tests.telemetry.making import line, record, thrown
from ui.pages import logs

URL = "/t/acme/workers/hello/logs"


@pytest.fixture
def worker(upload_js):
    return upload_js().worker


@pytest.fixture
def page(tenant, actor, worker):
    user = services.user_create(email="ada@example.com", password=None, actor=actor)
    services.member_add(tenant=tenant, user=user, role="viewer", actor=actor)
    found = Client(headers={"host": "localhost"})
    found.force_login(user)
    return found


@pytest.fixture
def keep(tenant, worker):
    def kept(*records):
        version = str(Version.objects.get().pk)
        rows = [(version, each) for each in records]
        chunks.made(rows, tenant_id=tenant.pk, worker_id=worker.pk, process="aaaaaaaaaaaa", kept=True, now=0).save()

    return kept


def test_nothing_at_all_says_what_would_be_there(page):
    assert "No requests yet" in page.get(URL).text


def test_records_and_exceptions(page, keep):
    failure = record(outcome=Outcome.EXCEPTION, status=500, exceptions=[thrown("<b>no</b>")], url="http://hello/boom")
    keep(record(logs=[line("hello <script>", "warn")], variant="blue"), failure)
    text = page.get(URL).text
    assert "hello &lt;script&gt;" in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "v1 · blue" in text
    assert "Exceptions, by what they are" in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("text=needle", 1), ("outcome=failed", 1), ("outcome=exception", 1), ("outcome=ok", 2), ("status=5xx", 1), ("status=500", 1), ("level=warn", 1),
        ("version=1", 3), ("version=v1", 3), ("version=v9", 0), ("variant=blue", 1), ("method=post", 0), ("trace_id=" + "a" * 32, 1),
        ("since=2020-01-01T00:00", 3), ("until=1000000000", 0), ("text=needle&status=500", 0),
    ],
)  # fmt: skip
def test_filters_are_the_address(page, keep, query, count):
    keep(
        record(logs=[line("a Needle here")], trace_id="a" * 32),
        record(logs=[line("w", "warn")], variant="blue"),
        record(outcome=Outcome.EXCEPTION, status=500),
    )
    assert page.get(f"{URL}?{query}").text.count('<details class="record') == count


@pytest.mark.parametrize(
    "query",
    [
        "status=abc",
        "outcome=great",
        "level=loud",
        "trace_id=xyz",
        "since=yesterday",
        "until=99999999999999",
        "cursor=x",
        "since=9999-12-31T23:59%2b99:99",
    ],
)
def test_a_filter_that_is_none_is_told(page, keep, query):
    keep(record())
    answer = page.get(f"{URL}?{query}")
    assert answer.status_code == 200
    assert "field_invalid" in answer.text


def test_a_line_of_5_mb_does_no_harm(page, keep):
    keep(record(logs=[line("x" * 5_000_000)], exceptions=[thrown("y" * 5_000_000)]))
    text = page.get(URL).text
    assert len(text) < 200_000
    assert "more characters" in text
    whole = page.get(f"{URL}/aaaaaaaaaaaa00000001")
    assert len(whole.content) < 300_000


def test_a_request_in_whole(page, keep):
    keep(record(request_id="aaaaaaaaaaaa00000007"))
    text = page.get(f"{URL}/aaaaaaaaaaaa00000007").text
    assert "&quot;cpu_us&quot;: 1500" in text
    assert page.get(f"{URL}/aaaaaaaaaaaa00000009").status_code == 404


def test_a_background_worker_that_is_down_is_said(page, monkeypatch):
    monkeypatch.setattr("jobs.builds.JobBuilder.guest_build", lambda _: None)
    assert "The background worker is not running" in page.get(URL).text


def test_following_is_offered_without_scripts_too(page):
    text = page.get(f"{URL}?live=1&status=404").text
    assert "<noscript>" in text
    assert 'data-stream="/t/acme/workers/hello/logs/live?status=404"' in text
    assert "/api/v1/workers/hello/tail" in text


class TestTheStream:
    def test_what_keeps_it_from_being_followed(self, page, settings, monkeypatch):
        assert page.get(f"{URL}/live?status=abc").json()["code"] == "field_invalid"

        def refuse(**_):
            raise tails.TailsExceeded

        monkeypatch.setattr(tails, "tail_open", refuse)
        assert page.get(f"{URL}/live").status_code == 429

    def test_rows_come_drawn(self, tenant, worker):
        shape = logs._as_html(logs.Versions(tenant, worker), URL)
        version = str(Version.objects.get().pk)
        html = shape(search.shown("node", version, record(url="http://hello/<first>")))["html"]
        assert "&lt;first&gt;" in html
        assert "v1" in html
        assert "deadbeef" in shape(search.shown("node", "deadbeef-gone", record()))["html"]
