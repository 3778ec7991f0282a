"""Flags the whole way: written by services, live in every gateway process, chosen by, read by workers, counted once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from experiments import absorbing, analysis, selectors
from experiments import services as experiments
from experiments.models import FlagCount, Participant
from flags import services as flags
from telemetry.ingester import Ingester
from telemetry.models import MINUTE, Rollup
from tenants import services
from tenants.actor import Actor
from tenants.models import Tenant

from .conftest import Server, granian
from .test_served import get, live, no_connection_left, said, upload  # noqa: F401 - some are fixtures
from .wire import Answer

pytestmark = pytest.mark.django_db(transaction=True)
READER = """
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const context = searchParams.has("key") ? { targetingKey: searchParams.get("key") } : {};
    if (pathname === "/buy") await env.FLAGS.track("purchase", context, { value: 5 });
    if (pathname === "/staging") return Response.json(await env.STAGING.getBooleanDetails("banner", false));
    return Response.json(await env.FLAGS.getStringDetails("colour", "none", context));
  },
};
"""
BINDINGS = [{"type": "flagship", "name": "FLAGS", "app_id": "production"}, {"type": "flags", "name": "STAGING", "environment": "staging"}]


class Shop:
    """A tenant with a worker of two versions, of which one is deployed, and flags."""

    def __init__(self, tenant: Tenant, actor: Actor) -> None:
        self.tenant, self.actor = tenant, actor
        self.versions: list[str] = []

    async def do(self, service: Any, **arguments: Any) -> Any:
        return await sync_to_async(service)(tenant=self.tenant, actor=self.actor, **arguments)

    async def flag(self, key: str, kind: str, variants: dict[str, Any], serve: dict[str, Any], environment: str = "production") -> None:
        await self.do(flags.flag_create, key=key, type=kind, variants=variants)
        await self.do(flags.flag_state_update, key=key, environment=environment, changes={"enabled": True, "serve": serve})

    async def set_up(self, uploads: Any) -> None:
        for text, deploy in (("old", True), ("new", False)):
            self.versions.append(str((await uploads(said(text), name="shop", deploy=deploy)).version.pk))
        old, new = ({"worker": "shop", "version": version} for version in self.versions)
        await self.flag("which", "version", {"old": old, "new": new}, halves("old", "new"))
        await self.do(experiments.version_flag_set, worker_name="shop", flag="which", targeting=["cookie:uid", "ip"])


def halves(*names: str) -> dict[str, Any]:
    return {"split": [{"variant": name, "percentage": 100 / len(names)} for name in names]}


def visitor(uid: object) -> bytes:
    return f"Cookie: uid={uid}".encode()


async def shop(server: Server, uid: object, *more: bytes) -> Answer:
    return await get(server, host="shop.acme.localhost", headers=[visitor(uid), *more])


@pytest.fixture
async def stocked(upload, tenant: Tenant, actor: Actor) -> Shop:  # noqa: F811
    made = Shop(tenant, actor)
    await made.set_up(upload)
    return made


@pytest.fixture
def processes(transactional_db: None) -> Iterator[list[Server]]:
    """Three gateway processes of one machine."""
    databases = settings.DATABASES["default"]
    name, url = str(databases["NAME"]), settings.HOSTEL.database_url
    address = f"sqlite:///{name}" if "sqlite" in databases["ENGINE"] else f"{url.rpartition('/')[0]}/{name}"
    with ExitStack() as stack:
        environ = {"DATABASE_URL": address}
        home = Path(settings.HOSTEL.home)
        yield [
            stack.enter_context(granian(home, "gateway.asgi:application", env=environ, log=f"server-{number}.log")) for number in range(3)
        ]


def ingest() -> None:
    Ingester(settings.HOSTEL.spool).read()


async def counted(wanted: int, what: Any) -> None:
    """Wait until the spool has brought so many."""
    deadline = time.monotonic() + 30
    while await sync_to_async(what)() < wanted:
        assert time.monotonic() < deadline
        await sync_to_async(ingest)()
        await asyncio.sleep(0.05)


async def test_a_flag_chooses_the_version_before_the_instance(live: Server, stocked: Shop) -> None:  # noqa: F811
    old, new = stocked.versions
    answers = {uid: await shop(live, uid) for uid in range(40)}
    bodies = Counter(answer.body for answer in answers.values())
    assert set(bodies) == {b"old", b"new"}, "also the version that is not deployed"
    for uid, answer in answers.items():
        variant = answer.body.decode()
        assert answer.get(b"hostel-key") == f"acme-shop-{new if variant == 'new' else old}-which:{variant}".encode()
        assert (await shop(live, uid)).body == answer.body
    # An override of a version of the deployment is stronger, and leads to the instance without a variant.
    chosen = next(uid for uid, answer in answers.items() if answer.body == b"new")
    override = await shop(live, chosen, f'Cloudflare-Workers-Version-Overrides: shop="{old}"'.encode())
    assert (override.body, override.get(b"hostel-key")) == (b"old", f"acme-shop-{old}".encode())
    # Roll-ups know the variants.
    await counted(81, lambda: sum(Rollup.objects.filter(step=MINUTE).values_list("invocations", flat=True)))
    rows = await sync_to_async(list)(Rollup.objects.filter(step=MINUTE).values_list("variant", "version", "invocations"))
    by_variant: Counter[tuple[str, str]] = Counter()
    for variant, version, count in rows:
        by_variant[variant, version] += count
    assert by_variant == {("which:new", new): 2 * bodies[b"new"], ("which:old", old): 2 * bodies[b"old"], ("", old): 1}
    # By what keeps visitors on a version of a deployment: the platform's own cookie, for those who have none yet.
    await stocked.do(experiments.version_flag_set, worker_name="shop", flag="which")
    for _ in range(5):
        first = await get(live, host="shop.acme.localhost")
        cookie = (first.get(b"set-cookie") or b"").partition(b";")[0]
        assert cookie
        assert (await get(live, host="shop.acme.localhost", headers=[b"Cookie: " + cookie])).body == first.body
    # A version that is gone, or a flag that is: the deployment answers.
    await stocked.do(experiments.version_flag_clear, worker_name="shop")
    assert (await shop(live, chosen)).get(b"hostel-key") == f"acme-shop-{old}".encode()


async def test_a_kill_switch_is_live_in_every_process(processes: list[Server], stocked: Shop) -> None:
    await stocked.flag("banner", "boolean", {"off": False, "on": True}, {"variant": "on"}, environment="staging")
    chosen = [uid for uid in range(60) if (await shop(processes[0], uid)).body == b"new"][:5]
    assert all([(await shop(server, uid)).body == b"new" for server in processes for uid in chosen])
    before = time.monotonic()
    await stocked.do(flags.flag_kill, key="which", environment="production", reason="it sells nothing")
    pending = list(processes)
    while pending:
        pending = [server for server in pending if any([(await shop(server, uid)).body != b"old" for uid in chosen])]
        assert time.monotonic() - before < 30
    await stocked.do(flags.flag_restore, key="which", environment="production")
    deadline = time.monotonic() + 30
    while any([(await shop(server, uid)).body != b"new" for server in processes for uid in chosen]):
        assert time.monotonic() < deadline


async def test_workers_read_flags_and_experiments_count_them_once(live: Server, stocked: Shop, upload) -> None:  # noqa: F811
    await upload(READER, name="reader", bindings=BINDINGS)
    await stocked.flag("colour", "string", {"red": "red", "blue": "blue"}, halves("red", "blue"))
    draft = {"flag": "colour", "control": "red", "metrics": [{"name": "buyers", "kind": "conversion", "event": "purchase"}]}
    await stocked.do(experiments.experiment_create, key="paint", values=draft)
    started = await stocked.do(experiments.experiment_start, key="paint")
    assert started.shares == {"blue": 0.5, "red": 0.5}

    async def ask(path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await get(live, path, host="reader.acme.localhost")).body)
        return found

    seen = {str(key): await ask(f"/?key={key}") for key in range(30)}
    assert {details["reason"] for details in seen.values()} == {"SPLIT"}
    assert {details["value"] for details in seen.values()} == {"red", "blue"}
    for key in range(10):
        assert await ask(f"/buy?key={key}") == seen[str(key)]
    assert (await ask("/"))["errorCode"] == "TARGETING_KEY_MISSING"
    assert (await ask("/staging"))["errorCode"] == "FLAG_NOT_FOUND"
    await counted(30, Participant.objects.count)
    await counted(40, lambda: sum(FlagCount.objects.filter(flag="colour").values_list("count", flat=True)))
    assert await sync_to_async(absorbing.events_absorb)() == 10
    found = await sync_to_async(analysis.analyse)(await sync_to_async(selectors.experiment_get)(tenant=stocked.tenant, key="paint"))
    shown = Counter(details["value"] for details in seen.values())
    assert {arm.variant: arm.participants for arm in found.arms} == shown
    assert sum(round(arm.values["buyers"] * arm.participants) for arm in found.arms) == 10
    assert "30 participants" in found.summary
    # The same events over HTTP are services' business; a flag of a deleted tenant's is nobody's.
    await sync_to_async(services.worker_delete)(tenant=stocked.tenant, worker_name="reader", actor=stocked.actor)
    uses = await sync_to_async(selectors.flag_uses)(tenant=stocked.tenant)
    assert uses["production", "colour"].count == 40
