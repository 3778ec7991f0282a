"""Pages by Django's client: how many queries they ask, who is told what, bad days that need no browser."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants import services
from tenants.actor import Actor
from tenants.models import AuditEvent, Tenant, User, Version
from tenants.roles import Role
from tests.conftest import script
from ui.entrance import IMPERSONATION

SYSTEM = Actor.system()
HELLO = "export default { fetch() { return new Response('hello'); } };"
WORKER = "/t/acme/workers/hello"
# Address -> the most queries it may ask: session, person, membership, the person's tenants, then its own.
QUERIES = {
    "/t/acme/": 12,
    "/t/acme/new": 6,
    "/t/acme/find?q=hello": 9,
    "/t/acme/domains?url=hello.acme.localhost": 20,
    "/t/acme/metrics": 6,
    "/t/acme/usage": 26,
    "/t/acme/limits": 22,
    "/t/acme/tokens": 6,
    "/t/acme/members": 7,
    "/t/acme/webhooks": 5,
    "/t/acme/audit": 5,
    "/t/acme/settings": 5,
    f"{WORKER}/": 18,
    f"{WORKER}/versions": 10,
    f"{WORKER}/versions/1": 14,
    f"{WORKER}/compare?from=1&to=2": 12,
    f"{WORKER}/deployments": 16,
    f"{WORKER}/metrics": 12,
    f"{WORKER}/environment": 12,
    f"{WORKER}/limits": 18,
    f"{WORKER}/settings": 7,
}


@pytest.fixture
def ada(tenant: Tenant) -> User:
    user = services.user_create(email="ada@example.com", password=None, actor=SYSTEM)
    services.member_add(tenant=tenant, user=user, role=Role.OWNER, actor=SYSTEM)
    return user


@pytest.fixture
def browser(ada: User) -> Client:
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    client.force_login(ada)
    return client


@pytest.fixture
def hello(tenant: Tenant) -> None:
    for source in (HELLO, HELLO + "// two"):
        services.version_upload(tenant=tenant, worker_name="hello", upload=script(source), actor=SYSTEM, source="tests", deploy=True)


pytestmark = pytest.mark.django_db(transaction=True)


class TestQueries:
    def test_pages_ask_few_and_no_more_for_more_rows(self, browser: Client, hello: None, tenant: Tenant) -> None:
        before = {path: self.asked(browser, path) for path in QUERIES}
        assert {path: count for path, count in before.items() if count > QUERIES[path]} == {}
        for name in ("one", "two", "three"):
            services.version_upload(tenant=tenant, worker_name=name, upload=script(HELLO), actor=SYSTEM, source="tests", deploy=True)
            services.domain_add(tenant=tenant, worker_name=name, hostname=f"{name}.example.com", actor=SYSTEM)
            services.token_create(tenant=tenant, name=name, scopes=["workers:read"], actor=SYSTEM)
        for path in ("/t/acme/", "/t/acme/domains?url=hello.acme.localhost", "/t/acme/tokens", "/t/acme/audit", f"{WORKER}/deployments"):
            assert self.asked(browser, path) <= before[path] + 1, path

    def asked(self, browser: Client, path: str) -> int:
        assert browser.get(path).status_code == 200, path
        with CaptureQueriesContext(
            connection,
        ) as found:
            browser.get(path)
        return len(found)


class TestBadDays:
    def test_a_suspended_tenant_is_told_so_while_looking(self, browser: Client, hello: None, tenant: Tenant) -> None:
        services.tenant_suspend(tenant=tenant, reason="Unpaid <b>bill</b>", actor=SYSTEM)
        page = browser.get(f"{WORKER}/").text
        assert "This tenant is suspended" in page
        assert "Unpaid &lt;b&gt;bill&lt;/b&gt;" in page
        refused = browser.post("/t/acme/new", {"do": "create", "name": "another", "template": "hello"})
        assert (refused.status_code, "tenant_suspended" in refused.text) == (403, True)
        assert 'value="another"' in refused.text, "nothing typed is lost"

    def test_ten_thousand_versions(self, browser: Client, hello: None, tenant: Tenant) -> None:
        worker = tenant.workers.get()
        example = Version.objects.filter(worker=worker).first()
        assert example is not None
        fields = {name: getattr(example, name) for name in ("main_module", "modules", "compatibility_date", "sha256")}
        Version.objects.bulk_create(
            [Version(worker=worker, tenant=tenant, number=number, **fields) for number in range(3, 10_001)], batch_size=500
        )
        tenant.workers.update(last_version_number=10_000)
        with CaptureQueriesContext(connection) as found:
            page = browser.get(f"{WORKER}/versions").text
        assert len(found) <= QUERIES[f"{WORKER}/versions"]
        assert ">v10000<" in page
        assert "Page 1 of 400" in page
        assert ">v1<" in browser.get(f"{WORKER}/versions?page=400").text
        assert browser.get(f"{WORKER}/versions?page=401").status_code == 200
        for path in ("versions/10000", "compare", "deployments", "metrics", "environment", ""):
            assert browser.get(f"{WORKER}/{path}").status_code == 200, path

    @pytest.mark.parametrize("page", ["0", "x", "-1", "9" * 30])
    def test_a_page_that_is_none(self, browser: Client, hello: None, page: str) -> None:
        found = browser.get(f"{WORKER}/versions?page={page}")
        assert (found.status_code, "field_invalid" in found.text) == (400, True)

    @pytest.mark.parametrize("query", ["from=0&to=1", "from=99999999999&to=1", "from=x", "to=", "from=1&to=1", "view=other"])
    def test_comparing_anything(self, browser: Client, hello: None, query: str) -> None:
        assert browser.get(f"{WORKER}/compare?{query}").status_code in {200, 404}

    def test_a_form_that_the_page_does_not_have(self, browser: Client, hello: None) -> None:
        for do in ("", "nothing", "__class__", "settings"):
            found = browser.post(f"{WORKER}/settings", {"do": do})
            assert (found.status_code, "action_unknown" in found.text) == (400, True)

    def test_a_reason_that_is_too_long(self, browser: Client, hello: None) -> None:
        found = browser.post(f"{WORKER}/settings", {"do": "delete", "confirm": "hello", "reason": "x" * 501})
        assert found.status_code == 400
        assert browser.get(f"{WORKER}/").status_code == 200

    def test_a_destructive_form_without_the_name_does_nothing(self, browser: Client, hello: None) -> None:
        found = browser.post(f"{WORKER}/settings", {"do": "delete", "confirm": "hell"})
        assert (found.status_code, "confirmation_missing" in found.text) == (400, True)
        assert browser.get(f"{WORKER}/").status_code == 200

    def test_a_second_tab_overwrites_nothing(self, browser: Client, hello: None, tenant: Tenant) -> None:
        stale = tenant.revision
        browser.post("/t/acme/settings", {"do": "rename", "name": "First", "revision": stale})
        found = browser.post("/t/acme/settings", {"do": "rename", "name": "Second", "revision": stale})
        assert (found.status_code, "changed_meanwhile" in found.text, "Second" in found.text) == (412, True, True)
        tenant.refresh_from_db()
        assert tenant.name == "First"

    def test_the_theme_leads_nowhere_else(self, browser: Client) -> None:
        for back in ("https://evil.example/", "//evil.example", "javascript:alert(1)", ""):
            assert browser.post("/theme", {"theme": "dark", "next": back}).headers["Location"] == "/"
        assert browser.post("/theme", {"theme": "dark", "next": "/t/acme/"}).headers["Location"] == "/t/acme/"
        assert "hostel_theme" not in browser.post("/theme", {"theme": "<script>", "next": "/"}).cookies


class TestUnsent:
    def test_a_form_is_kept_over_the_log_in(self, ada: User, hello: None, tenant: Tenant) -> None:
        client = Client(headers={"host": "localhost"})
        found = client.post("/t/acme/settings", {"do": "rename", "name": "Kept <i>", "revision": str(tenant.revision)})
        where = found.headers["Location"]
        assert where.startswith("/accounts/login/?next=%2Funsent%2F")
        assert "Kept" not in str(dict(client.session)), "sealed"
        client.force_login(ada)
        name = where.rpartition("%2F")[2]
        page = client.get(f"/unsent/{name}").text
        assert "Kept &lt;i&gt;" in page
        client.post("/t/acme/settings", {"do": "rename", "name": "Kept <i>", "revision": str(tenant.revision), "unsent": name})
        tenant.refresh_from_db()
        assert tenant.name == "Kept <i>"
        assert "nothing left to send" in client.get(f"/unsent/{name}").text

    def test_what_is_too_large_is_not_kept(self, ada: User) -> None:
        client = Client(headers={"host": "localhost"})
        found = client.post("/t/acme/settings", {"do": "rename", "name": "x" * 300_000})
        assert "unsent" not in found.headers["Location"]

    def test_a_fragment_is_told_and_nothing_is_kept(self, ada: User) -> None:
        found = Client(headers={"host": "localhost"}).get("/t/acme/find?q=x", headers={"hx-request": "true"})
        assert (found.status_code, found.headers["Content-Type"]) == (401, "text/plain")


class TestLooking:
    @pytest.fixture
    def operator(self, db: None) -> Client:
        client = Client(headers={"host": "localhost"}, raise_request_exception=False)
        client.force_login(services.user_create(email="root@example.com", password=None, operator=True, actor=SYSTEM))
        return client

    def looks(self, client: Client, **values: Any) -> None:
        session = client.session
        session[IMPERSONATION] = {"tenant": "acme", "until": time.time() + 60, "reason": "A ticket", **values}
        session.save()

    def test_an_operator_looks_and_changes_nothing(self, operator: Client, hello: None, tenant: Tenant) -> None:
        assert operator.get("/t/acme/").status_code == 404
        self.looks(operator)
        page = operator.get("/t/acme/").text
        assert "as an operator, read-only" in page
        assert "A ticket" in page
        before = AuditEvent.objects.count()
        for path, form in (
            (f"{WORKER}/settings", {"do": "delete", "confirm": "hello"}),
            ("/t/acme/settings", {"do": "rename", "name": "x"}),
            ("/t/acme/tokens", {"do": "create", "name": "x", "scopes": "workers:read", "days": "30"}),
        ):
            found = operator.post(path, form)
            assert (found.status_code, "read_only_session" in found.text) == (403, True), path
        assert AuditEvent.objects.count() == before

    @pytest.mark.parametrize("values", [{"until": 0}, {"tenant": "globex"}])
    def test_not_longer_and_nowhere_else(self, operator: Client, hello: None, values: Any) -> None:
        self.looks(operator, **values)
        assert operator.get("/t/acme/").status_code == 404

    def test_not_for_somebody_who_is_no_operator(self, browser: Client, other_tenant: Tenant) -> None:
        self.looks(browser, tenant="globex")
        assert browser.get("/t/globex/").status_code == 404


class TestSmallThings:
    def test_numbers_as_csv(self, browser: Client, hello: None) -> None:
        for path in (f"{WORKER}/metrics", "/t/acme/metrics"):
            found = browser.get(f"{path}?as=csv&range=7d")
            assert found.headers["Content-Type"].startswith("text/csv")
            assert found.text.startswith("at,invocations,requests,errors")

    def test_the_command_bar_shows_what_one_may(self, browser: Client, hello: None, tenant: Tenant) -> None:
        assert "hello" in browser.get("/t/acme/find?q=hel", headers={"hx-request": "true"}).text
        assert "Audit log" in browser.get("/t/acme/find?q=audit").text
        viewer = services.user_create(email="v@example.com", password=None, actor=SYSTEM)
        services.member_add(tenant=tenant, user=viewer, role=Role.BILLING, actor=SYSTEM)
        client = Client(headers={"host": "localhost"})
        client.force_login(viewer)
        found = client.get("/t/acme/find?q=hel", headers={"hx-request": "true"}).text
        assert "workers/hello" not in found
        assert "New worker" not in client.get("/t/acme/find?q=new").text

    def test_signing_up_without_a_mail_server_is_one_step(self, db: None, settings: Any) -> None:
        assert django_settings.ACCOUNT_EMAIL_VERIFICATION == "optional"
        settings.HOSTEL = replace(django_settings.HOSTEL, signup="open")
        client = Client(headers={"host": "localhost"})
        words = "correct horse battery"
        assert (
            client.post("/accounts/signup/", {"email": "g@example.com", "password1": words, "password2": words}).headers["Location"] == "/"
        )
        assert "Your tenants" in client.get("/").text
