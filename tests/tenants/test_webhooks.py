"""Webhooks: names, signatures, who is told, and what becomes of a delivery. Sending itself is tests/jobs/test_webhooks.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tenants import services, webhooks
from tenants.errors import DeliveryNotFound, FieldInvalid, QuotaExceeded, TenantSuspended, WebhookInactive, WebhookNotFound
from tenants.models import AuditEvent, Webhook, WebhookDelivery
from tenants.services.deliveries import DISABLE_AFTER, LEASE_SECONDS, Attempted
from tenants.services.webhooks import WEBHOOKS, signing_secrets

URL = "https://hooks.example/x"
GOOD, BAD = Attempted(204), Attempted(500, response="oh")


@pytest.fixture(autouse=True)
def unsent(settings):
    """Deliveries stay where they are."""
    settings.HOSTEL_BACKGROUND = f"{__name__}.asked"
    requests.clear()


requests: list[str] = []


def asked(**values: object) -> None:
    requests.append(str(values["kind"]))


def hook(tenant, actor, *events: str, **values) -> Webhook:
    return services.webhook_create(tenant=tenant, url=URL, events=events or ["*"], actor=actor, **values)[0]


def due() -> list[services.Outgoing]:
    WebhookDelivery.objects.filter(state="pending").update(next_attempt=timezone.now())
    return services.deliveries_claim(most=100, under_way=[])


class TestNames:
    @pytest.mark.parametrize(
        ("action", "event"),
        [
            ("deployment_create", "deployment.created"),
            ("worker_delete", "worker.deleted"),
            ("token_create", "token.created"),
            ("token_revoke", "token.revoked"),
            ("worker_settings_update", "worker_settings.updated"),
            ("version_upload", "version.uploaded"),
            ("domain_add", "domain.added"),
            ("tenant_limits_set", "tenant_limits.set"),
            ("tenant_suspend", "tenant.suspended"),
            ("tenant_leave", "tenant.left"),
            ("webhook_disable", "webhook.disabled"),
        ],
    )
    def test_an_action_has_the_name_of_what_has_happened(self, action: str, event: str):
        assert webhooks.event_name(action) == event
        assert webhooks.PATTERN.fullmatch(event)

    @given(st.from_regex(r"[a-z]{1,9}(_[a-z]{1,9}){0,4}", fullmatch=True))
    def test_every_action_has_one(self, action: str):
        assert webhooks.PATTERN.fullmatch(webhooks.event_name(action))

    def test_patterns(self):
        assert webhooks.chosen("worker.deleted", ["worker.deleted"])
        assert webhooks.chosen("worker.deleted", ["x.y", "worker.*"])
        assert webhooks.chosen("worker.deleted", ["*"])
        assert not webhooks.chosen("worker_settings.updated", ["worker.*", "worker_settings.deleted"])


class TestSignature:
    def test_is_standard_webhooks(self):
        """The example of the specification's reference libraries."""
        found = webhooks.signature(
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body=b'{"test": 2432232314}',
            keys=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        )
        assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    @given(st.binary(max_size=200), st.integers(0, 2**40))
    def test_anybody_with_the_secret_can_check_it(self, body: bytes, timestamp: int):
        keys = [webhooks.new_secret(), webhooks.new_secret()]
        found = webhooks.signature(message_id="msg_1", timestamp=timestamp, body=body, keys=keys).split(" ")
        for key, one in zip(keys, found, strict=True):
            raw = base64.b64decode(key.removeprefix("whsec_"))
            digest = hmac.new(raw, b"msg_1." + str(timestamp).encode() + b"." + body, hashlib.sha256).digest()
            assert one == "v1," + base64.b64encode(digest).decode()

    def test_the_documented_check_works(self):
        text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
        space: dict = {}
        exec(re.search(r"```python\n(import base64.*?)```", text, re.DOTALL)[1], space)
        secret, now = webhooks.new_secret(), int(timezone.now().timestamp())
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now)}
        keys = [webhooks.new_secret(), secret]
        headers["webhook-signature"] = webhooks.signature(message_id="msg_1", timestamp=now, body=b"{}", keys=keys)
        assert space["verify"](secret, headers, b"{}")
        assert not space["verify"](secret, headers, b"{ }")
        assert not space["verify"](webhooks.new_secret(), headers, b"{}")
        assert not space["verify"](secret, {**headers, "webhook-timestamp": str(now - 301)}, b"{}")

    def test_what_is_no_secret_signs_nothing(self):
        with pytest.raises(ValueError, match="base64"):
            webhooks.signature(message_id="m", timestamp=1, body=b"", keys=["whsec_#"])


