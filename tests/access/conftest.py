"""A small world: a tenant with somebody of each role, another tenant with things of its own, an operator, a person of no tenant."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from experiments.models import Experiment
from flags import services as flags
from rollouts.models import Rollout
from rollouts.plans import plan_of
from telemetry import chunks
from tenants import services
from tenants.actor import Actor
from tenants.models import Deployment, RequestTest, RequestTestRun, Tenant, User, Version
from tenants.roles import Role, Scope
from tests.conftest import script
from tests.telemetry.making import record

SYSTEM = Actor.system()
HELLO = "export default { fetch() { return new Response('hello'); } };"


@dataclass
class World:
    """Two tenants that have the same, and everybody who may ask."""

    ours: Tenant
    theirs: Tenant
    people: dict[str, User] = field(default_factory=dict)
    # Another tenant's thing, by the name of the parameter that an address has for it.
    things: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: a session, a token, or nobody."""

    name: str
    # The role in our tenant; "operator", "outsider" (somebody of the other tenant), "nobody".
    role: str
    user: User | None = None
    secret: str | None = None

    def call(self, method: str, path: str, *, tenant: Tenant | None = None, body: Any = None) -> Any:
        """The reply; the caller names `tenant`, if one is given."""
        client = Client(headers={"host": "localhost"}, raise_request_exception=False)
        headers = {}
        if self.secret is not None:
            headers["Authorization"] = f"Bearer {self.secret}"
        elif self.user is not None:
            client.force_login(self.user)
        if tenant is not None:
            headers["X-Hostel-Tenant"] = tenant.slug
        data = b"" if body is None else json.dumps(body).encode()
        return client.generic(method, path, data, content_type="application/json", headers=headers)


def person(world: World, name: str, tenant: Tenant | None, role: str = "", **values: Any) -> User:
    user = services.user_create(email=f"{name}@example.com", password=None, actor=SYSTEM, **values)
    if tenant is not None:
        services.member_add(tenant=tenant, user=user, role=role, actor=SYSTEM)
    world.people[name] = user
    return user


def mint(tenant: Tenant | None, *scopes: str, user: User | None = None) -> str:
    return services.token_create(tenant=tenant, name="t", scopes=scopes, user=user, actor=SYSTEM)[1]


def furnish(tenant: Tenant) -> None:
    """A worker with a version that is deployed, and a host name."""
    made = services.version_upload(
        tenant=tenant, worker_name="hello", upload=script(HELLO), actor=SYSTEM, source="tests", deploy=True, create_worker=True
    )
    services.domain_add(tenant=tenant, worker_name=made.worker.name, hostname=f"{tenant.slug}.example.com", actor=SYSTEM)


@pytest.fixture
def world(transactional_db: None, tenant: Tenant, other_tenant: Tenant, settings: Any) -> World:
    settings.HOSTEL = replace(settings.HOSTEL, api_calls_per_minute=1_000_000)
    found = World(ours=tenant, theirs=other_tenant)
    for role in Role.values:
        person(found, role, tenant, role)
    person(found, "outsider", other_tenant, Role.OWNER)
    person(found, "drifter", None)
    person(found, "root", None, operator=True)
    for each in (tenant, other_tenant):
        furnish(each)
    found.things.update({name: make(other_tenant) for name, make in THEIRS.items()})
    return found


@pytest.fixture
def callers(world: World) -> list[Caller]:
    """Everybody, with a session and with a token that has every scope which can be given."""
    everything = [scope for scope in Scope.values if scope != Scope.OPERATOR]
    found = [Caller("nobody", "nobody"), Caller("drifter", "drifter", world.people["drifter"])]
    for role in Role.values:
        user = world.people[role]
        found.append(Caller(f"{role} (session)", role, user))
        found.append(Caller(f"{role} (token)", role, user, mint(world.ours, *everything, user=user)))
    found.append(Caller("outsider (session)", "outsider", world.people["outsider"]))
    found.append(Caller("outsider (token)", "outsider", None, mint(world.theirs, *everything)))
    found.append(Caller("operator (session)", "operator", world.people["root"]))
    found.append(Caller("operator (token)", "operator", None, mint(None, Scope.OPERATOR)))
    return found


def _worker(tenant: Tenant) -> str:
    """The name of a worker that the other tenant has and we have not."""
    if not tenant.workers.filter(name="theirs").exists():
        tenant.workers.create(name="theirs")
    return "theirs"


