"""The audit log: chained, complete, without secrets, and not to be rewritten by whoever can write to the database."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from tenants import chain, selectors, services
from tenants.actor import Actor
from tenants.keys import KeyRing
from tenants.models import AuditEvent, AuditHead, DataKey, Tenant
from tenants.selectors import AuditFilter
from tenants.services.audit import audit
from tenants.uploads import WorkerSettings
from tenants.where import Where, acting
from tests.conftest import HELLO

pytestmark = pytest.mark.django_db
TABLE = AuditEvent._meta.db_table
HEADS = AuditHead._meta.db_table


def note(tenant: Tenant | None, actor: Actor, count: int = 5) -> None:
    for number in range(count):
        with transaction.atomic():
            audit(tenant=tenant, actor=actor, action="test_note", target=f"t{number}", after={"n": number})


def sql(statement: str, *values: object) -> None:
    """What somebody with the database and without the key can do."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def first_break(**options: object) -> tuple[str, int, str] | None:
    found = services.audit_verify(**options)  # type: ignore[arg-type]
    assert found.intact == (not found.breaks)
    return (found.breaks[0].chain, found.breaks[0].number, found.breaks[0].problem) if found.breaks else None


class TestChain:
    def test_events_are_numbered_and_linked_in_each_tenant_and_on_the_platform(self, tenant, other_tenant, actor):
        note(tenant, actor, 3)
        note(None, actor, 2)
        note(other_tenant, actor, 1)
        for name, count in ((tenant.account_id, 4), (other_tenant.account_id, 2), (chain.PLATFORM, 2)):
            events = list(AuditEvent.objects.filter(chain=name).order_by("number"))
            assert [event.number for event in events] == list(range(1, count + 1))
            assert [event.previous for event in events] == ["", *(event.hash for event in events[:-1])]
            head = AuditHead.objects.get(chain=name)
            assert (head.number, head.hash) == (count, events[-1].hash)
        found = services.audit_verify()
        assert found.intact
        assert found.events == 8
        assert found.heads == services.audit_heads()

    def test_an_event_needs_the_transaction_of_what_it_tells(self, transactional_db, actor):
        with pytest.raises(transaction.TransactionManagementError):
            audit(tenant=None, actor=actor, action="x")
        assert not AuditEvent.objects.exists()

    def test_what_is_undone_leaves_no_event_and_no_gap(self, tenant, actor):
        with transaction.atomic():
            audit(tenant=tenant, actor=actor, action="undone")
            transaction.set_rollback(True)
        note(tenant, actor, 1)
        assert [event.number for event in AuditEvent.objects.filter(tenant=tenant).order_by("pk")] == [1, 2]
        assert first_break() is None

    @pytest.mark.django_db(transaction=True)
    def test_many_writers_make_one_chain(self, actor):
        """Services that lock the tenant first, and ones that have inserted rows of it before (as a token's does)."""
        tenant = services.tenant_create(slug="acme", actor=actor)
        failures: list[BaseException] = []

        def write(number: int) -> None:
            try:
                for _ in range(4):
                    if number % 2:
                        services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=actor)
                    else:
                        services.tenant_limits_set(tenant=tenant, limits={"cpu_ms": 10 + number}, actor=actor)
            except BaseException as error:  # noqa: BLE001 - shown below
                failures.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        found = services.audit_verify()
        assert (found.intact, found.events) == (True, 25)

    def test_the_chain_outlives_the_tenant_and_the_master_key(self, tenant, actor, settings):
        settings.HOSTEL_KEYS = KeyRing(["old key" * 8])
        DataKey.objects.all().delete()
        AuditEvent._base_manager.all().delete()
        AuditHead.objects.all().delete()
        note(tenant, actor)
        account = tenant.account_id
        Tenant.objects.filter(pk=tenant.pk).delete()
        assert AuditEvent.objects.filter(chain=account, tenant=None).count() == 5
        settings.HOSTEL_KEYS = KeyRing(["new key" * 8, "old key" * 8])
        assert first_break(chain=account) is None


