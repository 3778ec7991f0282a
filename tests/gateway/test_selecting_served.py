"""The same through running gateways: what visitors get, what bindings pass on, and how soon."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from tenants import services
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.services import Uploaded
from tenants.uploads import WorkerSettings
from tests.conftest import database_url

from .conftest import Server, granian
from .wire import Answer, ask

pytestmark = pytest.mark.django_db(transaction=True)

TELLS = """
export default { fetch(request, env, ctx) {
  return Response.json({ name: NAME, version: ctx.version, headers: Object.fromEntries(request.headers) });
} };
"""
CALLS = """
export default { async fetch(request, env, ctx) {
  const inner = await env.INNER.fetch("http://inner/");
  return Response.json({ outer: ctx.version.metadata.id, inner: await inner.json() });
} };
"""
ACTOR = Actor.system()


@pytest.fixture(scope="module")
def gateways(django_db_setup: None) -> Iterator[list[Server]]:
    """Two gateway processes as `make serve` starts them, sharing the tests' database and home."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        home, environ = Path(settings.HOSTEL.home), {"DATABASE_URL": database_url()}
        starting = [
            pool.submit(stack.enter_context, granian(home, "gateway.asgi:application", env=environ, log=f"select-{n}.log", patience=300))
            for n in range(2)
        ]
        yield [each.result() for each in starting]


@pytest.fixture
def upload(upload_js: Callable[..., Uploaded]) -> Callable[..., Any]:
    return sync_to_async(upload_js)


@pytest.fixture(autouse=True)
async def no_connection_left(tenant: Tenant) -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


def tells(name: str) -> str:
    return TELLS.replace("NAME", json.dumps(name))


async def get(server: Server, host: str = "shop.acme.localhost", *sent: bytes) -> Answer:
    return await ask(server.port, host, "/", headers=list(sent))


def cookie_of(answer: Answer) -> bytes | None:
    return next((value for name, value in answer.headers if name.lower() == b"set-cookie"), None)


async def deploy(tenant: Tenant, name: str, *shares: tuple[Any, float], **more: Any) -> None:
    await sync_to_async(services.deployment_create)(tenant=tenant, worker_name=name, versions=shares, actor=ACTOR, source="t", **more)


async def until(server: Server, wanted: Callable[[Answer], bool], *sent: bytes, host: str = "shop.acme.localhost") -> Answer:
    """Ask until the answer is as wanted; a change has to be live everywhere within a second, a busy machine is given more."""
    end = time.monotonic() + 10
    while True:
        answer = await get(server, host, *sent)
        if wanted(answer):
            return answer
        assert time.monotonic() < end, answer
        await asyncio.sleep(0.02)


async def test_visitors_stay_with_their_version_in_every_process(gateways: list[Server], upload, tenant: Tenant) -> None:
    first = (await upload(tells("one"), name="shop")).version
    assert cookie_of(await get(gateways[0])) is None
    second = (await upload(tells("two"), name="shop", deploy=False)).version
    await deploy(tenant, "shop", (first.pk, 50), (second.pk, 50))
    for server in gateways:
        answer = await until(server, lambda answer: cookie_of(answer) is not None)
    cookie = cookie_of(answer)
    assert cookie is not None
    assert b"HttpOnly" in cookie
    assert b"SameSite=Lax" in cookie
    assert b"Secure" not in cookie
    sent = b"Cookie: " + cookie.partition(b";")[0]
    name = json.loads(answer.body)["name"]
    for server in gateways * 3:
        again = await get(server, "shop.acme.localhost", sent)
        seen = json.loads(again.body)
        assert (seen["name"], cookie_of(again)) == (name, None)
        assert seen["version"]["key"] in cookie.decode()
        assert seen["version"]["metadata"]["id"] == again.get(b"hostel-version").decode()
    # The newer one's share grows: nobody goes back.
    await deploy(tenant, "shop", (first.pk, 1), (second.pk, 99))
    assert json.loads((await until(gateways[1], lambda _: True, sent)).body)["name"] >= name
    # With one version live there is nothing to stick to.
    await deploy(tenant, "shop", (second.pk, 100))
    for server in gateways:
        await until(server, lambda answer: cookie_of(answer) is None and json.loads(answer.body)["name"] == "two")