@pytest.mark.django_db
class TestWebhooks:
    def test_a_secret_is_shown_once_and_sealed(self, tenant, actor):
        made, secret = services.webhook_create(tenant=tenant, url=URL, events=["*"], actor=actor)
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
        row = Webhook.objects.get()
        assert secret not in str(Webhook.objects.values().get())
        assert signing_secrets(row) == [secret]
        assert secret not in json.dumps(list(AuditEvent.objects.values()), default=str)
        assert made.pk == row.pk

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "hooks.example",
            "ftp://hooks.example/",
            "https://",
            "https://user:secret@hooks.example/",
            "https://hooks.example/#x",
            "https://hooks.example:25/",
            "https://hooks.example/\u00e4",
            "https://hooks.example/a b",
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://168.63.129.16/",
            "http://192.168.1.1/",
            "https://hooks.example/" + "x" * 2_000,
        ],
    )
    def test_a_bad_address_is_refused(self, tenant, actor, url):
        with pytest.raises(FieldInvalid) as refused:
            services.webhook_create(tenant=tenant, url=url, events=["*"], actor=actor)
        assert refused.value.detail["field"] == "url"
        assert not Webhook.objects.exists()

    @pytest.mark.parametrize("events", [[], ["x"], ["Worker.deleted"], ["worker."], ["*.*"], ["a.b.c"], ["a." + "b" * 120], ["*"] * 51])
    def test_bad_events_are_refused(self, tenant, actor, events):
        with pytest.raises(FieldInvalid) as refused:
            services.webhook_create(tenant=tenant, url=URL, events=events, actor=actor)
        assert refused.value.detail["field"] == "events"

    def test_there_are_only_so_many(self, tenant, other_tenant, actor):
        for _ in range(WEBHOOKS):
            hook(tenant, actor)
        with pytest.raises(QuotaExceeded):
            hook(tenant, actor)
        hook(other_tenant, actor)

    def test_two_secrets_sign_for_a_while(self, tenant, actor):
        made, first = services.webhook_create(tenant=tenant, url=URL, events=["*"], actor=actor)
        _, second = services.webhook_secret_rotate(tenant=tenant, webhook_id=made.pk, keep_hours=1, actor=actor)
        made.refresh_from_db()
        assert signing_secrets(made) == [second, first]
        Webhook.objects.update(earlier_until=timezone.now() - timedelta(seconds=1))
        made.refresh_from_db()
        assert signing_secrets(made) == [second]
        _, third = services.webhook_secret_rotate(tenant=tenant, webhook_id=made.pk, keep_hours=0, actor=actor)
        made.refresh_from_db()
        assert signing_secrets(made) == [third]
        with pytest.raises(FieldInvalid):
            services.webhook_secret_rotate(tenant=tenant, webhook_id=made.pk, keep_hours=169, actor=actor)

    def test_another_tenants_is_not_found(self, tenant, other_tenant, actor):
        theirs = hook(other_tenant, actor)
        for call in (
            lambda: services.webhook_update(tenant=tenant, webhook_id=theirs.pk, active=False, actor=actor),
            lambda: services.webhook_delete(tenant=tenant, webhook_id=theirs.pk, actor=actor),
            lambda: services.webhook_secret_rotate(tenant=tenant, webhook_id=theirs.pk, actor=actor),
            lambda: services.webhook_ping(tenant=tenant, webhook_id=theirs.pk),
            lambda: services.delivery_replay(tenant=tenant, webhook_id=theirs.pk, delivery_id=uuid4(), actor=actor),
        ):
            with pytest.raises(WebhookNotFound):
                call()

    def test_a_suspended_tenant_changes_none(self, tenant, actor):
        services.tenant_suspend(tenant=tenant, reason="", actor=actor)
        with pytest.raises(TenantSuspended):
            hook(tenant, actor)


