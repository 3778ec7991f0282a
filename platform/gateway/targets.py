"""From a route to something the sandbox can be asked.

Owns the choice of the version, the target made from it (once, kept as long as the route is the same) and the way of one worker to another
through a service or dispatch binding. Must not know visitors.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from gateway.bound import NOTHING, Bound, BoundNamespace
from gateway.contexts import KEY_FOLLOWS
from gateway.errors import HostUnknown, WorkerNotDeployed
from gateway.flagging import Flagged, Flagging
from gateway.hosts import Host
from gateway.records import Records, refused
from gateway.routes import Entry, Routes
from gateway.tailing import Tailing
from sandbox import HostelError, InvocationRecord, Limits, Program, Request, Response, Target, WorkerKey
from sandbox.http import Headers
from sandbox.worker.capabilities import Capability
from sandbox.worker.target import Dispatched, Dispatcher, Service
from telemetry.frames import Owner
from tenants.errors import TenantSuspended, WorkerNotFound
from tenants.names import is_worker_name, qualified
from tenants.rollout import RouteVersion, WorkerRoute, cohort_of, pick_version

# What is remembered of versions' service bindings; the pool of one process holds far fewer.
_REMEMBERED: Final = 20_000
# A worker of a tenant by name, in the same cache as hosts: no host has this character.
_BY_NAME: Final = "~"
# Between a worker's name and the id of a version of it: no name has this character either.
VERSION_OF: Final = "~"
# What a dispatcher's code looks for (Workers for Platforms).
NOT_FOUND: Final = "Worker not found."


class Box(Protocol):
    """What is needed of `sandbox.Sandbox`."""

    async def dispatch(self, target: Target, request: Request) -> Response:
        """The worker's response; raises `HostelError`."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version, ready to be sent requests."""

    target: Target
    # The pool's key, as text.
    key: str
    # The response headers that name it.
    own: Headers


def worker_host(tenant_id: int, worker: str) -> Host:
    """Where a tenant's worker is found by its qualified name: no visitor can name such a host."""
    name = f"{_BY_NAME}{tenant_id}{_BY_NAME}{worker}"
    return Host(name, name)


def version_host(tenant_id: int, worker: str, version_id: str) -> Host:
    """Where one version of a tenant's worker is found, deployed or not: no visitor can name such a host either."""
    return worker_host(tenant_id, f"{worker}{VERSION_OF}{version_id}")


def worker_of(host: Host) -> tuple[int, str] | None:
    """The tenant's id and the worker's qualified name (with a version's id, perhaps) of such a host, or None for a host of visitors."""
    if not host.name.startswith(_BY_NAME):
        return None
    _, tenant_id, worker = host.name.split(_BY_NAME, 2)
    return int(tenant_id), worker


