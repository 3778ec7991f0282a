"""Host names: a worker's, all of a tenant's, and which rule wins for an address."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from tenants import selectors, services
from ui.page import TenantPage
from ui.pages.worker import address_of

PER_PAGE = 100
URL_CHARACTERS = 2_000


class Domains(TenantPage):
    """`/t/{tenant}/domains`."""

    template = "ui/domains.html"
    title = "Domains and routes"
    place = "domains"
    actions = ("add", "remove")
    api = "/api/v1/workers"

    def context(self) -> dict[str, Any]:
        """The host names, the workers they can lead to, and the explanation that was asked for."""
        url = self.request.GET.get("url", "")[:URL_CHARACTERS].replace("\0", "")
        workers = list(selectors.worker_list(tenant=self.tenant)[:1_000])
        return {
            "found": page_of(self.request, selectors.domain_list(tenant=self.tenant), per_page=PER_PAGE),
            "workers": workers,
            "own": [(worker, address_of(self.tenant.slug, worker.name)) for worker in workers if worker.subdomain_enabled][:PER_PAGE],
            "base": settings.HOSTEL.base_domain,
            "url": url,
            "explained": selectors.route_explain(tenant=self.tenant, url=url) if url else None,
        }

    def do_add(self) -> HttpResponseBase | None:
        """Lead a host name to a worker."""
        made = services.domain_add(tenant=self.tenant, worker_name=self.field("worker"), hostname=self.field("hostname"), actor=self.actor)
        self.say(f"{made.hostname} leads to {made.worker.name}.")
        return None

    def do_remove(self) -> HttpResponseBase | None:
        """Give a host name up."""
        name = self.field("hostname")
        self.confirmed(name)
        services.domain_remove(tenant=self.tenant, hostname=name, actor=self.actor)
        self.say(f"{name} is given up.")
        return None
