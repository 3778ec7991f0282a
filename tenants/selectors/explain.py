"""Why a host name leads where it leads: the rules in the order the gateway asks them, each with what it found.

Owns the explanation only; `tenants.selectors.routes` decides, and a test holds the two together. Tells nothing of other tenants.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from tenants.models import Domain, Tenant, Worker
from tenants.names import HOSTNAME_CHARACTERS
from tenants.rollout import WorkerRoute
from tenants.selectors.routes import preview_lookup, route_lookup

# Where the preview's rule stands.
_PREVIEW_RULE = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is about, whether it decides, and why (not)."""

    name: str
    decides: bool
    why: str


@dataclass(frozen=True, slots=True)
class RouteExplained:
    """The host name as it was understood, the rules in order, and the worker (`namespace:name`) that answers, if it is the tenant's."""

    hostname: str
    rules: list[Rule]
    worker: str | None
    version: str | None


def route_explain(*, tenant: Tenant, url: str) -> RouteExplained:
    """Which rule wins for an address (a URL or a host name), as far as the tenant may know."""
    hostname = host_of(url)
    base = settings.HOSTEL.base_domain
    rules = [
        _own(hostname),
        _subdomain(tenant, hostname, base),
        _preview(tenant, hostname, base),
        _domain(tenant, hostname, base),
    ]
    route = None if rules[0].decides else route_lookup(hostname) or preview_lookup(hostname)
    mine = route is not None and route.tenant_id == tenant.pk and tenant.shows(route.worker_name)
    first = next((index for index, rule in enumerate(rules) if rule.decides), None)
    shown = [
        rule if index == first or not rule.decides else Rule(rule.name, False, "an earlier rule has decided")
        for index, rule in enumerate(rules)
    ]
    return RouteExplained(
        hostname,
        shown,
        route.worker_name if mine and route else None,
        _version(route) if mine and route and first == _PREVIEW_RULE else None,
    )


def host_of(url: str) -> str:
    """The host name of what somebody has typed: without scheme, port, path and closing dot, in lower case."""
    rest = url.strip().rpartition("://")[2]
    for end in "/?#":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2].partition(":")[0].lower().removesuffix(".")[:HOSTNAME_CHARACTERS]


def _own(hostname: str) -> Rule:
    if hostname in settings.HOSTEL.hosts:
        return Rule("The platform's own hosts", True, "the control plane answers here: pages and APIs")
    return Rule("The platform's own hosts", False, "it is none of them")


def _subdomain(tenant: Tenant, hostname: str, base: str) -> Rule:
    name = f"{{worker}}.{{tenant}}.{base}"
    worker, _, slug = hostname.removesuffix(f".{base}").partition(".")
    if not hostname.endswith(f".{base}") or not slug or "." in slug:
        return Rule(name, False, "it has another shape")
    if slug != tenant.slug:
        return Rule(name, False, f"{slug} is not this tenant")
    found = Worker.objects.filter(tenant=tenant, namespace=None, name=worker).first() if tenant.shows(worker) else None
    if found is None:
        return Rule(name, False, f"there is no worker {worker} outside of namespaces")
    if not found.subdomain_enabled:
        return Rule(name, False, f"{worker} has its own address switched off (its settings)")
    return Rule(name, True, f"the worker {worker} has this address of its own")


def _preview(tenant: Tenant, hostname: str, base: str) -> Rule:
    name = f"{{version}}-{{worker}}.{tenant.slug}.{base}"
    if not hostname.endswith(f".{tenant.slug}.{base}"):
        return Rule(name, False, "it has another shape")
    route = preview_lookup(hostname)
    if route is None or route.tenant_id != tenant.pk or not tenant.shows(route.worker_name):
        return Rule(name, False, "no worker with previews has a version whose id begins so")
    return Rule(name, True, f"one version of {route.worker_name} alone answers here: a preview")


def _domain(tenant: Tenant, hostname: str, base: str) -> Rule:
    name = "Host names of the tenant's own"
    if hostname.endswith(f".{base}"):
        return Rule(name, False, f"what ends in .{base} is none")
    found = Domain.objects.filter(tenant=tenant, hostname=hostname).select_related("worker").first()
    if found is None or not tenant.shows(found.worker.name):
        return Rule(name, False, "it is none of yours: add it to a worker, and point its DNS here")
    return Rule(name, True, f"it is led to the worker {found.worker.name}")


def _version(route: WorkerRoute) -> str | None:
    return f"v{route.versions[0].number}" if route.versions else None