class Targets:
    """Makes targets, and remembers which other workers each version is bound to."""

    def __init__(
        self,
        box: Box,
        routes: Routes,
        program: Callable[[str], Awaitable[Program]],
        records: Records | None = None,
        flags: Flagging | None = None,
    ) -> None:
        """`program` loads a version by its id; `records` gets what its invocations leave; `flags` has the tenants' flags (None: none)."""
        self.flags = flags
        self._box = box
        self._routes = routes
        self._program = program
        self._records = records
        self.tailing = Tailing(self.tell)
        # By version. Known once the version was loaded, which comes before anything of it runs.
        self._bound: OrderedDict[str, Bound] = OrderedDict()

    async def overridden(self, entry: Entry, follows: Mapping[str, str] | None) -> Entry:
        """`entry`, or the one version of its worker that a signed override (worker tag -> version id) leads to, if that still exists."""
        route = entry.route
        version_id = follows.get(route.worker_tag) if follows is not None and route is not None else None
        if route is None or version_id is None:
            return entry
        host = version_host(route.tenant_id, route.qualified_name, version_id)
        found = self._routes.peek(host) or await self._routes.find(host)
        return entry if found.route is None else found

    def choose(
        self,
        entry: Entry,
        overrides: str | None,
        version_key: str | None,
        cohort: str | None = None,
        *,
        depth: int = 0,
        entrypoint: str = "",
        flagged: Flagged | None = None,
    ) -> Prepared:
        """The version that answers one request: an override's, else the one a flag has chosen, else the deployment's (or its cohort's).

        Raises `HostUnknown`, `TenantSuspended` or `WorkerNotDeployed`.
        """
        route = entry.route
        if route is None:
            raise HostUnknown
        if route.suspended:
            raise TenantSuspended
        versions = route.versions
        if flagged is not None and not overrides:
            return self._prepared(entry, route, flagged.version, depth, entrypoint, flagged.variant)
        if len(versions) == 1 and not overrides:
            version = versions[0]
        else:
            picked = pick_version(route, overrides=overrides, version_key=version_key, cohort=cohort)
            if flagged is not None and (picked is None or picked.by != "override"):
                return self._prepared(entry, route, flagged.version, depth, entrypoint, flagged.variant)
            if picked is None:
                raise WorkerNotDeployed
            version = picked.version
        return self._prepared(entry, route, version, depth, entrypoint)

    def all_of(self, entry: Entry) -> list[Prepared]:
        """Every version of the entry's deployment that visitors may be given."""
        route = entry.route
        if route is None or route.suspended:
            return []
        return [self._prepared(entry, route, version, 0, "") for version in route.versions if version.weight]

    def single(self, route: WorkerRoute, version: RouteVersion, program: Program | None = None) -> Target:
        """A target that no route's cache knows: one version, or (with `program`) code that is no version yet."""
        target = self._prepare(route, version, 0, "").target
        if program is None:
            return target

        async def source() -> Program:
            return program

        self._remember(version.id, program)
        return replace(target, source=source)

    def _prepared(  # noqa: PLR0917 - every request passes here: names would cost
        self, entry: Entry, route: WorkerRoute, version: RouteVersion, depth: int, entrypoint: str, variant: str = ""
    ) -> Prepared:
        place = (version.id, depth, entrypoint, variant) if depth or variant else version.id
        prepared: Prepared | None = entry.prepared.get(place)
        # A version from outside of the deployment may have been given other limits while the route stayed the same.
        if prepared is None or (variant and prepared.target.limits != version.limits):
            prepared = entry.prepared[place] = self._prepare(route, version, depth, entrypoint, variant)
        return prepared

    def _prepare(self, route: WorkerRoute, version: RouteVersion, depth: int, entrypoint: str, variant: str = "") -> Prepared:
        async def source() -> Program:
            program = await self._program(version.id)
            self._remember(version.id, program)
            return program

        meta: dict[str, Any] = {"version": {"id": version.id, "tag": version.tag, "timestamp": version.created}}
        key = WorkerKey(tenant=route.tenant_slug, worker=route.qualified_name, version=version.id, variant=variant)
        services = Services(self, route.tenant_id, version.id, depth)
        dispatchers = Dispatchers(self, route.tenant_id, version.id, depth)
        target = Target(
            key=key,
            source=source,
            limits=version.limits,
            mode=route.mode,
            entrypoint=entrypoint,
            meta=meta,
            services=services,
            dispatchers=dispatchers,
            capabilities=Capabilities(self, route, version.id),
            outbound=route.internet,
            weight=route.cpu_weight,
            depth=depth,
            on_finish=self._sink(route, version),
        )
        return Prepared(target, key.text, [(b"hostel-version", version.id.encode()), (b"hostel-key", key.text.encode())])

    def _sink(self, route: WorkerRoute, version: RouteVersion) -> Callable[[InvocationRecord], None] | None:
        if self._records is None:
            return None
        listener = self.tailing.listener(route, version)
        return self._records.sink(Owner(route.tenant_id, route.worker_id, route.qualified_name, version.id), listener)

    def _remember(self, version_id: str, program: Program) -> None:
        self._bound[version_id] = Bound.of(program.bundle.env)
        self._bound.move_to_end(version_id)
        while len(self._bound) > _REMEMBERED:
            self._bound.popitem(last=False)

    def bound(self, version_id: str) -> Bound:
        """What a version's bindings lead to."""
        return self._bound.get(version_id, NOTHING)

    async def call(
        self, tenant_id: int, worker: str, entrypoint: str, depth: int, request: Request, *, parameters: Mapping[str, Any] | None = None
    ) -> Response:
        """One worker's request to another of the same tenant, `depth` workers from the visitor. Raises `HostelError`.

        `parameters` become part of the worker's environment for this request.
        """
        prepared = await self._found(tenant_id, worker, entrypoint, depth, request)
        if prepared is None:
            raise WorkerNotFound(f"The worker {worker!r} does not exist.")
        target = prepared.target
        if parameters:
            # First, where the guest looks for it.
            target = replace(target, meta={"params": dict(parameters), **target.meta}, meta_json=b"")
        return await self._run(target, request)

    async def tell(self, tenant_id: int, worker: str, request: Request) -> None:
        """Have a tenant's worker handle an event. Raises `HostelError`."""
        await (await self.call(tenant_id, worker, "", 1, request)).aclose()

    async def dispatch(self, tenant_id: int, bound: BoundNamespace, wanted: Dispatched, depth: int, request: Request) -> Response:
        """A dispatcher's request to a worker of a namespace of its tenant's, `depth` workers from the visitor. Raises `HostelError`."""
        known = is_worker_name(wanted.worker)
        prepared = await self._found(tenant_id, qualified(bound.namespace, wanted.worker), "", depth, request) if known else None
        if prepared is None:
            raise WorkerNotFound(NOT_FOUND)
        target = prepared.target
        changes: dict[str, Any] = {}
        if wanted.props is not None:
            changes |= {"meta": {**target.meta, "props": wanted.props}, "meta_json": b""}
        if wanted.limits:
            changes["limits"] = lowered(target.limits, wanted.limits)
        if bound.outbound:
            parameters = {name: value for name, value in wanted.parameters.items() if name in bound.parameters}
            changes["outbound_worker"] = partial(self._through, tenant_id, bound.outbound, depth + 1, parameters)
            # It does not leave the platform: whether the outbound worker may is its own affair.
            changes["outbound"] = True
        return await self._run(replace(target, **changes) if changes else target, request)

    async def _run(self, target: Target, request: Request) -> Response:
        try:
            return await self._box.dispatch(target, request)
        except HostelError as error:
            refused(target, request, error)
            raise

    async def _through(self, tenant_id: int, worker: str, depth: int, parameters: Mapping[str, Any], request: Request) -> Response:
        return await self.call(tenant_id, worker, "", depth, request, parameters=parameters)

    async def _found(self, tenant_id: int, worker: str, entrypoint: str, depth: int, request: Request) -> Prepared | None:
        """The version of a tenant's worker (by qualified name) that answers `request`; None where there is no such worker."""
        host = worker_host(tenant_id, worker)
        entry = self._routes.peek(host) or await self._routes.find(host)
        if entry.route is None:
            return None
        if request.follows is not None:
            entry = await self.overridden(entry, request.follows)
        found = dict(request.headers)
        overrides, version_key, named = (
            value.decode("latin-1") if (value := found.get(name)) else None
            for name in (b"cloudflare-workers-version-overrides", b"cloudflare-workers-version-key", b"cloudflare-workers-cohort")
        )
        if request.follows is not None:
            version_key = version_key or request.follows.get(KEY_FOLLOWS)
        assert entry.route is not None
        cohort = cohort_of(entry.route, named, request.headers) if entry.route.cohorts else None
        flagged = None
        if entry.route.flag is not None and self.flags is not None:
            ip = found.get(b"cf-connecting-ip", b"").decode("latin-1")
            flagged = await self.flags.choose(entry, request.method, request.url, request.headers, ip, version_key)
            if flagged is not None:
                request.marks = (flagged.mark,)
        return self.choose(entry, overrides, version_key, cohort, depth=depth, entrypoint=entrypoint, flagged=flagged)


