"""Deployments of a worker: which versions get how much of its traffic."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi import render
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.fields import Fields
from cfapi.paging import page_of
from cfapi.reading import object_of
from tenants import selectors, services
from tenants.errors import DeploymentInvalid

# As Cloudflare lists them.
NEWEST = 100


class Deployments(AccountEndpoint):
    """`/workers/scripts/{name}/deployments`."""

    write_scope = "workers:deploy"

    def get(self, request: HttpRequest, name: str) -> JsonResponse:
        """The deployments, newest (the live one) first."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        page = page_of(request, selectors.deployment_list(tenant=self.tenant, worker=worker), render.deployment, per_page=NEWEST)
        return succeed({"deployments": page.items}, info=page.info)

    def post(self, request: HttpRequest, name: str) -> JsonResponse:
        """Deploy versions by percentage."""
        body = object_of(request)
        fields = Fields(body, error=DeploymentInvalid)
        annotations = fields.texts_by_name("annotations")
        made = services.deployment_create(
            tenant=self.tenant,
            worker_name=name,
            versions=shares(body.get("versions")),
            strategy=fields.text("strategy") or "percentage",
            message=annotations.get("workers/message", ""),
            annotations={**annotations, render.TRIGGER: "promotion"},
            actor=self.actor,
            source=render.source_of(request),
        )
        return succeed(render.deployment(made))


class Deployment(AccountEndpoint):
    """`/workers/scripts/{name}/deployments/{deployment}`."""

    def get(self, request: HttpRequest, name: str, deployment: str) -> JsonResponse:  # noqa: ARG002
        """One deployment."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        return succeed(render.deployment(selectors.deployment_get(tenant=self.tenant, worker=worker, deployment_id=deployment)))


def shares(value: Any) -> list[tuple[str, int | float]]:
    """(version id, per cent) from `[{version_id, percentage}]`. Raises DeploymentInvalid; the sum is the service's to judge."""
    if not isinstance(value, list) or not value:
        raise DeploymentInvalid("versions must be a list of {version_id, percentage}.", field="versions")
    found: list[tuple[str, int | float]] = []
    for at, entry in enumerate(value):
        version, share = (entry.get("version_id"), entry.get("percentage")) if isinstance(entry, dict) else (None, None)
        if not isinstance(version, str):
            raise DeploymentInvalid("A share needs a version_id.", field=f"versions.{at}.version_id")
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise DeploymentInvalid("A share needs a percentage, a number.", field=f"versions.{at}.percentage")
        found.append((version, share))
    return found