@pytest.mark.django_db
class TestPublishing:
    def test_whoever_asked_is_told_in_the_same_transaction(self, tenant, other_tenant, actor):
        wanted, *_ = hook(tenant, actor, "tenant_limits.*"), hook(tenant, actor, "worker.*"), hook(other_tenant, actor)
        off = hook(tenant, actor, "*", active=False)
        WebhookDelivery.objects.all().delete()
        requests.clear()
        services.tenant_limits_set(tenant=tenant, limits={"cpu_ms": 5}, actor=actor)
        [row] = WebhookDelivery.objects.all()
        assert (row.webhook_id, row.tenant_id, row.event, row.state) == (wanted.pk, tenant.pk, "tenant_limits.set", "pending")
        event = AuditEvent.objects.latest("pk")
        body = json.loads(row.body)
        assert (body["type"], body["data"]["number"], body["data"]["after"]) == ("tenant_limits.set", event.number, {"cpu_ms": 5})
        assert body["data"]["actor_email"] == "ada@example.com"
        assert "ip" not in body["data"]
        assert requests == ["webhooks_send"]
        assert not off.deliveries.exists()

    def test_what_is_undone_is_told_to_nobody(self, tenant, actor):
        hook(tenant, actor)
        WebhookDelivery.objects.all().delete()
        with transaction.atomic():
            services.tenant_limits_set(tenant=tenant, limits={"cpu_ms": 5}, actor=actor)
            transaction.set_rollback(True)
        assert not WebhookDelivery.objects.exists()

    def test_the_platforms_own_events_are_nobodys(self, tenant, actor):
        hook(tenant, actor)
        WebhookDelivery.objects.all().delete()
        services.user_create(email="x@example.com", password=None, actor=actor)
        assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db
