"""The ledger against a load: its sums are what was sent, also when a gateway process is killed under it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.db.models import Sum
from django.test import override_settings

from controlplane.prometheus import Gateways
from telemetry.ingester import Ingester
from telemetry.models import HOUR, Chunk, Rollup, Usage
from tenants.models import Tenant, Worker
from tenants.services import Uploaded
from tests.conftest import database_url

from .conftest import Server, granian
from .wire import ask

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "billed.acme.localhost"
SOURCE = """
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/throw") throw new Error("no");
    if (pathname === "/log") console.log("line");
    return new Response("x".repeat(100) + await request.text());
  },
};
"""
# What a killed process may not have had time to write; the promise is 200 ms, and a busy machine may keep the thread from its turn for longer.
BOUND_SECONDS = 1.0
LOAD_SECONDS = 2.0


@pytest.fixture(autouse=True)
async def no_connection_left(transactional_db: None) -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Gateways of a home of their own, so that nobody else's records are in the spool; blobs are the suite's."""
    folder = tmp_path / "h"
    folder.mkdir()
    (folder / "blobs").symlink_to(settings.HOSTEL.home / "blobs")
    return folder


def gateway(home: Path) -> object:
    return granian(home, "gateway.asgi:application", env={"DATABASE_URL": database_url()})


@sync_to_async
def counted(home: Path, seconds: float = 30.0) -> dict[str, int]:
    """The ledger's sums, once the spool is empty."""
    reader = Ingester(home / "spool")
    deadline = time.monotonic() + seconds
    while list((home / "spool").glob("*.seg")):
        reader.read()
        assert time.monotonic() < deadline
    names = ("requests", "invocations", "request_bytes", "response_bytes", "cpu_us")
    return {name: value or 0 for name, value in Usage.objects.aggregate(**{name: Sum(name) for name in names}).items()}


def scraped(home: Path) -> list[tuple[str, float]]:
    """What Prometheus would be told, once the spools' threads have counted everything."""
    deadline = time.monotonic() + 30
    with override_settings(HOSTEL=replace(settings.HOSTEL, home=home)):
        while True:
            samples = [sample for family in Gateways().collect() for sample in family.samples]
            values = [(sample.name, sample.value) for sample in samples]
            assert ("hostel_gateway_up", 0.0) not in values
            noted, written = (
                sum(value for name, value in values if name == f"hostel_telemetry_{what}_total") for what in ("noted", "written")
            )
            if noted == written:
                return values
            assert time.monotonic() < deadline
            time.sleep(0.02)


async def test_its_sums_are_what_was_sent(home: Path, tenant: Tenant, upload_js: Callable[..., Uploaded]) -> None:
    await sync_to_async(upload_js)(SOURCE, name="billed")
    sent = {"/": 150, "/log": 60, "/throw": 40}
    with gateway(home) as one, gateway(home) as two:  # type: ignore[attr-defined]
        servers: list[Server] = [one, two]

        async def send(number: int, path: str) -> int:
            body = b"y" * (number % 7)
            return (await ask(servers[number % 2].port, HOST, path, method="POST", body=body)).status

        work = [(number, path) for path, count in sent.items() for number in range(count)]
        for at in range(0, len(work), 10):
            statuses = await asyncio.gather(*(send(*each) for each in work[at : at + 10]))
            assert set(statuses) <= {200, 500}
        told = await sync_to_async(scraped)(home)
        assert sum(value for name, value in told if name == "hostel_invocations_total") == 250
    bytes_in = sum(number % 7 for number, _ in work)
    sums = await counted(home)
    assert (sums["requests"], sums["invocations"]) == (250, 250)
    assert sums["request_bytes"] == bytes_in
    assert sums["response_bytes"] == 100 * 210 + sum(number % 7 for number, path in work if path != "/throw")
    hours = [row async for row in Rollup.objects.filter(step=HOUR)]
    assert sum(row.invocations for row in hours) == 250
    assert sum(row.outcomes.get("exception", 0) for row in hours) == sum(row.errors for row in hours) == 40
    assert sum(row.cold for row in hours) >= 2
    assert sum(row.cpu_us for row in hours) == sums["cpu_us"] > 0
    assert sum([chunk.count async for chunk in Chunk.objects.all()]) == 250


async def test_a_killed_gateway_takes_no_more_than_its_last_moments(home: Path, tenant: Tenant, upload_js: Callable[..., Uploaded]) -> None:
    await sync_to_async(upload_js)(SOURCE, name="billed")
    answered: list[float] = []
    sent = 0
    with gateway(home) as server:  # type: ignore[attr-defined]
        pid = int(server.admin_sockets()[0].stem.removeprefix("gateway-"))
        killed: list[float] = []

        async def load() -> None:
            nonlocal sent
            while not killed:
                sent += 1
                try:
                    answer = await ask(server.port, HOST)
                except (OSError, EOFError, asyncio.IncompleteReadError, AssertionError, IndexError, ValueError):
                    return
                if answer.status == 200:
                    answered.append(time.monotonic())

        loads = [asyncio.create_task(load()) for _ in range(4)]
        while len(answered) < 300 or answered[-1] - answered[0] < LOAD_SECONDS:
            await asyncio.sleep(0.01)
        killed.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        await asyncio.wait(loads, timeout=30)
        for task in loads:
            task.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
    sums = await counted(home)
    certain = sum(at < killed[0] - BOUND_SECONDS for at in answered)
    assert certain > 0
    assert certain <= sums["requests"] <= sent, (len(answered), sums)
    assert sums["response_bytes"] == 100 * sums["requests"]
    # What is there is there once: every copy of the sums agrees.
    assert sum([chunk.count async for chunk in Chunk.objects.all()]) == sums["requests"]
    # The next process goes on; nothing of the killed one is read again.
    with gateway(home) as server:  # type: ignore[attr-defined]
        for _ in range(20):
            assert (await ask(server.port, HOST)).status == 200
    assert (await counted(home))["requests"] == sums["requests"] + 20


async def test_a_tail_worker_hears_of_what_happened(home: Path, tenant: Tenant, upload_js: Callable[..., Uploaded]) -> None:
    tailer = """
    let heard = [];
    export default {
      tail(events) { heard.push(...events); },
      fetch() { return Response.json(heard); },
    };
    """
    await sync_to_async(upload_js)(tailer, name="tailer")
    await sync_to_async(upload_js)(SOURCE, name="billed")
    await Worker.objects.filter(name="billed").aupdate(tail_consumers=[{"service": "tailer"}])
    with gateway(home) as server:  # type: ignore[attr-defined]
        assert (await ask(server.port, HOST, "/log?a=1", headers=[b"Authorization: Bearer private"])).status == 200
        assert (await ask(server.port, HOST, "/throw")).status == 500
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(30):
            while len(heard) < 2:
                heard = json.loads((await ask(server.port, "tailer.acme.localhost")).body)
    logged, thrown = heard
    assert (logged["scriptName"], logged["outcome"], logged["logs"][0]["message"]) == ("billed", "ok", ["line"])
    assert logged["event"]["request"]["url"] == f"http://{HOST}/log?a=1"
    assert logged["event"]["request"]["headers"]["authorization"] == "REDACTED"
    assert (thrown["outcome"], thrown["exceptions"][0]["message"]) == ("exception", "no")
    sums = await counted(home)
    # The tail handler's own work is counted, and no visitor's request.
    assert sums["invocations"] > sums["requests"] > 2
