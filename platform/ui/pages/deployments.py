"""A worker's deployments: what has been live, a new split, and back again."""

from __future__ import annotations

import re
from typing import Any

from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from cfapi.render import TRIGGER
from tenants import selectors, services
from tenants.errors import DeploymentInvalid, DeploymentNotFound
from ui.page import WorkerPage

PER_PAGE = 25
OFFERED = 8
SOURCE = "ui"
_NUMBER = re.compile(r"[0-9]{1,9}")


class Deployments(WorkerPage):
    """`…/deployments`."""

    template = "ui/deployments.html"
    title = "Deployments"
    tab = "deployments"
    write_scope = "workers:deploy"
    actions = ("split", "rollback")
    api = "/api/v1/workers/{worker}/deployments"

    def context(self) -> dict[str, Any]:
        """History, and the versions that a new split may have."""
        rows = selectors.deployment_list(tenant=self.tenant, worker=self.worker)
        live = rows.first()
        shares = {entry.version.number: entry.weight for entry in live.entries.all()} if live else {}
        newest = list(selectors.version_list(tenant=self.tenant, worker=self.worker)[:OFFERED])
        known = {version.number for version in newest}
        older = [entry.version for entry in live.entries.all() if entry.version.number not in known] if live else []
        offered = [{"version": version, "share": shares.get(version.number, 0) / 100} for version in [*newest, *older]]
        return {"found": page_of(self.request, rows, per_page=PER_PAGE), "offered": offered, "live": live}

    def do_split(self) -> HttpResponseBase | None:
        """Deploy the shares that were typed (`share-{number}`, per cent). Raises `DeploymentInvalid` and what the service raises."""
        typed = ((name.removeprefix("share-"), self.field(name)) for name in self.request.POST if name.startswith("share-"))
        wanted = {int(digits): text for digits, text in typed if text and _NUMBER.fullmatch(digits)}
        shares = {number: _percent(text, number) for number, text in wanted.items()}
        chosen = {number: share for number, share in shares.items() if share}
        rows = selectors.version_list(tenant=self.tenant, worker=self.worker).filter(number__in=list(chosen))
        services.deployment_create(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            versions=[(row.pk, chosen[row.number]) for row in rows],
            message=self.field("message"),
            annotations={TRIGGER: "promotion"},
            actor=self.actor,
            source=SOURCE,
        )
        self.say("Deployed: it takes effect at once.")
        return None

    def do_rollback(self) -> HttpResponseBase | None:
        """Deploy again what an earlier deployment deployed: the same versions, with their environment, and shares."""
        target = selectors.deployment_get(tenant=self.tenant, worker=self.worker, deployment_id=self.field("deployment"))
        live = selectors.deployment_live(tenant=self.tenant, worker=self.worker)
        if live is not None and live.pk == target.pk:
            raise DeploymentNotFound("This is the live deployment: there is nothing to go back to.")
        services.deployment_create(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            versions=[(entry.version_id, entry.weight / 100) for entry in target.entries.all()],
            message=self.field("reason") or f"Rollback to {target.uuid}",
            annotations={TRIGGER: "rollback"},
            actor=self.actor,
            source=SOURCE,
        )
        self.say("Rolled back: it takes effect at once.")
        return None


def _percent(text: str, number: int) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 100:  # noqa: PLR2004 - per cent
        raise DeploymentInvalid(f"The share of v{number} must be a number from 0 to 100.", field=f"share-{number}", limit=100)
    return share
