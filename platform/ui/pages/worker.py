"""A worker's overview."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from tenants import selectors
from ui.page import WorkerPage


class Overview(WorkerPage):
    """`/t/{tenant}/workers/{worker}/`: what is live, where it answers."""

    template = "ui/worker.html"
    tab = "overview"
    api = "/api/v1/workers/{worker}"

    def context(self) -> dict[str, Any]:
        """The live deployment and the address."""
        live = selectors.deployment_live(tenant=self.tenant, worker=self.worker)
        entries = [(f"v{entry.version.number}", entry.weight) for entry in live.entries.all()] if live else []
        return {"live": live, "split_entries": entries, "address": address_of(self.tenant.slug, self.worker.name)}


def address_of(tenant: str, worker: str) -> str:
    """Where a worker answers."""
    config = settings.HOSTEL
    found: str = config.origin(f"{worker}.{tenant}.{config.base_domain}")
    return found
