"""Lists that are empty because Hostel has nothing of that kind; clients ask for them on the way to something else."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.errors import FeatureUnsupported
from cfapi.paging import page_of
from cfapi.render import ENVIRONMENT
from tenants import selectors


class EmptyList(AccountEndpoint):
    """A list of the account that has no entries; adding one is refused by name."""

    feature: str = ""

    def get(self, request: HttpRequest, **_: str) -> JsonResponse:
        """An empty page."""
        page = page_of(request, [])
        return succeed(page.items, info=page.info)

    def post(self, request: HttpRequest, **_: str) -> JsonResponse:  # noqa: ARG002
        """Raise FeatureUnsupported."""
        raise FeatureUnsupported(f"Hostel does not offer {self.feature} yet.", feature=self.feature)


class WorkerEmptyList(AccountEndpoint):
    """A list of one worker that has no entries."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """An empty page, whether or not there is such a worker: Alchemy asks by the plain name before it deletes one in a namespace."""
        page = page_of(request, [])
        return succeed(page.items, info=page.info)


class References(AccountEndpoint):
    """`/workers/scripts/{name}/references`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """What would break if the worker went: what binds to it, and whose outbound worker it is."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        incoming: list[dict[str, Any]] = []
        outbounds: list[dict[str, Any]] = []
        for other in selectors.worker_list(tenant=self.tenant).exclude(pk=worker.pk):
            version = selectors.version_latest(tenant=self.tenant, worker=other)
            for binding in version.bindings if version else ():
                place = {"name": binding["name"], "service": other.name, "environment": ENVIRONMENT}
                if binding["type"] == "service" and binding["service"] == name:
                    incoming.append(place)
                elif binding["type"] == "dispatch_namespace" and binding.get("outbound", {}).get("worker", {}).get("service") == name:
                    outbounds.append({**place, "namespace": binding["namespace"]})
        found = {"incoming": incoming, "outgoing": [], "pages_function": False}
        return succeed({"services": found, "durable_objects": [], "dispatch_outbounds": outbounds})
