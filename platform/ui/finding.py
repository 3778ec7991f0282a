"""What the command bar finds: places of a tenant, its workers and their pages.

Owns the matching and its order. Bounded: a handful of results, four queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from flags import selectors as flags
from tenants import selectors
from tenants.access import Access
from tenants.models import Tenant
from ui import navigation

RESULTS = 12
CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Result:
    """One thing to go to."""

    label: str
    url: str
    kind: str
    icon: str


def find(access: Access, query: str) -> list[Result]:
    """The best results for what was typed: "hello" finds the worker, "hello metrics" its page, "tokens" the tenant's."""
    tenant = access.tenant
    assert tenant is not None
    words = query.lower()[:CHARACTERS].split()
    places = [Result(link.label, link.url, "Go to", link.icon) for link in navigation.links(navigation.TENANT, access, tenant=tenant.slug)]
    found = [place for place in places if all(word in place.label.lower() for word in words)]
    if access.allows("workers:read"):
        found += _workers(tenant, access, words)
    if access.allows("flags:read") and words:
        found += _flags(tenant, words)
    if access.allows("workers:deploy") and _all(words, "new worker deploy create"):
        found.append(Result("New worker", reverse("ui:worker_new", kwargs={"tenant": tenant.slug}), "Do", "plus"))
    return found[:RESULTS]


def _workers(tenant: Tenant, access: Access, words: list[str]) -> Iterable[Result]:
    rows = selectors.worker_list(tenant=tenant)
    if words:
        rows = rows.filter(name__contains=words[0])
    for worker in rows[:RESULTS]:
        tabs = navigation.links(navigation.WORKER, access, tenant=tenant.slug, worker=worker.name)
        if len(words) <= 1:
            yield Result(worker.name, tabs[0].url, "Worker", "workers")
        else:
            yield from (
                Result(f"{worker.name} · {tab.label}", tab.url, "Worker", "workers") for tab in tabs if _all(words[1:], tab.label.lower())
            )


def _flags(tenant: Tenant, words: list[str]) -> Iterable[Result]:
    first = flags.environment_list(tenant=tenant)[0].name
    for flag in flags.flag_list(tenant=tenant).filter(key__icontains=words[0])[:RESULTS]:
        if _all(words, flag.key.lower()):
            url = reverse("ui:flag", kwargs={"tenant": tenant.slug, "flag": flag.key, "environment": first})
            yield Result(flag.key, url, "Flag", "flags")


def _all(words: list[str], text: str) -> bool:
    return all(word in text for word in words)