class TestTampering:
    @pytest.fixture(autouse=True)
    def events(self, tenant, actor):
        note(tenant, actor)

    @pytest.mark.parametrize(
        "column",
        ["actor", "actor_email", "action", "target", "before", "after", "data", "reason", "via", "ip", "user_agent", "request_id"],
    )
    def test_a_changed_column_is_found(self, tenant, column):
        value = '{"x":1}' if column in ("before", "after", "data") else "x"
        sql(f"UPDATE {TABLE} SET {column} = %s WHERE number = 3", value)
        assert first_break() == (tenant.account_id, 3, "the event was changed")

    def test_a_changed_time_is_found(self, tenant):
        sql(f"UPDATE {TABLE} SET created = '2020-01-01 00:00:00' WHERE number = 2")
        assert first_break() == (tenant.account_id, 2, "the event was changed")

    def test_a_removed_event_is_found(self, tenant):
        sql(f"DELETE FROM {TABLE} WHERE number = 3")
        assert first_break() == (tenant.account_id, 3, "the event is missing")

    def test_a_removed_event_whose_number_is_taken_over_is_found(self, tenant):
        sql(f"DELETE FROM {TABLE} WHERE number = 3")
        for number in (4, 5, 6):
            sql(f"UPDATE {TABLE} SET number = number - 1 WHERE number = %s", number)
        assert first_break() == (tenant.account_id, 3, "the event does not follow the one before it")

    def test_a_moved_event_is_found(self, tenant, other_tenant):
        sql(f"UPDATE {TABLE} SET chain = %s, number = 2 WHERE number = 6", other_tenant.account_id)
        broken = {one.chain: one.problem for one in services.audit_verify().breaks}
        assert broken == {tenant.account_id: "the event is missing", other_tenant.account_id: "the event lies beyond the end of the chain"}

    def test_a_cut_end_is_found(self, tenant):
        sql(f"DELETE FROM {TABLE} WHERE number > 4")
        assert first_break() == (tenant.account_id, 5, "the event is missing")

    def test_a_cut_end_with_a_head_to_match_is_found(self, tenant):
        sql(f"DELETE FROM {TABLE} WHERE number > 4")
        last = AuditEvent.objects.get(chain=tenant.account_id, number=4)
        sql(f"UPDATE {HEADS} SET number = 4, hash = %s", last.hash)
        assert first_break() == (tenant.account_id, 4, "the end of the chain was changed")

    def test_a_head_put_back_to_an_old_copy_is_found_by_what_was_noted(self, tenant, actor):
        old = AuditHead.objects.get(chain=tenant.account_id)
        note(tenant, actor, 2)
        noted = services.audit_heads()
        sql(f"DELETE FROM {TABLE} WHERE number > 6")
        sql(f"UPDATE {HEADS} SET number = %s, hash = %s, seal = %s", old.number, old.hash, old.seal)
        # By itself it looks whole: that is what noting the end elsewhere is for.
        assert first_break() is None
        assert first_break(expected=noted) == (tenant.account_id, 7, "events that were there when the end was noted are gone")
        note(tenant, actor, 4)
        assert first_break(expected=noted) == (tenant.account_id, 8, "the event is another one than when the end was noted")

    def test_a_chain_that_is_gone_altogether_is_found(self, tenant):
        sql(f"DELETE FROM {TABLE}")
        sql(f"DELETE FROM {HEADS}")
        assert first_break() == (tenant.account_id, 0, "the chain is missing")

    def test_a_head_that_is_gone_is_found(self, tenant):
        sql(f"DELETE FROM {HEADS}")
        assert first_break() == (tenant.account_id, 0, "the end of the chain is missing")

    def test_an_invented_event_is_found(self, tenant):
        last = AuditEvent.objects.get(chain=tenant.account_id, number=6)
        AuditEvent(chain=tenant.account_id, number=7, actor="system", action="x", previous=last.hash, hash="0" * 64).save()
        assert first_break() == (tenant.account_id, 7, "the event lies beyond the end of the chain")
        sql(f"UPDATE {HEADS} SET number = 7, hash = %s", "0" * 64)
        assert first_break() == (tenant.account_id, 7, "the event was changed")

    def test_rows_refuse_to_be_changed_by_our_own_code(self):
        with pytest.raises(TypeError):
            AuditEvent.objects.update(action="x")
        with pytest.raises(TypeError):
            AuditEvent.objects.all().delete()
        with pytest.raises(TypeError):
            AuditEvent.objects.bulk_update([], ["action"])


