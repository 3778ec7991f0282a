"""Quotas and limits at real gateways: several processes, one truth."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.utils import timezone

from tenants import quotas, services
from tenants.actor import Actor
from tenants.models import LimitOverride, Tenant
from tenants.services import Uploaded
from tests.conftest import database_url

from .conftest import Server, granian
from .wire import Answer, Connection, message

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "hello.acme.localhost"
PLANNED = """
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spin") { let sum = 0; for (let i = 0; i < 3e6; i++) sum += i; return new Response(String(sum)); }
    try { return await fetch("http://127.0.0.1:9/"); } catch (error) { return new Response(String(error)); }
  },
};
"""


@pytest.fixture(scope="module")
def gateways(django_db_setup: None) -> Iterator[list[Server]]:
    """Four gateway processes as `make serve` starts them, on ports of their own, sharing the tests' database and home."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        home, environ = Path(settings.HOSTEL.home), {"DATABASE_URL": database_url()}
        starting = [
            pool.submit(
                stack.enter_context, granian(home, "gateway.asgi:application", env=environ, log=f"quota-{number}.log", patience=300)
            )
            for number in range(4)
        ]
        yield [each.result() for each in starting]


@pytest.fixture(autouse=True)
async def nothing_left(tenant: Tenant) -> AsyncIterator[None]:
    """Counts of other tests' tenants, whose ids come again; and no connection of the thread that serves sync_to_async."""
    path = settings.HOSTEL.home / "quotas"
    if path.exists():
        os.pwrite(descriptor := os.open(path, os.O_WRONLY), bytes(path.stat().st_size), 0)
        os.close(descriptor)
    if settings.HOSTEL.redis_url:
        with redis.Redis.from_url(settings.HOSTEL.redis_url) as client:
            for key in client.scan_iter(f"hostel:quota:{{{tenant.pk}}}:*"):
                client.delete(key)
    yield
    await sync_to_async(connections.close_all)()


def passing(port: int, answers: list[Answer], go: asyncio.Event) -> asyncio.Task[None]:
    """One visitor: connects, waits for all the others, asks."""

    async def visit() -> None:
        connection = await Connection.open(port)
        try:
            await go.wait()
            await connection.send(message(HOST))
            answers.append(await connection.answer())
        finally:
            await connection.close()

    return asyncio.get_running_loop().create_task(visit())


async def one(server: Server, path: str = "/") -> Answer:
    connection = await Connection.open(server.port)
    try:
        await connection.send(message(HOST, path))
        return await connection.answer()
    finally:
        await connection.close()


async def test_of_a_thousand_visitors_at_four_processes_exactly_a_hundred_pass(
    gateways: list[Server], upload_js: Callable[..., Uploaded], tenant: Tenant, actor: Actor
) -> None:
    await sync_to_async(upload_js)()
    for server in gateways:
        assert (await one(server)).status == 200
    await sync_to_async(services.tenant_limits_set)(tenant=tenant, limits={"requests_per_month": 100}, actor=actor)
    answers: list[Answer] = []
    go = asyncio.Event()
    visitors = [passing(server.port, answers, go) for server in gateways for _ in range(250)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*visitors)
    assert Counter(answer.status for answer in answers) == {200: 100, 429: 900}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.get(b"hostel-error") == b"tenant_requests_exceeded"
    seconds = int(refused.get(b"retry-after") or b"")
    assert 0 < seconds <= 31 * 86_400
    assert (refused.get(b"ratelimit") or b"").startswith(b'"requests_per_month";r=0;t=')
    left = [int(answer.get(b"ratelimit").partition(b"r=")[2].partition(b";")[0]) for answer in answers if answer.status == 200]
    assert min(left) == 0
    # What each process told the visitors it let pass never grew: no unit was given twice.
    assert max(left) <= 99
    if quotas.store().local:
        assert sorted(left) == list(range(100))
    # Raised by one: exactly one more, wherever it comes in.
    await sync_to_async(services.tenant_limits_set)(tenant=tenant, limits={"requests_per_month": 101}, actor=actor)
    assert Counter([(await one(server)).status for server in gateways]) == {200: 1, 429: 3}


async def test_a_change_reaches_every_process_at_once_and_ends_by_itself(
    gateways: list[Server], upload_js: Callable[..., Uploaded], tenant: Tenant, actor: Actor
) -> None:
    await sync_to_async(upload_js)()
    for server in gateways:
        answer = await one(server)
        assert (answer.status, answer.get(b"ratelimit-policy")) == (200, None)
    await sync_to_async(services.tenant_limits_set)(tenant=tenant, limits={"requests_per_minute": 5_000}, actor=actor)
    # On one machine the very next request knows.
    for server in gateways:
        assert (await one(server)).get(b"ratelimit-policy") == b'"requests_per_minute";q=5000;w=60'
    await sync_to_async(services.tenant_limits_set)(tenant=tenant, limits={}, actor=actor)
    ends = timezone.now() + timedelta(seconds=2)
    override = services.override_set
    await sync_to_async(override)(tenant=tenant, name="requests_per_minute", value=4_000, reason="a launch", expires_at=ends, actor=actor)
    for server in gateways:
        found = (await one(server)).get(b"ratelimit-policy")
        # Unless the machine was so slow that it is over already.
        assert found == b'"requests_per_minute";q=4000;w=60' or timezone.now() >= ends
    late = []
    for server in gateways:
        while (await one(server)).get(b"ratelimit-policy") is not None:
            assert timezone.now() < ends + timedelta(seconds=20), "the override has not ended"
            await asyncio.sleep(0.01)
        late.append((timezone.now() - ends).total_seconds())
    assert min(late) >= 0
    # Nothing had to be done for it.
    assert await sync_to_async(LimitOverride.objects.count)() == 1


async def test_what_a_plan_grants_is_what_workers_get(
    gateways: list[Server], upload_js: Callable[..., Uploaded], tenant: Tenant, actor: Actor
) -> None:
    await sync_to_async(upload_js)(PLANNED)
    first, second = gateways[:2]

    async def says(server: Server, path: str) -> tuple[int, bytes]:
        answer = await one(server, path)
        return answer.status, answer.get(b"hostel-error") or answer.body

    for server in (first, second):
        assert (await says(server, "/spin"))[0] == 200
        assert b"egress policy" in (await says(server, "/fetch"))[1]
    changes = {"limits": {"cpu_ms": 15}, "internet_allowed": False}
    await sync_to_async(services.plan_update)(name="default", changes=changes, actor=actor)
    for server in (first, second):
        assert await says(server, "/spin") == (503, b"worker_exceeded_cpu")
        assert b"egress policy" not in (await says(server, "/fetch"))[1]
    await sync_to_async(services.override_set)(tenant=tenant, name="cpu_ms", value=900, worker_name="hello", reason="a launch", actor=actor)
    for server in (first, second):
        assert (await says(server, "/spin"))[0] == 200