def lowered(limits: Limits, wanted: Mapping[str, int]) -> Limits:
    """`limits`, those that `wanted` names no higher than there."""
    return replace(limits, **{name: min(value, getattr(limits, name)) for name, value in wanted.items()})


class Services(Mapping[str, Service]):
    """The service bindings of one version, as its target carries them."""

    def __init__(self, targets: Targets, tenant_id: int, version_id: str, depth: int) -> None:
        """Of a worker that is itself `depth` workers from the visitor."""
        self._targets = targets
        self._tenant_id = tenant_id
        self._version_id = version_id
        self._depth = depth

    def __getitem__(self, binding: str) -> Service:
        """The way to the worker behind `binding`."""
        worker, entrypoint = self._targets.bound(self._version_id).services[binding]
        return lambda request: self._targets.call(self._tenant_id, worker, entrypoint, self._depth + 1, request)

    def __iter__(self) -> Iterator[str]:
        """The bindings' names."""
        return iter(self._targets.bound(self._version_id).services)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._targets.bound(self._version_id).services)


class Dispatchers(Mapping[str, Dispatcher]):
    """The dispatch namespaces that one version is bound to, as its target carries them."""

    def __init__(self, targets: Targets, tenant_id: int, version_id: str, depth: int) -> None:
        """Of a worker that is itself `depth` workers from the visitor."""
        self._targets = targets
        self._tenant_id = tenant_id
        self._version_id = version_id
        self._depth = depth

    def __getitem__(self, binding: str) -> Dispatcher:
        """The way into the namespace behind `binding`."""
        bound = self._targets.bound(self._version_id).namespaces[binding]
        return lambda wanted, request: self._targets.dispatch(self._tenant_id, bound, wanted, self._depth + 1, request)

    def __iter__(self) -> Iterator[str]:
        """The bindings' names."""
        return iter(self._targets.bound(self._version_id).namespaces)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._targets.bound(self._version_id).namespaces)


class Capabilities(Mapping[str, Capability]):
    """What else a version may ask the host, as its target carries it: its flags."""

    def __init__(self, targets: Targets, route: WorkerRoute, version_id: str) -> None:
        """Of one version of the route's worker."""
        self._targets = targets
        self._route = route
        self._version_id = version_id

    def __getitem__(self, binding: str) -> Capability:
        """What answers the calls of `binding`."""
        environment = self._targets.bound(self._version_id).flags[binding]
        if self._targets.flags is None:
            raise KeyError(binding)
        return self._targets.flags.binding(self._route.tenant_id, self._route.account_id, environment)

    def __iter__(self) -> Iterator[str]:
        """The bindings' names."""
        return iter(self._targets.bound(self._version_id).flags)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._targets.bound(self._version_id).flags)