class TestContent:
    def test_where_and_why_come_with_the_work(self, tenant, actor):
        where = Where(via="cli", ip="192.0.2.7", user_agent="hostel/1", request_id="r" * 80, reason="a ticket")
        with acting(where):
            note(tenant, actor, 1)
            services.tenant_suspend(tenant=tenant, reason="unpaid", actor=actor)
        first, second = AuditEvent.objects.order_by("pk")[1:]
        assert (first.via, first.ip, first.user_agent, first.request_id, first.reason) == (
            "cli",
            "192.0.2.7",
            "hostel/1",
            "r" * 64,
            "a ticket",
        )
        assert second.reason == "unpaid"
        note(tenant, actor, 1)
        assert AuditEvent.objects.latest("pk").via == "system"

    def test_what_was_there_and_what_is_there(self, tenant, actor, upload_js):
        first = upload_js()
        second = upload_js("export default { fetch() { return 2 } }", deploy=False)
        services.deployment_create(
            tenant=tenant,
            worker_name="hello",
            versions=[(first.version.pk, 25), (second.version.pk, 75)],
            actor=actor,
            source="tests",
        )
        event = AuditEvent.objects.latest("pk")
        assert event.before == {str(first.version.pk): 10_000}
        assert event.after == {str(first.version.pk): 2_500, str(second.version.pk): 7_500}
        services.worker_settings_update(tenant=tenant, worker_name="hello", settings=WorkerSettings(mode="fresh"), actor=actor)
        event = AuditEvent.objects.latest("pk")
        assert (event.before, event.after) == ({"mode": "reuse"}, {"mode": "fresh"})
        services.tenant_limits_set(tenant=tenant, limits={"cpu_ms": 5}, actor=actor)
        event = AuditEvent.objects.latest("pk")
        assert (event.before, event.after) == ({}, {"cpu_ms": 5})
        for worker, before in (("hello", None), ("hello", "hello")):
            services.domain_add(tenant=tenant, worker_name=worker, hostname="www.acme.example", actor=actor)
            event = AuditEvent.objects.latest("pk")
            assert (event.before, event.after) == (before, worker)

    def test_no_secret_is_ever_recorded(self, tenant, actor, upload_js):
        """Everything a tenant can do with secrets and tokens; then every column of every event is searched."""
        secret, other = "s3cret-value-1", "s3cret-value-2"
        upload_js(HELLO, bindings=[{"type": "secret_text", "name": "KEY", "text": secret}])
        services.secret_put(tenant=tenant, worker_name="hello", name="KEY", text=other, actor=actor, source="tests")
        services.secrets_update(tenant=tenant, worker_name="hello", changes={"A": secret, "KEY": None}, actor=actor, source="tests")
        _, token = services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=actor)
        services.user_create(email="new@example.com", password="a long password 9!", actor=actor)
        # And what a careless caller would do.
        with acting(Where(user_agent=f"curl {token}", reason=f"because {token}")), transaction.atomic():
            audit(tenant=tenant, actor=actor, action="x", target=token, before={"a": [token]}, password=secret, deep={"secret": other})
        rows = json.dumps(list(AuditEvent.objects.values()), default=str)
        for text in (secret, other, token, "a long password 9!", "hs2."):
            assert text not in rows
        assert services.audit_verify().intact

    def test_odd_texts_survive_in_every_database(self, tenant, actor):
        odd = "\0 \ud800 \U0001f600 " + "x" * 400
        with acting(Where(user_agent=odd)), transaction.atomic():
            audit(tenant=tenant, actor=actor, action="x", target=odd, after={odd: [odd, 2**70, 1e-7]})
        event = AuditEvent.objects.latest("pk")
        assert len(event.target) == 200
        assert event.after == {odd: [odd, 2**70, 1e-7]}
        assert services.audit_verify().intact

    def test_what_is_no_json_is_a_bug(self, tenant, actor):
        with pytest.raises(TypeError), transaction.atomic():
            audit(tenant=tenant, actor=actor, action="x", after=object())


class TestReading:
    def test_filters(self, tenant, actor):
        note(tenant, actor, 3)
        with acting(Where(via="cli", request_id="req-1")), transaction.atomic():
            audit(tenant=tenant, actor=Actor.system(), action="other_thing", target="w")
        moment = AuditEvent.objects.get(number=3).created

        def found(**wanted: object) -> list[int]:
            page = selectors.audit_page(tenant=tenant, wanted=AuditFilter(**wanted))  # type: ignore[arg-type]
            return [event.number for event in page.events]

        assert found() == [5, 4, 3, 2, 1]
        assert found(action="test_note") == [4, 3, 2]
        assert found(action="te*") == [4, 3, 2, 1]
        assert found(actor="system") == [5]
        assert found(actor="ADA@example.com") == [4, 3, 2, 1]
        assert found(target="t1") == [3]
        assert found(via="cli", request_id="req-1") == [5]
        assert found(since=moment) == [5, 4, 3]
        assert found(until=moment) == [2, 1]

    def test_pages_neither_repeat_nor_skip(self, tenant, other_tenant, actor):
        note(tenant, actor, 7)
        for read, total in (
            (lambda cursor: selectors.audit_page(tenant=tenant, wanted=AuditFilter(), cursor=cursor, limit=3), 8),
            (lambda cursor: selectors.audit_page_all(wanted=AuditFilter(), cursor=cursor, limit=4), 9),
        ):
            seen, cursor = [], None
            while True:
                page = read(cursor)
                seen += [event.pk for event in page.events]
                # What is added meanwhile is not in the way.
                note(other_tenant, actor, 1)
                if (cursor := page.cursor) is None:
                    break
            assert len(seen) == len(set(seen)) == total or total == 9
            assert seen == sorted(seen, reverse=True)

    def test_an_operator_finds_a_chain_by_any_name(self, tenant, actor):
        note(None, actor, 1)
        assert selectors.audit_chain("acme") == selectors.audit_chain(tenant.account_id) == tenant.account_id
        assert selectors.audit_chain("platform") == "platform"
        assert selectors.audit_chain("nobody") is None


def test_no_setting_makes_jobs_forget_where(tenant, settings):
    """A job's events name the job."""
    from jobs import services as jobs
    from jobs.models import Job
    from jobs.registry import job_kind
    from jobs.running import run

    @job_kind("test_audit")
    def kind(_job: Job) -> None:
        with transaction.atomic():
            audit(tenant=tenant, actor=Actor.system(), action="by_job")

    settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)
    job = jobs.job_enqueue(kind="test_audit", payload={})
    run(job.pk)
    event = AuditEvent.objects.get(action="by_job")
    assert (event.via, event.request_id) == ("job", str(job.pk))
