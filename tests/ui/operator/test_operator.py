"""The operator console: what it shows and what its buttons do; that others have no business here is tests/access'."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import Job, Runner, Schedule
from telemetry.models import MINUTE, Rollup
from tenants import services
from tenants.models import AuditEvent, LimitOverride, Plan, Tenant, Webhook, WebhookDelivery
from ui.operator import fleet

PAGES = ("", "neighbours", "tenants", "tenants/acme", "look", "plans", "plans/default", "security", "system", "webhooks", "audit", "jobs")


@pytest.fixture
def root(db, actor):
    return services.user_create(email="root@example.com", password=None, operator=True, actor=actor)


@pytest.fixture
def page(root):
    found = Client(headers={"host": "localhost"})
    found.force_login(root)
    return found


def busy(tenant, *, cpu_us=5_000_000, **values):
    at = int(timezone.now().timestamp()) // MINUTE * MINUTE
    counts = {
        "invocations": 100,
        "requests": 100,
        "cpu_us": cpu_us,
        "errors": 10,
        "outcomes": {"ok": 90, "exception": 10},
        "statuses": {"2xx": 90},
    }
    return Rollup.objects.create(tenant=tenant, worker_id=1, version="v", step=MINUTE, at=at, **{**counts, **values})


@pytest.mark.parametrize("path", PAGES)
def test_every_page_with_nothing_there(page, tenant, path):
    answer = page.get(f"/operator/{path}")
    assert answer.status_code == 200
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_with_a_house_full(page, tenant, other_tenant, upload_js, actor, path):  # noqa: PLR0917 - fixtures
    upload_js()
    busy(tenant)
    services.override_set(tenant=tenant, name="cpu_ms", value=10, reason="too <b>loud</b>", actor=actor)
    services.token_create(tenant=tenant, name="forever", scopes=["workers:read"], actor=actor)
    services.tenant_suspend(tenant=other_tenant, reason="<i>unpaid</i>", actor=actor)
    Job.objects.create(
        kind="version_build", state=Job.State.DEAD, payload={"a": "<x>"}, error={"message": "<boom>"}, finished=timezone.now()
    )
    Runner.objects.create(name="runner-1")
    Schedule.objects.create(kind="sweep", next_at=timezone.now() - timedelta(hours=1))
    hook, _ = services.webhook_create(tenant=tenant, url="https://nobody.invalid/hook", events=["*"], actor=actor)
    Webhook.objects.filter(pk=hook.pk).update(failing_since=timezone.now())
    WebhookDelivery.objects.create(tenant=tenant, webhook=hook, event="x.y", body="{}", state=WebhookDelivery.State.FAILED)
    text = page.get(f"/operator/{path}").text
    for hostile in ("<b>loud</b>", "<i>unpaid</i>", "<boom>", "<x>"):
        assert hostile not in text


class TestTheSentence:
    UP = ({"process": "gateway-1", "reachable": True, "stats": {}},)

    def judged(self, processes=UP, sums=None, *, builds=True, **totals):
        measured = {"totals": {"invocations": 0, "errors": 0, "outcomes": {}, **totals}, "tenants": [], "lost": {}}
        found = fleet.concerns(processes, sums or {}, measured, builds=builds)
        return found, fleet.sentence(found, processes, measured, 3_600)

    def test_all_is_well(self):
        found, said = self.judged(invocations=7_200)
        assert found == []
        assert said.startswith("All is well: one gateway process serves 2 invocations a second for 0 tenants")

    @pytest.mark.parametrize(
        ("changes", "kind", "word"),
        [
            ({"processes": ()}, "bad", "no gateway process"),
            ({"processes": ({"process": "gateway-9", "reachable": False, "stats": {}}, *UP)}, "bad", "gateway-9 does not answer"),
            ({"builds": False}, "bad", "no background worker"),
            ({"outcomes": {"internalError": 3}}, "bad", "own fault"),
            ({"invocations": 100, "errors": 50}, "warn", "50 %"),
            ({"sums": {"pool": {"bytes": 99, "budget_bytes": 100}}}, "warn", "memory is used up"),
        ],
    )
    def test_what_is_not_well_is_named(self, changes, kind, word):
        found, said = self.judged(**changes)
        assert found[0].kind == kind
        assert word in said.lower() or word in said


class TestNeighbours:
    def test_the_loudest_first_and_its_part(self, page, tenant, other_tenant):
        busy(tenant, cpu_us=1_000_000)
        busy(other_tenant, cpu_us=3_000_000, errors=0)
        text = page.get("/operator/neighbours").text
        assert text.index("globex") < text.index("acme")
        assert "75 %" in text
        text = page.get("/operator/neighbours?by=errors").text
        assert text.index(">acme<") < text.index(">globex<")
        assert page.get("/operator/neighbours?by=x&range=y").status_code == 200

    def test_slowing_down_has_an_end_and_a_reason(self, page, tenant):
        busy(tenant)
        form = {"do": "throttle", "tenant": "acme", "limit": "concurrency", "value": "2", "duration": "6h", "reason": "it is loud"}
        assert page.post("/operator/neighbours", form).status_code == 302
        row = LimitOverride.objects.get()
        assert (row.name, row.value, row.reason) == ("concurrency", 2, "it is loud")
        assert timedelta(hours=5) < row.expires_at - timezone.now() < timedelta(hours=6, minutes=1)

    @pytest.mark.parametrize(
        "bad", [{"reason": ""}, {"duration": "ever"}, {"limit": "workers"}, {"value": "-1"}, {"tenant": "nobody"}, {"value": "1" * 30}]
    )
    def test_what_is_wrong_is_said(self, page, tenant, bad):
        form = {"do": "throttle", "tenant": "acme", "limit": "concurrency", "value": "2", "duration": "6h", "reason": "loud", **bad}
        assert page.post("/operator/neighbours", form).status_code in {400, 404}
        assert not LimitOverride.objects.exists()

    def test_suspending(self, page, tenant):
        assert page.post("/operator/neighbours", {"do": "suspend", "tenant": "acme", "reason": "abuse"}).status_code == 302
        assert Tenant.objects.get(slug="acme").suspended_reason == "abuse"


class TestOneTenant:
    URL = "/operator/tenants/acme"

    def test_suspending_and_restoring(self, page, tenant):
        assert page.post(self.URL, {"do": "suspend"}).status_code == 400
        assert page.post(self.URL, {"do": "suspend", "reason": "unpaid"}).status_code == 302
        assert page.post(self.URL, {"do": "resume"}).status_code == 302
        assert Tenant.objects.get(slug="acme").suspended_at is None

    def test_ending_it_takes_its_name(self, page, tenant):
        assert page.post(self.URL, {"do": "delete", "confirm": "acm"}).status_code == 400
        assert page.post(self.URL, {"do": "delete", "confirm": "acme", "reason": "asked for"}).status_code == 302
        assert Tenant.objects.get(slug="acme").erase_after is not None

    def test_an_exception_is_previewed_made_and_taken_back(self, page, tenant, upload_js):
        upload_js()
        form = {"name": "workers", "value": "0", "reason": "too many", "duration": "1d"}
        assert page.post(self.URL, {"do": "preview", **form}).status_code == 400
        form["value"] = "1"
        upload_js(name="second")
        answer = page.post(self.URL, {"do": "preview", **form})
        assert "past a limit" in answer.text
        assert not LimitOverride.objects.exists()
        assert page.post(self.URL, {"do": "override", **form}).status_code == 302
        assert page.post(self.URL, {"do": "clear", "name": "workers"}).status_code == 302
        assert not LimitOverride.objects.exists()

    def test_plans(self, page, tenant, actor):
        services.plan_create(name="team", changes={}, actor=actor)
        page.post(self.URL, {"do": "plan", "plan": "team"})
        assert Tenant.objects.get(slug="acme").plan.name == "team"
        page.post(self.URL, {"do": "plan", "plan": ""})
        assert Tenant.objects.get(slug="acme").plan is None
        assert page.post(self.URL, {"do": "plan", "plan": "none"}).status_code == 404

    def test_there_is_no_such_tenant(self, page):
        assert page.get("/operator/tenants/nobody").status_code == 404


class TestLooking:
    def test_it_is_noted_read_only_and_ends(self, page, tenant, upload_js, root):
        upload_js()
        assert page.get("/t/acme/").status_code == 404
        assert page.post("/operator/tenants/acme", {"do": "look"}).status_code == 400
        answer = page.post("/operator/tenants/acme", {"do": "look", "reason": "ticket 5"})
        assert answer.headers["Location"] == "/t/acme/"
        event = AuditEvent.objects.get(action="tenant_look")
        assert (event.tenant, event.reason, event.actor_email) == (tenant, "ticket 5", root.email)
        text = page.get("/t/acme/").text
        assert "as an operator, read-only" in text
        assert "ticket 5" in text
        assert "data-readonly" in page.get("/t/acme/workers/hello/edit").text
        refused = page.post("/t/acme/workers/hello/edit", {"do": "discard"}, headers={"accept": "application/json"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "read_only_session")
        assert page.post("/operator/look", {"do": "end"}).headers["Location"] == "/operator/tenants/acme"
        assert page.get("/t/acme/").status_code == 404

    def test_another_tenant_stays_closed(self, page, tenant, other_tenant):
        page.post("/operator/tenants/acme", {"do": "look", "reason": "ticket 5"})
        assert page.get("/t/globex/").status_code == 404


class TestPlans:
    FORM: ClassVar = {
        "title": "Team",
        "description": "",
        "cpu_weight": "2",
        "log_retention_days": "3",
        "tail_allowed": "1",
        "internet_allowed": "1",
    }

    def test_making_narrowing_and_removing(self, page, tenant):
        assert page.post("/operator/plans", {"do": "create", "name": "team"}).headers["Location"] == "/operator/plans/team"
        form = {**self.FORM, "limit.workers": "1,000", "revision": "1"}
        assert page.post("/operator/plans/team", {"do": "save", **form}).status_code == 302
        row = Plan.objects.get(name="team")
        assert (row.title, row.cpu_weight, row.limits, row.quota_headers) == ("Team", 2, {"workers": 1000}, False)
        # A second tab that has seen the first state.
        assert page.post("/operator/plans/team", {"do": "save", **form, "title": "Late"}).status_code == 412
        assert page.post("/operator/plans/team", {"do": "save", **self.FORM, "limit.workers": "many"}).status_code == 400
        page.post("/operator/plans/team", {"do": "save", **self.FORM, "revision": "2"})
        assert Plan.objects.get(name="team").limits == {}
        assert page.post("/operator/plans/team", {"do": "delete", "confirm": "team"}).status_code == 302

    def test_whom_it_would_break(self, page, tenant, upload_js):
        upload_js()
        upload_js(name="second")
        answer = page.post("/operator/plans/default", {"do": "preview", **self.FORM, "is_default": "1", "limit.workers": "1"})
        assert "acme" in answer.text
        assert "past a limit" in answer.text
        assert not Plan.objects.exists()


class TestJobs:
    def test_a_dead_one_is_run_again(self, page):
        job = Job.objects.create(kind="version_build", state=Job.State.DEAD, payload={}, attempts=3, error={"message": "no"})
        url = f"/operator/jobs/{job.pk}"
        assert "Run again" in page.get(url).text
        assert page.get("/operator/jobs?state=dead&kind=version_build").text.count(str(job.pk)) == 1
        assert page.post(url, {"do": "cancel"}).status_code == 409
        assert page.get(f"/operator/jobs/{uuid.uuid4()}").status_code == 404

    def test_no_background_worker_is_said(self, page):
        assert "No background worker runs" in page.get("/operator/jobs").text


class TestAudit:
    def test_filters_are_the_address(self, page, tenant):
        assert "tenant_create" in page.get("/operator/audit?tenant=acme&action=tenant_*").text
        assert "Nothing like that was done" in page.get("/operator/audit?actor=nobody").text
        for bad in ("since=x", "tenant=nobody", "cursor=x"):
            assert "field_invalid" in page.get(f"/operator/audit?{bad}").text

    def test_verifying_says_where_it_breaks(self, page, tenant):
        assert "Intact" in page.post("/operator/audit", {"do": "verify"}).text
        row = AuditEvent.objects.filter(tenant=tenant).first()
        AuditEvent.objects.filter(pk=row.pk)._raw_delete("default")
        assert "not hold" in page.post("/operator/audit", {"do": "verify"}).text


def test_settings_with_passwords_are_not_shown(page, settings):
    assert "a key for tests only" not in page.get("/operator/system").text
