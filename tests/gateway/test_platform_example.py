"""The example of a platform, as `make serve` seeds it, through a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.conf import settings

from ops import examples, seed
from tenants import services
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.names import qualified
from tests.conftest import database_url

from .conftest import ROOT, Server, granian
from .test_served import get, no_connection_left  # noqa: F401 - a fixture
from .wire import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    """The gateway, from which workers may reach this machine."""
    environment = {"DATABASE_URL": database_url(), "HOSTEL_EGRESS_ALLOW": "127.0.0.1"}
    with granian(Path(settings.HOSTEL.home), "gateway.asgi:application", env=environment) as running:
        yield running


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """A server on the internet, which tells who asks."""

    async def told(request: web.Request) -> web.Response:
        return web.Response(text=f"asked by {request.headers.get('x-customer')}\n")

    application = web.Application()
    application.router.add_get("/{path:.*}", told)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def put_up(tenant: Tenant, actor: Actor) -> None:
    services.namespace_create(tenant=tenant, name=seed.NAMESPACE, actor=actor)
    for folder, namespace in seed.EXAMPLES:
        if folder.startswith("platform/"):
            example = examples.read(ROOT / "examples" / folder)
            name = qualified(namespace, example.name)
            services.version_upload(tenant=tenant, worker_name=name, upload=example.upload, actor=actor, source="seed", deploy=True)


async def test_the_example(server: Server, origin: str, tenant: Tenant, actor: Actor) -> None:
    await sync_to_async(put_up)(tenant, actor)

    async def ask(path: str) -> Answer:
        return await get(server, path, host="platform.acme.localhost")

    assert (await ask("/")).status == 200
    assert (await ask("/ada/hello?x=1")).body == b"Hello from Ada's worker, at /hello, as ada.\n"
    assert (await ask("/bob")).body == b"Bob's worker is up.\n"
    nobody = await ask("/carol/")
    assert (nobody.status, nobody.body) == (404, b"There is no customer called carol.\n")
    # Customers have no address of their own.
    assert (await get(server, host="ada.acme.localhost")).get(b"hostel-error") == b"host_unknown"
    # A customer that spins is stopped at the dispatcher's limit, and nobody else waits for it.
    spun, *others = await asyncio.gather(ask("/bob/spin"), *(ask("/ada/") for _ in range(5)))
    assert (spun.status, spun.body) == (502, b"The worker of bob has failed.\n")
    assert {answer.status for answer in others} == {200}
    thrown = await ask("/bob/throw")
    assert (thrown.status, b"tested" in thrown.body) == (502, False)
    # What a customer fetches goes through the outbound worker.
    assert (await ask(f"/ada/fetch?url={origin}/x")).body == b"asked by ada\n"
    blocked = await ask("/ada/fetch?url=http://blocked.example/")
    assert (blocked.status, blocked.body) == (403, b"blocked.example is blocked.\n")
