"""Sending to webhooks over real sockets: what arrives, what is refused, and that a killed sender loses nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from jobs import services as jobs
from jobs import webhooks as module
from jobs.models import Job
from jobs.running import run
from jobs.webhooks import Sender
from tenants import services
from tenants.models import Webhook, WebhookDelivery
from tenants.webhooks import signature
from tests.conftest import BackgroundWorker

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Receiver:
    """An endpoint that keeps what it gets and answers as it is told."""

    port: int
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    # Requests wait here while it is cleared.
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            state.gate.wait(60)
            status, headers, text = state.answers.pop(0) if state.answers else (200, {}, b"thanks")
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                # The sender was killed.
                return

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = Receiver(server.server_address[1])
    state.gate.set()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    state.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowed(settings) -> None:
    """The operator has listed the receiver's network; jobs wait for this test."""
    settings.HOSTEL = replace(django_settings.HOSTEL, webhook_allow=("127.0.0.1",), jobs_inline=False)


def made(tenant, actor, url: str) -> tuple[Webhook, str]:
    return services.webhook_create(tenant=tenant, url=url, events=["webhook.ping"], actor=actor)


def ping(tenant, hook: Webhook) -> WebhookDelivery:
    return services.webhook_ping(tenant=tenant, webhook_id=hook.pk)


def last(delivery: WebhookDelivery) -> dict[str, object]:
    delivery.refresh_from_db()
    return delivery.log[-1]


def until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.usefixtures("allowed")
class TestSending:
    def test_what_arrives_can_be_verified(self, tenant, actor, receiver):
        hook, secret = made(tenant, actor, receiver.url)
        delivery = ping(tenant, hook)
        assert Sender().run() == {"attempts": 1}
        [(headers, body)] = receiver.got
        assert body == delivery.body.encode()
        assert json.loads(body)["type"] == "webhook.ping"
        assert headers["content-type"] == "application/json"
        expected = signature(message_id=headers["webhook-id"], timestamp=int(headers["webhook-timestamp"]), body=body, keys=[secret])
        assert headers["webhook-signature"] == expected
        assert (last(delivery)["status"], last(delivery)["response"], delivery.state) == (200, "thanks", "delivered")

    def test_a_response_is_kept_in_part(self, tenant, actor, receiver):
        receiver.answers.append((500, {}, b"\xff\0" + b"x" * 100_000))
        hook, _ = made(tenant, actor, receiver.url)
        delivery = ping(tenant, hook)
        Sender().run()
        assert last(delivery)["status"] == 500
        assert last(delivery)["response"] == "\ufffd\ufffd" + "x" * 1_022

    def test_a_redirect_is_not_followed(self, tenant, actor, receiver):
        receiver.answers.append((307, {"Location": receiver.url + "/elsewhere"}, b""))
        hook, _ = made(tenant, actor, receiver.url)
        delivery = ping(tenant, hook)
        Sender().run()
        assert last(delivery)["status"] == 307
        assert delivery.state == "pending"
        assert len(receiver.got) == 1

    def test_who_never_answers_is_not_waited_for(self, tenant, actor, receiver, monkeypatch):
        monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.2)
        receiver.gate.clear()
        hook, _ = made(tenant, actor, receiver.url)
        delivery = ping(tenant, hook)
        Sender().run()
        assert (last(delivery)["status"], last(delivery)["error"]) == (None, "timed_out")

    def test_nobody_there_is_told_apart_from_nobody_in_time(self, tenant, actor, receiver):
        hook, _ = made(tenant, actor, "http://127.0.0.1:9/")
        delivery = ping(tenant, hook)
        Sender().run()
        assert last(delivery)["error"].startswith("fetch_")

    def test_a_slow_one_holds_up_no_other(self, tenant, other_tenant, actor, receiver):
        slow, _ = made(tenant, actor, receiver.url)
        ping(tenant, slow)
        receiver.gate.clear()
        sender = Sender()
        thread = threading.Thread(target=_sending, args=(sender,))
        thread.start()
        until(lambda: len(receiver.got) == 1)
        quick, _ = made(other_tenant, actor, receiver.url + "?quick")
        ping(other_tenant, quick)
        # Another job of this process leaves it to the thread that is at it.
        assert sender.run() == {"joined": True}
        until(lambda: len(receiver.got) == 2)
        receiver.gate.set()
        thread.join(60)
        assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}

    def test_the_job_gives_up_its_key_so_that_nobody_is_overlooked(self, tenant, actor, receiver):
        hook, _ = made(tenant, actor, receiver.url)
        ping(tenant, hook)
        ping(tenant, hook)
        [job] = Job.objects.filter(kind="webhooks_send")
        run(job.pk)
        job.refresh_from_db()
        assert (job.state, job.idempotency_key, len(receiver.got)) == ("succeeded", None, 2)
        again = jobs.job_enqueue(kind="webhooks_send", payload={}, idempotency_key="webhooks_send")
        jobs.job_release(job=jobs.job_claim(job_id=again.pk, runner="r"))
        third = jobs.job_enqueue(kind="webhooks_send", payload={}, idempotency_key="webhooks_send")
        assert third.pk != again.pk


