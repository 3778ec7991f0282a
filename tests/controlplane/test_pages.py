"""What the control plane answers beside its APIs: pages, health, errors in the right shape, headers."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError
from django.test import Client
from django.urls import path

from controlplane import health, urls
from tenants import services
from tenants.actor import Actor
from tenants.errors import BuildUnavailable, WorkerNotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return Client(raise_request_exception=False, headers={"host": "localhost"})


class TestPages:
    def test_the_front_page_says_what_this_is(self, client):
        page = client.get("/")
        assert page.status_code == 200
        assert "{worker}.{tenant}.localhost" in page.text

    def test_health(self, client, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert client.get("/healthz").text == "ok\n"
        found = client.get("/readyz")
        assert (found.status_code, found.json()["ready"]) == (200, True)
        assert {name: check["ok"] for name, check in found.json()["checks"].items()} == {
            "database": True,
            "migrations": True,
            "storage": True,
            "background": True,
        }

    def test_not_ready_says_why(self, client, monkeypatch, settings, tmp_path):
        def refuse():
            raise DatabaseError("gone")

        monkeypatch.setattr(health.connection, "cursor", refuse)
        settings.HOSTEL = replace(django_settings.HOSTEL, home=tmp_path / "gone")
        found = client.get("/readyz")
        assert found.status_code == 503
        assert not any(found.json()["checks"][name]["ok"] for name in ("database", "storage"))
        assert all(check["reason"] for check in found.json()["checks"].values())

    def test_a_schema_that_is_behind_is_not_ready(self, client, monkeypatch):
        monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: [("one", False), ("two", False)])
        found = client.get("/readyz")
        assert found.status_code == 503
        assert found.json()["checks"]["migrations"] == {
            "ok": False,
            "needed": True,
            "reason": "2 are not applied: `hostel migrate`",
        }

    def test_without_a_background_worker_it_is_ready_and_says_so(self, client, settings):
        settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)
        found = client.get("/readyz")
        assert (found.status_code, found.json()["ready"]) == (200, True)
        assert found.json()["checks"]["background"]["ok"] is False

    @pytest.mark.parametrize("url", ["/", "/healthz", "/readyz"])
    def test_nothing_here_can_be_posted_to(self, client, url):
        assert client.post(url).status_code == 405
        assert client.head(url).content == b""

    def test_operators_log_in_like_everybody(self, client):
        services.user_create(email="op@example.com", password="correct horse battery", operator=True, actor=Actor.system())
        assert client.get("/admin").headers["Location"] == "/admin/"
        assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
        assert client.get("/admin/login/?next=/admin/").headers["Location"] == "/accounts/login/?next=%2Fadmin%2F"
        found = client.post("/accounts/login/?next=/admin/", {"login": "OP@example.com", "password": "correct horse battery"})
        assert (found.status_code, found.headers["Location"]) == (302, "/admin/")
        assert client.get("/admin/").status_code == 200
        for model in ("tenant", "worker", "version", "deployment", "apitoken", "user", "auditevent"):
            assert client.get(f"/admin/tenants/{model}/").status_code == 200, model
        assert client.get("/admin/jobs/job/").status_code == 200

    def test_who_is_no_operator_is_refused_there(self, client):
        client.force_login(services.user_create(email="ada@example.com", password=None, actor=Actor.system()))
        assert client.get("/admin/login/").status_code == 403
        assert client.get("/admin/").status_code == 302

    def test_the_admins_files_are_served_from_here(self, client):
        found = client.get("/static/admin/css/base.css")
        assert found.status_code == 200
        assert found.headers["Content-Type"].startswith("text/css")
        assert len(found.content) > 1_000
        again = client.get("/static/admin/css/base.css", headers={"if-none-match": found.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize(
        "name",
        ["", "gone.css", "admin", "admin/css", "../../manage.py", "%2e%2e/%2e%2e/manage.py", "/etc/passwd", "a\\b", "%00", "x" * 5000],
    )
    def test_and_nothing_else_is(self, client, name):
        assert client.get(f"/static/{name}").status_code == 404


class TestErrors:
    @pytest.fixture(autouse=True)
    def raising(self, monkeypatch):
        """Addresses that fail in every way."""

        def raises(error):
            def view(_request):
                raise error

            return view

        added = [
            path(f"{prefix}{name}", raises(error))
            for prefix in ("", "api/v1/", "client/v4/")
            for name, error in (
                ("missing", WorkerNotFound()),
                ("unavailable", BuildUnavailable()),
                ("crash", ZeroDivisionError("<the password is 1234>")),
            )
        ]
        monkeypatch.setattr(urls, "urlpatterns", [*added, *urls.urlpatterns])
        from django.urls import clear_url_caches

        clear_url_caches()
        yield
        clear_url_caches()

    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [("missing", 404, "worker_not_found"), ("unavailable", 503, "build_unavailable"), ("crash", 500, "internal_error")],
    )
    def test_each_api_gets_its_shape(self, client, name, status, code):
        found = client.get(f"/api/v1/{name}")
        assert (found.status_code, found.headers["Content-Type"]) == (status, "application/problem+json")
        assert (found.json()["code"], found.json()["status"]) == (code, status)
        found = client.get(f"/client/v4/{name}")
        assert found.status_code == status
        assert found.json()["success"] is False
        assert found.json()["errors"][0]["message"]
        found = client.get(f"/{name}")
        assert found.status_code == status
        assert found.headers["Content-Type"].startswith("text/html")
        assert code in found.text

    @pytest.mark.parametrize("prefix", ["/", "/api/v1/", "/client/v4/"])
    def test_nothing_of_a_crash_is_told(self, client, prefix, caplog):
        with caplog.at_level(logging.ERROR):
            found = client.get(f"{prefix}crash")
        assert found.status_code == 500
        assert "1234" not in found.text
        assert "Traceback" not in found.text
        assert "ZeroDivisionError" in caplog.text

    def test_unknown_addresses(self, client):
        found = client.get("/no/such/page")
        assert found.status_code == 404
        assert "page_not_found" in found.text
        assert client.get("/api/v1/no/such/thing").headers["Content-Type"].startswith("application/")
        assert client.get("/client/v4/no/such/thing").json()["success"] is False

    def test_a_host_that_is_not_ours_is_refused(self, client):
        found = client.get("/", headers={"host": "evil.example"})
        assert found.status_code == 400
        assert "evil" not in found.text


class TestHeaders:
    def test_pages_may_load_nothing_from_elsewhere(self, client):
        headers = client.get("/").headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"

    def test_cookies_are_not_for_scripts_or_other_sites(self, client):
        services.user_create(email="op@example.com", password="correct horse battery", operator=True, actor=Actor.system())
        client.post("/accounts/login/", {"login": "op@example.com", "password": "correct horse battery"})
        session = client.cookies["sessionid"]
        assert session["httponly"]
        assert session["samesite"] == "Lax"

    def test_a_form_without_its_token_is_refused_in_our_shape(self):
        found = Client(enforce_csrf_checks=True, headers={"host": "localhost"}).post("/accounts/login/", {})
        assert found.status_code == 403
        assert "request_refused" in found.text

    @pytest.mark.parametrize(("given", "kept"), [("abcdef12-3456", True), ("short", False), ("x" * 65, False), ("a b c d e f g h", False)])
    def test_a_request_keeps_the_gateways_id_if_it_is_one(self, client, given, kept):
        found = client.get("/healthz", headers={"x-request-id": given}).headers["X-Request-Id"]
        assert (found == given) is kept
        assert len(found) >= 8


class TestLogs:
    def test_what_is_private_is_never_written(self):
        from controlplane.logs import hide_private

        event = {
            "event": "x",
            "authorization": "Bearer hst_abc",
            "api_token": "t",
            "Cookie": "c",
            "path": "/?t=hst_0123456789abcdef",
            "count": 3,
        }
        line = json.dumps(hide_private(None, "info", event))
        for secret in ("abc", '"t"', '"c"', "0123456789"):
            assert secret not in line
        assert '"count": 3' in line
