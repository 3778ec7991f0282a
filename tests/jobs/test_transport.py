"""The transport over the database: nothing lost, nothing twice, inspect and control."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import DatabaseError, connection
from kombu import Connection, Exchange, Queue

from jobs import transport
from jobs.models import Binding, Message
from jobs.transport import Channel

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = Queue("q", Exchange("q"), routing_key="q")


@pytest.fixture
def broker():
    import controlplane.celery  # noqa: F401 - registers the transport

    with Connection("hostel://localhost") as found:
        yield found


def put(broker: Connection, *bodies: object) -> None:
    with broker.Producer() as producer:
        for body in bodies:
            producer.publish({"n": body}, exchange=QUEUE.exchange, routing_key="q", declare=[QUEUE], serializer="json")


def take(broker: Connection, seconds: float = 0.0) -> list[object]:
    """Every message there is, acknowledged."""
    found: list[object] = []

    def keep(body: dict[str, object], message: object) -> None:
        found.append(body["n"])
        message.ack()

    with broker.Consumer(QUEUE, callbacks=[keep]):
        try:
            while True:
                broker.drain_events(timeout=seconds)
        except TimeoutError:
            return found


def test_messages_come_in_order_and_are_gone(broker):
    put(broker, *range(5))
    assert Message.objects.count() == 5
    assert take(broker) == list(range(5))
    assert not Message.objects.exists()


def test_an_unacknowledged_message_comes_again_after_its_lease(broker, monkeypatch):
    put(broker, "x")
    monkeypatch.setattr(transport, "LEASE_SECONDS", 0.3)
    held = QUEUE(broker.channel()).get()
    assert held.payload == {"n": "x"}
    assert take(broker) == []
    time.sleep(0.35)
    assert take(broker) == ["x"]


def test_closing_without_acknowledging_loses_nothing(broker):
    put(broker, "x")
    with Connection("hostel://localhost") as other:
        assert QUEUE(other.channel()).get() is not None
    assert Message.objects.count() == 1
    Message.objects.update(visible_at=0)
    assert take(broker) == ["x"]


def test_rejecting_drops_or_shows_again(broker):
    put(broker, "x", "y")
    channel = broker.channel()
    QUEUE(channel).get().reject()
    QUEUE(channel).get().requeue()
    assert take(broker) == ["y"]


def test_sizes_and_purges(broker):
    put(broker, "x", "y")
    channel = broker.channel()
    assert QUEUE(channel).queue_declare(passive=True).message_count == 2
    assert QUEUE(channel).purge() == 2


def test_a_publisher_wakes_a_sleeping_consumer(broker, monkeypatch):
    monkeypatch.setattr(transport, "POLL_SECONDS", 30.0)
    took: list[float] = []
    ready = threading.Event()

    def consume() -> None:
        try:
            with (
                Connection("hostel://localhost") as own,
                own.Consumer(QUEUE, callbacks=[lambda _body, message: (message.ack(), took.append(time.monotonic()))]),
            ):
                ready.set()
                own.drain_events(timeout=20)
        finally:
            connection.close()

    thread = threading.Thread(target=consume)
    thread.start()
    ready.wait(10)
    time.sleep(0.3)
    started = time.monotonic()
    put(broker, "x")
    thread.join(20)
    assert took
    assert took[0] - started < 1


def test_many_consumers_share_without_losing_or_doubling(broker):
    total, consumers = 300, 4
    put(broker, *range(total))
    found: list[int] = []
    failures: list[Exception] = []

    def consume() -> None:
        try:
            with Connection("hostel://localhost") as own:
                found.extend(take(own, 0.3))
        except Exception as error:  # noqa: BLE001 - looked at below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=consume) for _ in range(consumers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(found) == list(range(total))
    assert not Message.objects.exists()


def test_a_fanout_reaches_every_bound_queue_of_any_process(broker):
    pidbox = Exchange("celery.pidbox", type="fanout")
    queues = [Queue(f"{name}.celery.pidbox", pidbox, auto_delete=True) for name in ("one", "two")]
    with Connection("hostel://localhost") as other:
        for queue in queues:
            queue(other.channel()).declare()
        with broker.Producer() as producer:
            producer.publish({"method": "ping"}, exchange=pidbox, declare=[pidbox], routing_key="")
        assert sorted(Message.objects.values_list("queue", flat=True)) == ["one.celery.pidbox", "two.celery.pidbox"]


def test_bindings_and_unread_messages_of_dead_processes_are_forgotten(broker):
    now = time.time()
    Binding.objects.create(exchange="celery.pidbox", routing_key="", queue="dead.celery.pidbox", expires_at=now - 1)
    Message.objects.create(queue="dead.celery.pidbox", body="{}", created_at=now - transport.UNREAD_SECONDS - 1)
    Message.objects.create(queue="hostel", body="{}", created_at=now - transport.UNREAD_SECONDS - 1)
    channel: Channel = broker.default_channel
    assert channel.get_table("celery.pidbox") == []
    channel._renew(now)
    assert not Binding.objects.exists()
    assert [message.queue for message in Message.objects.all()] == ["hostel"]


def test_a_database_that_is_not_ready_refuses_the_connection(monkeypatch):
    def missing() -> bool:
        raise DatabaseError("no such table")

    monkeypatch.setattr(Message.objects, "exists", missing, raising=False)
    with pytest.raises(DatabaseError):
        Connection("hostel://localhost").connect()