def _sending(sender: Sender) -> None:
    from django.db import connection

    try:
        sender.run()
    finally:
        connection.close()


class TestGuard:
    @pytest.fixture(autouse=True)
    def waiting(self, settings) -> None:
        """Jobs wait; nothing inside is allowed."""
        settings.HOSTEL = replace(django_settings.HOSTEL, jobs_inline=False)

    def test_a_name_that_leads_inside_is_not_sent_to(self, tenant, actor, receiver, monkeypatch):
        """Whatever DNS says, and whenever it says it: the address is vetted when it is resolved and again at the socket."""
        from sandbox.bindings import fetch

        whole = fetch.Outbound
        monkeypatch.setattr(fetch, "Outbound", lambda policy: whole(policy, lookup=lambda _host, _port: ["127.0.0.1"]))
        hook, _ = made(tenant, actor, f"http://rebound.example:{receiver.port}/")
        delivery = ping(tenant, hook)
        Sender().run()
        assert last(delivery)["error"] == "egress_refused"
        assert receiver.got == []

    def test_a_row_that_was_changed_behind_our_back_is_vetted_too(self, tenant, actor, receiver):
        hook, _ = made(tenant, actor, "https://hooks.example/")
        delivery = ping(tenant, hook)
        Webhook.objects.update(url=receiver.url)
        Sender().run()
        assert last(delivery)["error"] == "egress_refused"
        assert receiver.got == []


def test_a_killed_sender_loses_nothing_and_repeats_under_the_same_id(tenant, actor, receiver, own_jobs, settings):
    """In a real background worker, killed in the middle of a delivery; and what is told is told by a change, not by a ping."""
    settings.HOSTEL = replace(settings.HOSTEL, webhook_allow=("127.0.0.1",))
    services.webhook_create(tenant=tenant, url=receiver.url, events=["token.*"], actor=actor)
    receiver.gate.clear()
    worker = BackgroundWorker(HOSTEL_WEBHOOK_ALLOW="127.0.0.1", HOSTEL_JOB_LEASE_SECONDS="1", HOSTEL_JOB_SWEEP_SECONDS="0.5")
    try:
        services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=actor)
        until(lambda: len(receiver.got) == 1)
        worker.kill()
        receiver.gate.set()
        # Its lease is a minute: long enough for any attempt, too long for a test.
        WebhookDelivery.objects.update(next_attempt=timezone.now())
        worker.start()
        until(lambda: WebhookDelivery.objects.get().state == "delivered")
        assert worker.stop() == 0
    finally:
        if worker.process.poll() is None:
            worker.kill()
    (first, body), *others = receiver.got
    assert len(others) >= 1
    assert {(headers["webhook-id"], text) for headers, text in others} == {(first["webhook-id"], body)}
    assert json.loads(body)["type"] == "token.created"