async def test_a_signed_override_reaches_what_is_not_deployed_through_bindings_too(gateways: list[Server], upload, tenant: Tenant) -> None:
    inner = await upload(tells("live"), name="inner")
    hidden = (await upload(tells("hidden"), name="inner", deploy=False)).version
    outer = await upload(CALLS, name="outer", bindings=[{"type": "service", "name": "INNER", "service": "inner"}])
    plain = json.loads((await get(gateways[0], "outer.acme.localhost")).body)
    assert plain["inner"]["name"] == "live"
    made = await sync_to_async(services.version_override_create)(tenant=tenant, worker_name="inner", version_id=hidden.pk, actor=ACTOR)
    sent = f"{made.header}: {made.token}".encode()
    for server in gateways:
        # The worker it is for, and one that leads there; the token itself is seen by none of them.
        direct = await get(server, "inner.acme.localhost", sent)
        seen = json.loads(direct.body)
        assert (seen["name"], seen["version"]["override"], direct.get(b"hostel-version").decode()) == ("hidden", True, str(hidden.pk))
        assert made.header.lower() not in seen["headers"]
        through = json.loads((await get(server, "outer.acme.localhost", sent)).body)
        assert (through["inner"]["name"], through["outer"]) == ("hidden", str(outer.version.pk))
    for useless in (sent[:-4] + b"AAAA", made.header.encode() + b": nonsense", made.header.encode() + b": "):
        assert json.loads((await get(gateways[0], "inner.acme.localhost", useless)).body)["name"] == "live"
    # Another worker's token is nothing to this one.
    foreign = await sync_to_async(services.version_override_create)(
        tenant=tenant, worker_name="outer", version_id=outer.version.pk, actor=ACTOR
    )
    answer = await get(gateways[0], "inner.acme.localhost", f"{foreign.header}: {foreign.token}".encode())
    assert json.loads(answer.body)["version"]["metadata"]["id"] == str(inner.version.pk)


async def test_cohorts_and_what_is_not_trusted(gateways: list[Server], upload, tenant: Tenant) -> None:
    first = (await upload(tells("one"), name="shop")).version
    second = (await upload(tells("two"), name="shop", deploy=False)).version
    beta = {
        "name": "beta",
        "versions": [{"version": str(second.pk), "percentage": 100}],
        "rules": [{"cookie": "tester", "values": ["yes"]}],
    }
    await deploy(tenant, "shop", (first.pk, 100), cohorts=[beta])
    named = b"Cloudflare-Workers-Cohort: BETA"
    for server in gateways:
        answer = await until(server, lambda answer: json.loads(answer.body)["name"] == "two", named)
        assert json.loads(answer.body)["version"]["cohort"] == "beta"
        assert json.loads((await get(server)).body)["name"] == "one"
        assert json.loads((await get(server, "shop.acme.localhost", b"Cookie: tester=yes")).body)["name"] == "two"
        override = f'Cloudflare-Workers-Version-Overrides: shop="{second.pk}"'.encode()
        assert json.loads((await get(server, "shop.acme.localhost", override)).body)["name"] == "two"
    await sync_to_async(services.worker_settings_update)(
        tenant=tenant, worker_name="shop", settings=WorkerSettings(version_headers="stripped"), actor=ACTOR
    )
    for server in gateways:
        answer = await until(server, lambda answer: json.loads(answer.body)["name"] == "one", named)
        assert "cloudflare-workers-cohort" not in json.loads(answer.body)["headers"]
        assert json.loads((await get(server, "shop.acme.localhost", override)).body)["name"] == "one"
        # Rules are the tenant's own word.
        assert json.loads((await get(server, "shop.acme.localhost", b"Cookie: tester=yes")).body)["name"] == "two"