class TestDeliveries:
    @pytest.fixture
    def delivery(self, tenant, actor) -> WebhookDelivery:
        return services.webhook_ping(tenant=tenant, webhook_id=hook(tenant, actor, "webhook.ping").pk)

    def test_is_sent_with_what_standard_webhooks_asks_for(self, delivery):
        [outgoing] = due()
        headers = dict(outgoing.headers)
        assert headers["webhook-id"] == f"msg_{delivery.pk.hex}"
        assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
        expected = webhooks.signature(
            message_id=headers["webhook-id"],
            timestamp=int(headers["webhook-timestamp"]),
            body=outgoing.body,
            keys=signing_secrets(Webhook.objects.get()),
        )
        assert headers["webhook-signature"] == expected

    def test_is_taken_once(self, delivery):
        assert services.deliveries_due()
        [outgoing] = due()
        assert services.deliveries_claim(most=10, under_way=[]) == []
        services.delivery_attempted(outgoing=outgoing, attempted=GOOD)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.log[0]["status"]) == ("delivered", 1, 204)
        assert not services.deliveries_due()

    def test_a_lost_one_is_taken_again_under_the_same_id_and_its_sender_is_not_heard(self, delivery):
        [lost] = due()
        delivery.refresh_from_db()
        assert delivery.next_attempt > timezone.now() + timedelta(seconds=LEASE_SECONDS - 5)
        [again] = due()
        assert (again.id, again.attempt) == (lost.id, 2)
        assert dict(again.headers)["webhook-id"] == dict(lost.headers)["webhook-id"]
        services.delivery_attempted(outgoing=lost, attempted=BAD)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.log) == ("pending", [])
        services.delivery_attempted(outgoing=again, attempted=GOOD)
        delivery.refresh_from_db()
        assert delivery.state == "delivered"

    def test_is_tried_again_later_and_later_and_then_given_up(self, delivery):
        pauses = []
        for _ in range(len(webhooks.PAUSES) + 1):
            [outgoing] = due()
            services.delivery_attempted(outgoing=outgoing, attempted=BAD)
            delivery.refresh_from_db()
            if delivery.state == "pending":
                pauses.append((delivery.next_attempt - timezone.now()).total_seconds())
        assert (delivery.state, delivery.attempts) == ("failed", 9)
        for pause, planned in zip(pauses, webhooks.PAUSES, strict=True):
            assert planned * 0.79 - 1 < pause < planned * 1.21
        assert due() == []
        assert len(delivery.log) == 9

    def test_a_replay_has_the_same_id_and_a_new_patience(self, delivery, tenant, actor):
        for _ in range(9):
            services.delivery_attempted(outgoing=due()[0], attempted=BAD)
        services.delivery_replay(tenant=tenant, webhook_id=delivery.webhook_id, delivery_id=delivery.pk, actor=actor)
        [outgoing] = due()
        assert (outgoing.id, outgoing.attempt) == (delivery.pk, 10)
        services.delivery_attempted(outgoing=outgoing, attempted=BAD)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries) == ("pending", 1)
        with pytest.raises(DeliveryNotFound):
            services.delivery_replay(tenant=tenant, webhook_id=delivery.webhook_id, delivery_id=uuid4(), actor=actor)

    @pytest.mark.parametrize("status", [100, 199, 300, 302, 400, 404, 500, None])
    def test_only_success_is_success(self, delivery, status):
        services.delivery_attempted(outgoing=due()[0], attempted=Attempted(status, error="" if status else "fetch_timed_out"))
        delivery.refresh_from_db()
        assert delivery.state == "pending"
        assert Webhook.objects.get().failing_since is not None

    def test_one_success_forgives(self, delivery):
        for attempted in (BAD, GOOD):
            services.delivery_attempted(outgoing=due()[0], attempted=attempted)
        assert Webhook.objects.get().failing_since is None

    def test_what_has_long_failed_is_switched_off(self, delivery, tenant, actor):
        services.delivery_attempted(outgoing=due()[0], attempted=BAD)
        assert Webhook.objects.get().active
        Webhook.objects.update(failing_since=timezone.now() - DISABLE_AFTER)
        services.delivery_attempted(outgoing=due()[0], attempted=BAD)
        row = Webhook.objects.get()
        assert not row.active
        assert "failed since" in row.disabled_reason
        event = AuditEvent.objects.get(action="webhook_disable")
        assert (event.actor, event.target) == ("system", str(row.pk))
        delivery.refresh_from_db()
        assert delivery.state == "cancelled"
        with pytest.raises(WebhookInactive):
            services.webhook_ping(tenant=tenant, webhook_id=row.pk)
        with pytest.raises(WebhookInactive):
            services.delivery_replay(tenant=tenant, webhook_id=row.pk, delivery_id=delivery.pk, actor=actor)
        row = services.webhook_update(tenant=tenant, webhook_id=row.pk, active=True, actor=actor)
        assert (row.active, row.disabled_reason, row.failing_since) == (True, "", None)
        services.delivery_replay(tenant=tenant, webhook_id=row.pk, delivery_id=delivery.pk, actor=actor)
        assert len(due()) == 1

    def test_gone_is_gone(self, delivery):
        services.delivery_attempted(outgoing=due()[0], attempted=Attempted(410))
        assert not Webhook.objects.get().active

    def test_one_at_a_time_to_one_webhook_and_a_few_of_one_tenant(self, tenant, other_tenant, actor):
        ours = [hook(tenant, actor, "webhook.ping") for _ in range(6)]
        theirs = hook(other_tenant, actor, "webhook.ping")
        for each in (*ours, *ours):
            services.webhook_ping(tenant=tenant, webhook_id=each.pk)
        services.webhook_ping(tenant=other_tenant, webhook_id=theirs.pk)
        taken = due()
        assert sum(one.tenant_id == tenant.pk for one in taken) == 4
        assert sum(one.tenant_id == other_tenant.pk for one in taken) == 1
        assert len({one.webhook_id for one in taken}) == 5
        assert services.deliveries_claim(most=100, under_way=taken) == []
        more = services.deliveries_claim(most=100, under_way=taken[1:])
        assert len(more) <= 1

    def test_a_secret_that_cannot_be_read_holds_up_nobody_else(self, delivery, other_tenant, actor):
        Webhook.objects.update(secret="hs2.x.y")
        other = services.webhook_ping(tenant=other_tenant, webhook_id=hook(other_tenant, actor, "webhook.ping").pk)
        assert [one.id for one in due()] == [other.pk]
        delivery.refresh_from_db()
        assert (delivery.state, delivery.log[0]["error"]) == ("pending", "secret_unreadable")

    def test_old_ones_are_forgotten_and_pending_ones_are_not(self, delivery, tenant):
        other = services.webhook_ping(tenant=tenant, webhook_id=delivery.webhook_id)
        WebhookDelivery.objects.filter(pk=other.pk).update(state="failed")
        WebhookDelivery.objects.update(created=timezone.now() - timedelta(days=31))
        assert services.deliveries_prune() == 1
        assert WebhookDelivery.objects.get() == delivery

    def test_with_the_webhook_goes_what_was_sent(self, delivery, tenant, actor):
        services.webhook_delete(tenant=tenant, webhook_id=delivery.webhook_id, actor=actor)
        assert not WebhookDelivery.objects.exists()
