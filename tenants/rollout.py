"""Which version answers a request.

Owns the order of selection (override, then cohort, then version key, then chance) and the buckets. Pure: what it returns depends on its
arguments only, so the gateway, the API's preview and the tests all ask the same function.

Buckets: a version key falls into one of 100,000, salted with the worker, so that one key is no pattern over many workers. The newest
version takes the lowest buckets: while a rollout only raises newer versions' shares at the cost of older ones, nobody who has seen a
version is ever given an older one again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import mmh3

from tenants.names import qualified
from tenants.sfv import parse_strings

if TYPE_CHECKING:
    from sandbox.limits import Limits

BUCKETS = 100_000
# Weights are hundredths of a per cent.
_WHOLE = 10_000
_PER_WEIGHT = BUCKETS // _WHOLE


@dataclass(frozen=True, slots=True)
class RouteVersion:
    """One version of a deployment, with what a request to it needs."""

    id: str
    number: int
    tag: str
    # ISO 8601, UTC.
    created: str
    # Hundredths of a per cent; 0 is reached by override only.
    weight: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class RouteCohort:
    """A group of visitors with shares of its own: those that name it, and those for whom a rule holds."""

    name: str
    versions: tuple[RouteVersion, ...]
    # ("header" or "cookie", its name, values that count)
    rules: tuple[tuple[str, str, frozenset[str]], ...] = ()

    @property
    def split(self) -> bool:
        """Whether visitors may be given different versions."""
        return sum(version.weight > 0 for version in self.versions) > 1


# Of a flag's targeting: what keeps the visitor on a version of the deployment, too.
VERSION_KEY = "version-key"


@dataclass(frozen=True, slots=True)
class RouteFlag:
    """The flag that may choose a worker's version, and where the targeting key of a request is looked for, in this order."""

    environment: str
    key: str
    targeting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerRoute:
    """Where a host name leads: a worker of a tenant, and the versions of its live deployment, newest first."""

    tenant_id: int
    tenant_slug: str
    account_id: str
    suspended: bool
    worker_id: int
    worker_name: str
    worker_tag: str
    mode: Literal["reuse", "fresh"]
    # None until something was deployed; then `versions` is empty.
    deployment_id: str | None
    versions: tuple[RouteVersion, ...]
    logpush: bool = False
    tail_consumers: Sequence[object] = field(default=())
    # Share of the processor against other tenants.
    cpu_weight: int = 1
    # Whether fetch() may leave the platform.
    internet: bool = True
    # Quotas of the tenant's requests, (name, value), the shortest period first; and whether visitors are told what is left of them.
    quotas: tuple[tuple[str, int], ...] = ()
    quota_headers: bool = True
    # Seconds since 1970: something of this ends by itself then (an override of a limit), and the route must be looked up again.
    expires: float | None = None
    # "" for a worker outside of namespaces.
    namespace: str = ""
    # What keeps a visitor on a version: "cookie", "header:<name>", "ip" or "none".
    sticky: str = "cookie"
    # Whether visitors may choose version and cohort by headers.
    trusts_headers: bool = True
    cohorts: tuple[RouteCohort, ...] = ()
    # Asked before the deployment's shares are; None for most workers.
    flag: RouteFlag | None = None

    @property
    def qualified_name(self) -> str:
        """`namespace:name`, or the name alone: unique within the tenant."""
        return qualified(self.namespace, self.worker_name)

    def shares(self, cohort: str | None = None) -> tuple[RouteVersion, ...]:
        """The versions a cohort is given, by share; of no cohort, or an unknown one, the deployment's own."""
        if cohort is not None:
            for one in self.cohorts:
                if one.name == cohort:
                    return one.versions
        return self.versions

    def is_split(self, cohort: str | None = None) -> bool:
        """Whether visitors may be given different versions."""
        return sum(version.weight > 0 for version in self.shares(cohort)) > 1


@dataclass(frozen=True, slots=True)
class Picked:
    """The version that answers, and why it was that one. `bucket` is the version key's or the throw's."""

    version: RouteVersion
    by: Literal["override", "key", "weight"]
    bucket: int | None = None


def pick_version(
    route: WorkerRoute,
    *,
    overrides: str | None = None,
    version_key: str | None = None,
    cohort: str | None = None,
    throw: Callable[[int], int] = secrets.randbelow,
) -> Picked | None:
    """The version for one request, or None while nothing is deployed.

    `overrides` and `version_key` are the values of `Cloudflare-Workers-Version-Overrides` (several lines joined with a comma) and
    `Cloudflare-Workers-Version-Key`. A malformed override header and an id outside the deployment are ignored, as on Cloudflare.
    `cohort` is the name of one (`cohort_of`); overrides may name any version of the deployment. `throw(n)` gives a number from 0 to n - 1.
    """
    if not route.versions:
        return None
    if overrides:
        wanted = override_in(overrides, route.worker_name)
        for version in route.versions:
            if version.id == wanted:
                return Picked(version, "override")
    versions = route.shares(cohort)
    if version_key:
        bucket = bucket_of(route.worker_tag, version_key)
        return Picked(_at(versions, bucket), "key", bucket)
    if len(versions) == 1:
        return Picked(versions[0], "weight")
    bucket = throw(BUCKETS)
    return Picked(_at(versions, bucket), "weight", bucket)


def cohort_of(route: WorkerRoute, named: str | None, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The name of the cohort of a request: the one it names (letters' case does not matter), else the first of which a rule holds.

    `headers` have names in lower case. None for no cohort, as for one that the deployment does not have.
    """
    if not route.cohorts:
        return None
    if named:
        wanted = named.strip().lower()
        found = next((cohort.name for cohort in route.cohorts if cohort.name.lower() == wanted), None)
        if found is not None:
            return found
    for cohort in route.cohorts:
        for kind, name, values in cohort.rules:
            if any(value in values for value in _values(kind, name.encode(), headers)):
                return cohort.name
    return None


def _values(kind: str, name: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[str]:
    for header, value in headers:
        if kind == "header" and header == name:
            yield value.decode("latin-1").strip()
        elif kind == "cookie" and header == b"cookie":
            for pair in value.split(b";"):
                own, separator, content = pair.strip().partition(b"=")
                if separator and own == name:
                    yield content.strip(b'"').decode("latin-1")


def bucket_of(salt: str, key: str) -> int:
    """The bucket of a version key: murmur3 (32 bit, seed 0) of `salt:key`, modulo `BUCKETS`."""
    return mmh3.hash(f"{salt}:{key}".encode("utf-8", "surrogatepass"), 0, signed=False) % BUCKETS


def newest_first(versions: Sequence[RouteVersion]) -> tuple[RouteVersion, ...]:
    """The order in which versions take their buckets."""
    return tuple(sorted(versions, key=lambda version: -version.number))


def _at(versions: Sequence[RouteVersion], bucket: int) -> RouteVersion:
    upper = 0
    for version in versions:
        upper += version.weight * _PER_WEIGHT
        if bucket < upper:
            return version
    # Only weights that do not sum to the whole lead here, which services refuse to store.
    return max(versions, key=lambda version: version.weight)


def override_in(header: str, worker_name: str) -> str | None:
    """The version id that an override header names for the worker; None for none, and for a header that is malformed."""
    try:
        value = parse_strings(header).get(worker_name)
    except ValueError:
        return None
    return value.lower() if value else None