def _request(tenant: Tenant) -> str:
    """The id of a request to that worker."""
    worker = tenant.workers.get(name=_worker(tenant))
    kept = ("v", record())
    chunks.made([kept], tenant_id=tenant.pk, worker_id=worker.pk, process="aaaaaaaaaaaa", kept=True, now=0).save()
    return kept[1].request_id


def _webhook(tenant: Tenant) -> str:
    """A webhook of the other tenant's, which is never sent to: nobody listens on that port, and it may not be asked."""
    hook = tenant.webhooks.first()
    if hook is None:
        hook, _ = services.webhook_create(tenant=tenant, url="https://nobody.invalid/hook", events=["webhook.*"], actor=SYSTEM)
    return str(hook.pk)


def _request_test(tenant: Tenant) -> RequestTest:
    """A request test of that worker."""
    name = _worker(tenant)
    found = RequestTest.objects.filter(tenant=tenant).first()
    return found or services.request_test_create(tenant=tenant, worker_name=name, actor=SYSTEM, values={"name": "t", "url": "/"})


def _test_run(tenant: Tenant) -> str:
    """A run of such tests."""
    version = Version.objects.get(tenant=tenant)
    made = RequestTestRun.objects.create(
        tenant=tenant, worker=version.worker, version=version, digest="", trigger="manual", total=0, failed=0
    )
    return str(made.pk)


def _flag(tenant: Tenant) -> str:
    return flags.flag_create(tenant=tenant, key="theirs", actor=SYSTEM).key


def _environment(tenant: Tenant) -> str:
    return flags.environment_create(tenant=tenant, name="theirs", actor=SYSTEM).name


def _segment(tenant: Tenant) -> str:
    when = {"attribute": "plan", "operator": "equals", "value": "pro"}
    return flags.segment_create(tenant=tenant, key="theirs", when=when, actor=SYSTEM).key


def _rollout(tenant: Tenant) -> str:
    """A rollout of that worker, over long ago."""
    worker = tenant.workers.get(name=_worker(tenant))
    version = str(Version.objects.filter(tenant=tenant).latest("pk").pk)
    made = Rollout.objects.create(
        tenant=tenant, worker=worker, new_version=version, new_number=2, old_version=version, old_number=1, plan=plan_of(guards=()).as_json(),
        state="completed",
    )  # fmt: skip
    return str(made.uuid)


def _experiment(tenant: Tenant) -> str:
    """The key of an experiment."""
    return Experiment.objects.get_or_create(tenant=tenant, key="theirs", environment="production", flag="f", control="a")[0].key


# What another tenant has, by the name of the parameter in an address. A new parameter needs a line here, or the tests fail.
THEIRS: Mapping[str, Callable[[Tenant], str]] = {
    # The native API.
    "worker": _worker,
    "version": lambda tenant: str(Version.objects.get(tenant=tenant).pk),
    "deployment": lambda tenant: str(Deployment.objects.get(tenant=tenant).uuid),
    "token_id": lambda tenant: str(services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM)[0].pk),
    "member_id": lambda tenant: str(tenant.memberships.get().pk),
    "invitation_id": lambda tenant: str(services.invitation_create(tenant=tenant, role="viewer", may_own=False, actor=SYSTEM)[0].pk),
    "request_id": _request,
    # Of a version: everybody's first one has it.
    "number": lambda _tenant: "1",
    "webhook_id": _webhook,
    "delivery_id": lambda tenant: str(services.webhook_ping(tenant=tenant, webhook_id=UUID(_webhook(tenant))).pk),
    "test_id": lambda tenant: str(_request_test(tenant).pk),
    "test_run": _test_run,
    "flag": _flag,
    "environment": _environment,
    "segment": _segment,
    "layer": lambda tenant: flags.layer_create(tenant=tenant, key="theirs", actor=SYSTEM).key,
    "rollout": _rollout,
    "experiment": _experiment,
    "other": lambda tenant: str(Version.objects.get(tenant=tenant).pk),
    "alias": lambda _tenant: "theirs",
    # Operators only: nobody's thing.
    "job_id": lambda _tenant: str(uuid4()),
    "plan": lambda _tenant: "default",
    "limit": lambda _tenant: "cpu_ms",
    "tenant": lambda tenant: tenant.slug,
    # The Cloudflare-compatible one.
    "account": lambda tenant: tenant.account_id,
    "name": _worker,
    "domain": lambda tenant: str(tenant.domains.get().pk),
    "secret": lambda _tenant: "S",
    "namespace": lambda tenant: services.namespace_create(tenant=tenant, name="theirs", actor=SYSTEM).name,
    "tag": lambda _tenant: "x",
    "rest": lambda _tenant: "x",
}
